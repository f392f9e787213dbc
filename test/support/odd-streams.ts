/**
 * Streams that are wrong in their structure while every byte of them can be read: events missing, doubled, out of order, of another
 * stream, or saying what does not fit where they stand. Framed in every way that is allowed, and ended in every way there is.
 */
import type { Dice } from '../fuzz/dice.ts'

export interface OddFrame {
  /** Undefined for data without a name. */
  readonly event: string | undefined
  readonly data: string
}

export interface OddStream {
  readonly bytes: Buffer
  /** `open`: the last chunk is missing, and the connection closes. */
  readonly end: 'clean' | 'reset' | 'open'
  /** What was done to it, for the message of a failure. */
  readonly how: readonly string[]
}

type Json = { readonly [key: string]: unknown }

/** The frames of a fixture; comments are left out. */
export const framesOf = (text: string): readonly OddFrame[] =>
  text.split(/\n\n/).flatMap((frame) => {
    const data = /^data: ?(.*)$/m.exec(frame)?.[1]
    return data === undefined ? [] : [{ event: /^event: ?(.*)$/m.exec(frame)?.[1], data }]
  })

/** @param others streams from which a part may come, @param most of the damages that one stream gets */
export const oddStream = (
  draws: Dice,
  frames: readonly OddFrame[],
  others: readonly (readonly OddFrame[])[],
): OddStream => {
  const how: string[] = []
  let odd = frames
  for (let left = draws.below(4); left > 0; left--) {
    const [name, damage] = draws.pick(frames[0]?.event === undefined ? CHAT_DAMAGES : ANTHROPIC_DAMAGES)
    how.push(name)
    odd = damage(draws, odd, others)
  }
  const [style, render] = draws.pick(STYLES)
  const whole = Buffer.from(odd.map((frame) => render(frame, draws)).join(''))
  const end = draws.pick(['clean', 'clean', 'clean', 'reset', 'open'] as const)
  const cut = draws.below(4)
  const at = cut === 0 ? draws.below(whole.length + 1) : cut === 1 ? boundary(draws, whole) : whole.length
  return { bytes: whole.subarray(0, at), end, how: [...how, style, end, `${at} of ${whole.length} bytes`] }
}

/** Just behind one of the frames. */
const boundary = ({ pick }: Dice, bytes: Buffer): number => {
  const ends: number[] = []
  for (let at = bytes.indexOf('\n\n'); at !== -1; at = bytes.indexOf('\n\n', at + 2)) ends.push(at + 2)
  return ends.length === 0 ? bytes.length : pick(ends)
}

type Damage = (
  draws: Dice,
  frames: readonly OddFrame[],
  others: readonly (readonly OddFrame[])[],
) => readonly OddFrame[]

const ORDER: readonly (readonly [string, Damage])[] = [
  ['drops an event', ({ below }, frames) => frames.toSpliced(below(frames.length), 1)],
  ['doubles an event', ({ below }, frames) => insertAt(frames, below(frames.length), (at) => [frames[at]])],
  [
    'moves an event',
    ({ below }, frames) => {
      const from = below(frames.length)
      return insertAt(frames.toSpliced(from, 1), below(frames.length), () => [frames[from]])
    },
  ],
  [
    'swaps two events',
    ({ below }, frames) => {
      const [a, b] = [below(frames.length), below(frames.length)]
      return frames.map((frame, at) => (at === a ? (frames[b] ?? frame) : at === b ? (frames[a] ?? frame) : frame))
    },
  ],
  [
    'goes on as another stream',
    ({ below, pick }, frames, others) => {
      const other = pick(others)
      return [...frames.slice(0, below(frames.length + 1)), ...other.slice(below(other.length))]
    },
  ],
  [
    'has an event of another stream',
    ({ below, pick }, frames, others) => insertAt(frames, below(frames.length + 1), () => [pick(pick(others))]),
  ],
  ['begins in the middle', ({ below }, frames) => frames.slice(below(frames.length))],
  ['comes twice', (_draws, frames) => [...frames, ...frames]],
]

const VALUES: readonly (readonly [string, Damage])[] = [
  [
    'replaces a value',
    (draws, frames) => changed(draws, frames, (data) => replaced(draws, data, () => draws.pick(ODD))),
  ],
  ['loses a member', (draws, frames) => changed(draws, frames, (data) => replaced(draws, data, () => undefined))],
  ['cuts its JSON', (draws, frames) => rewritten(draws, frames, (data) => data.slice(0, draws.below(data.length)))],
  [
    'says what is no JSON',
    (draws, frames) => rewritten(draws, frames, () => draws.pick(['nope', '[]', 'null', '"x"', '7', '{}', ''])),
  ],
]

const odd = (event: string, more: Json = {}): OddFrame => ({ event, data: JSON.stringify({ type: event, ...more }) })
const block = (index: unknown, content_block: Json): OddFrame => odd('content_block_start', { index, content_block })
const delta = (index: unknown, inner: Json): OddFrame => odd('content_block_delta', { index, delta: inner })
const finish = (stop_reason: unknown, usage: Json = { output_tokens: 3 }): OddFrame =>
  odd('message_delta', { delta: { stop_reason, stop_sequence: null }, usage })

const INDICES: readonly unknown[] = [-1, 1, 2, 7, 1e9, 0.5, '0', null, true]
const EVENTS: readonly OddFrame[] = [
  block(0, { type: 'text', text: '' }),
  block(9, { type: 'tool_use', id: 'toolu_x', name: 'Read', input: {} }),
  block(1, { type: 'thinking', thinking: '' }),
  delta(0, { type: 'input_json_delta', partial_json: '{"a":' }),
  delta(0, { type: 'input_json_delta', partial_json: '}}' }),
  delta(0, { type: 'thinking_delta', thinking: 'hm' }),
  delta(0, { type: 'signature_delta', signature: 'c2ln' }),
  delta(99, { type: 'text_delta', text: 'nowhere' }),
  delta(0, {}),
  odd('content_block_stop', { index: 0 }),
  odd('content_block_stop', { index: 5 }),
  finish('end_turn'),
  finish('tool_use', { output_tokens: 0 }),
  finish(null),
  finish('end_turn', {}),
  odd('message_delta', { delta: { stop_reason: 'end_turn' } }),
  odd('message_delta'),
  odd('message_stop'),
  odd('message_start', { message: { id: 'msg_2', type: 'message', role: 'assistant', content: [], usage: {} } }),
  odd('message_start', { message: null }),
  odd('error', { error: { type: 'overloaded_error', message: 'Overloaded' } }),
  odd('error', { error: 'text' }),
]

/** What no release of the API has today and one may have tomorrow: it passes. */
export const UNKNOWN: readonly OddFrame[] = [
  odd('message_annotation', { note: 'of tomorrow' }),
  block(0, { type: 'hologram', points: [1, 2] }),
  delta(0, { type: 'hologram_delta', points: [3] }),
  odd('content_block_progress', { index: 0, share: 0.5 }),
  odd('ping', { cost: '12' }),
]

const ANTHROPIC_DAMAGES: readonly (readonly [string, Damage])[] = [
  ...ORDER,
  ...ORDER,
  ...VALUES,
  [
    'changes an index',
    (draws, frames) =>
      changed(draws, frames, (data) => ('index' in data ? { ...data, index: draws.pick(INDICES) } : data)),
  ],
  ['has an odd event', ({ below, pick }, frames) => insertAt(frames, below(frames.length + 1), () => [pick(EVENTS)])],
  [
    'has an unknown event',
    ({ below, pick }, frames) => insertAt(frames, below(frames.length + 1), () => [pick(UNKNOWN)]),
  ],
  ['pings', ({ below }, frames) => insertAt(frames, below(frames.length + 1), () => Array(200).fill(odd('ping')))],
  [
    'names an event otherwise',
    ({ below, pick }, frames) =>
      replacedAt(frames, below(frames.length), (frame) => ({ ...frame, event: pick(frames).event })),
  ],
  [
    'loses a name',
    ({ below }, frames) => replacedAt(frames, below(frames.length), ({ data }) => ({ event: undefined, data })),
  ],
]

const chunk = (more: Json): OddFrame => ({
  event: undefined,
  data: JSON.stringify({ id: 'chatcmpl-x', choices: [{ index: 0, ...more }] }),
})
const call = (index: unknown, fn: Json, id?: unknown): Json => ({
  index,
  function: fn,
  ...(id === undefined ? {} : { id }),
})
const calls = (...list: readonly Json[]): OddFrame => chunk({ delta: { tool_calls: list }, finish_reason: null })
const CHUNKS: readonly OddFrame[] = [
  chunk({ delta: { content: 'more' }, finish_reason: null }),
  chunk({ delta: {}, finish_reason: 'stop' }),
  chunk({ delta: { content: 'last' }, finish_reason: 'length' }),
  chunk({ delta: {}, finish_reason: 'tool_calls' }),
  chunk({ delta: {}, finish_reason: 'error' }),
  chunk({ delta: null, finish_reason: 'stop' }),
  chunk({ finish_reason: null }),
  calls(call(0, { name: 'Read', arguments: '{"a":' }, 'call_1')),
  calls(call(0, { arguments: '}}' })),
  calls(call(7, { arguments: '{}' })),
  calls(call(-1, { name: 'Read' }, 'call_1')),
  calls(call('0', { name: 'Glob', arguments: { a: 1 } }, 5)),
  calls(call(0, { name: 'Other', arguments: '{}' }, 'call_2'), call(1, { name: 'Read', arguments: '' }, 'call_2')),
  { event: undefined, data: '{"choices":[]}' },
  { event: undefined, data: '{"choices":[],"usage":{"prompt_tokens":-5,"completion_tokens":1e300}}' },
  { event: undefined, data: '{"error":{"code":502,"message":"Bad gateway"}}' },
  { event: 'error', data: '{"message":"x"}' },
  { event: undefined, data: '[DONE]' },
  { event: 'delta', data: '{"choices":[{"index":0,"delta":{"content":"named"},"finish_reason":null}]}' },
]

const CHAT_DAMAGES: readonly (readonly [string, Damage])[] = [
  ...ORDER,
  ...ORDER,
  ...VALUES,
  ['has an odd chunk', ({ below, pick }, frames) => insertAt(frames, below(frames.length + 1), () => [pick(CHUNKS)])],
  ['has an odd chunk', ({ below, pick }, frames) => insertAt(frames, below(frames.length + 1), () => [pick(CHUNKS)])],
]

const insertAt = (
  frames: readonly OddFrame[],
  at: number,
  make: (at: number) => readonly (OddFrame | undefined)[],
): readonly OddFrame[] => frames.toSpliced(at, 0, ...make(at).filter((frame) => frame !== undefined))

const replacedAt = (frames: readonly OddFrame[], at: number, by: (frame: OddFrame) => OddFrame): readonly OddFrame[] =>
  frames.map((frame, n) => (n === at ? by(frame) : frame))

const rewritten = ({ below }: Dice, frames: readonly OddFrame[], by: (data: string) => string): readonly OddFrame[] =>
  replacedAt(frames, below(frames.length), (frame) => ({ ...frame, data: by(frame.data) }))

/** One event whose data is JSON, as it does with its value. */
const changed = (draws: Dice, frames: readonly OddFrame[], by: (data: Json) => Json): readonly OddFrame[] =>
  rewritten(draws, frames, (data) =>
    data.startsWith('{') && data.endsWith('}') ? JSON.stringify(by(parsed(data))) : data,
  )

const parsed = (data: string): Json => {
  try {
    return JSON.parse(data) as Json
  } catch {
    return { data }
  }
}

const ODD: readonly unknown[] = [
  ...[null, true, 0, -1, 1e308, 2 ** 53, '', '0', 'x', '\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'],
  ...[[], {}, [null], [{}], { type: null }, 'message_stop', 'text_delta', 'tool_use', '\ud800', '[DONE]'],
]

/** The value with one of its members, however deep, by what is made for it. */
const replaced = (draws: Dice, value: Json, make: () => unknown): Json => {
  const names = Object.keys(value)
  if (names.length === 0) return value
  const name = draws.pick(names)
  const inner = value[name]
  const deeper = typeof inner === 'object' && inner !== null && Object.keys(inner).length > 0 && draws.chance(0.7)
  const next = deeper ? replaced(draws, inner as Json, make) : make()
  return Array.isArray(value)
    ? (value.map((item, n) => (String(n) === name ? next : item)) as unknown as Json)
    : { ...value, [name]: next }
}

type Render = (frame: OddFrame, draws: Dice) => string

const named = ({ event }: OddFrame, line: string, end = '\n'): string =>
  event === undefined ? '' : `${line}${event}${end}`

const STYLES: readonly (readonly [string, Render])[] = [
  ['plain', (frame) => `${named(frame, 'event: ')}data: ${frame.data}\n\n`],
  ['plain', (frame) => `${named(frame, 'event: ')}data: ${frame.data}\n\n`],
  ['without spaces', (frame) => `${named(frame, 'event:')}data:${frame.data}\n\n`],
  ['with CRLF', (frame) => `${named(frame, 'event: ', '\r\n')}data: ${frame.data}\r\n\r\n`],
  ['data first', (frame) => `data: ${frame.data}\n${named(frame, 'event: ')}\n`],
  [
    'with ids and comments',
    (frame) => `: c\n${named(frame, 'event: ')}id: 7\n: inside\nretry: 1\ndata: ${frame.data}\nunknown: x\n\n`,
  ],
  [
    'data in lines',
    (frame) => `${named(frame, 'event: ')}${frame.data.replace(/([,{])"/g, '$1\n"').replace(/^/gm, 'data: ')}\n\n`,
  ],
  ['two names', (frame) => `event: ping\n${named(frame, 'event: ')}data: ${frame.data}\n\n`],
  ['blank lines between', (frame) => `\n\n: c\n\n${named(frame, 'event: ')}data: ${frame.data}\n\n\n`],
]
