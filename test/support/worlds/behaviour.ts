/**
 * What a scripted provider does with one exchange, as plain data, and the moves on the wire that it becomes. Every answer
 * says whose it is (provider and number of the exchange), so that bytes of two attempts are never equal by chance.
 */
import fc from 'fast-check'
import { answers, wire } from '#test/box.ts'
import type { Move } from '#test/scripted-upstream.ts'

/** How an answer of 200 goes on after its headers. `at` counts frames of a stream; whole answers break in the middle. */
export type Ending =
  | { readonly _tag: 'complete' }
  /** Says message_stop and then holds the connection open. */
  | { readonly _tag: 'lingers' }
  | { readonly _tag: 'reset'; readonly at: number; readonly extraBytes: number }
  | { readonly _tag: 'cleanEnd'; readonly at: number; readonly extraBytes: number }
  | { readonly _tag: 'stall'; readonly at: number; readonly pings: boolean }
  | { readonly _tag: 'errorEvent'; readonly at: number; readonly type: string }
  | { readonly _tag: 'badJson'; readonly at: number }

export type Behaviour =
  | {
      readonly _tag: 'answer'
      readonly headersMs: number
      readonly firstMs: number
      readonly gapMs: number
      readonly deltas: number
      /** Sizes of chunks in bytes, over and over; they respect no border. */
      readonly chunks: readonly number[]
      readonly extras: 'none' | 'comments' | 'unknown events'
      readonly ending: Ending
    }
  | {
      readonly _tag: 'status'
      readonly afterMs: number
      readonly status: number
      readonly type: string
      readonly retryAfterS: number | null
    }
  /** Names a value of `anthropic-beta` that it does not know, whether it was sent or not. */
  | { readonly _tag: 'refusesBeta'; readonly afterMs: number; readonly beta: string }
  | { readonly _tag: 'refused' }
  | { readonly _tag: 'unreachable' }
  | { readonly _tag: 'resetBeforeHeaders'; readonly afterMs: number }
  | { readonly _tag: 'silent' }
  | { readonly _tag: 'html' }

const STATUSES: readonly (readonly [number, string])[] = [
  [429, 'rate_limit_error'],
  [529, 'overloaded_error'],
  [500, 'api_error'],
  [503, 'overloaded_error'],
  [401, 'authentication_error'],
  [402, 'billing_error'],
  [400, 'invalid_request_error'],
  [404, 'not_found_error'],
  [410, 'not_found_error'],
  [413, 'request_too_large'],
]

const at = fc.nat(9)
const extraBytes = fc.oneof(fc.constant(0), fc.nat(60))
const faults: fc.Arbitrary<Ending> = fc.oneof(
  fc.record({ _tag: fc.constant('reset' as const), at, extraBytes }),
  fc.record({ _tag: fc.constant('cleanEnd' as const), at, extraBytes }),
  fc.record({ _tag: fc.constant('stall' as const), at, pings: fc.boolean() }),
  fc.record({
    _tag: fc.constant('errorEvent' as const),
    at,
    type: fc.constantFrom('overloaded_error', 'api_error', 'rate_limit_error', 'invalid_request_error'),
  }),
  fc.record({ _tag: fc.constant('badJson' as const), at: fc.constantFrom(0, 1) }),
)
const pace = fc.oneof({ weight: 4, arbitrary: fc.nat(400) }, { weight: 1, arbitrary: fc.nat(70_000) })

const answering = (ending: fc.Arbitrary<Ending>): fc.Arbitrary<Behaviour> =>
  fc.record({
    _tag: fc.constant('answer' as const),
    headersMs: pace,
    firstMs: pace,
    gapMs: fc.nat(3_000),
    deltas: fc.nat(3),
    chunks: fc.oneof(
      fc.constant([1_000_000]),
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 4 }),
    ),
    extras: fc.constantFrom('none', 'none', 'comments', 'unknown events'),
    ending,
  })

/** A good answer of any pace. */
export const good: fc.Arbitrary<Behaviour> = answering(
  fc.constantFrom<Ending>({ _tag: 'complete' }, { _tag: 'complete' }, { _tag: 'lingers' }),
)

export const bad: fc.Arbitrary<Behaviour> = fc.oneof(
  { weight: 3, arbitrary: answering(faults) },
  {
    weight: 4,
    arbitrary: fc
      .record({
        afterMs: fc.nat(2_000),
        status: fc.constantFrom(...STATUSES),
        retryAfterS: fc.oneof(fc.constant(null), fc.nat(120)),
      })
      .map(({ afterMs, status: [status, type], retryAfterS }) => ({
        _tag: 'status' as const,
        afterMs,
        status,
        type,
        retryAfterS,
      })),
  },
  { weight: 2, arbitrary: fc.constant<Behaviour>({ _tag: 'refused' }) },
  {
    weight: 1,
    arbitrary: fc.record({
      _tag: fc.constant('refusesBeta' as const),
      afterMs: fc.nat(2_000),
      beta: fc.constantFrom('one-2026-01-01', 'two-2026-01-01', 'three-2026-01-01'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant('resetBeforeHeaders' as const), afterMs: fc.nat(5_000) }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Behaviour>({ _tag: 'unreachable' }, { _tag: 'silent' }, { _tag: 'html' }),
  },
)

/** The moves of one exchange. `name` tells whose it is. */
export const movesOf = (behaviour: Behaviour, name: string, stream: boolean): readonly Move[] => {
  switch (behaviour._tag) {
    case 'status':
      return [
        { connected: true },
        { wait: behaviour.afterMs },
        ...answers
          .error(
            behaviour.status,
            behaviour.type,
            behaviour.retryAfterS === null ? [] : [['retry-after', String(behaviour.retryAfterS)]],
          )
          .slice(1),
      ]
    case 'refusesBeta':
      return [{ connected: true }, { wait: behaviour.afterMs }, ...answers.refusedBeta(behaviour.beta).slice(2)]
    case 'refused':
      return answers.refused
    case 'unreachable':
      return []
    case 'resetBeforeHeaders':
      return [{ connected: true }, { wait: behaviour.afterMs }, LOST]
    case 'silent':
      return answers.silent
    case 'html':
      return [
        { connected: true },
        { headers: 200, list: [['content-type', 'text/html']] },
        { data: '<html><body>Sign in to the network\n\n</body></html>' },
        { end: true },
      ]
    case 'answer':
      return stream ? streamMoves(behaviour, name) : wholeMoves(behaviour, name)
  }
}

type Answer = Extract<Behaviour, { readonly _tag: 'answer' }>
const LOST: Move = { fail: { _tag: 'Transport', code: 'ECONNRESET', connect: false } }

const framesOf = ({ deltas, extras }: Answer, name: string): readonly string[] => {
  const odd =
    extras === 'comments' ? [': a comment\n\n'] : extras === 'unknown events' ? ['event: new\ndata: {"x":1}\n\n'] : []
  return [
    wire.start(),
    wire.ping,
    wire.block,
    ...odd,
    ...Array.from({ length: deltas + 1 }, (_, n) => wire.delta(`${name}:${n} grüße €`)),
    ...odd,
    wire.blockStop,
    wire.finish,
    wire.stop,
  ]
}

const streamMoves = (answer: Answer, name: string): readonly Move[] => {
  const { ending } = answer
  const all = framesOf(answer, name)
  // Counted from the end too, so that the last frames are broken as often as the first.
  const cut = 'at' in ending ? (ending.at > 5 ? Math.max(0, all.length - (10 - ending.at)) : ending.at) : all.length
  const frames = all.slice(0, cut)
  const moves: Move[] = [
    { connected: true },
    { wait: answer.headersMs },
    {
      headers: 200,
      list: [
        ['content-type', 'text/event-stream'],
        ['request-id', `up_${name}`],
      ],
    },
  ]
  const say = (text: string | Uint8Array, gapMs: number): void => {
    const bytes = Buffer.from(text)
    for (let from = 0, n = 0; from < bytes.length; n++) {
      const size = answer.chunks[n % answer.chunks.length] ?? bytes.length
      moves.push({ data: new Uint8Array(bytes.subarray(from, from + size)) })
      from += size
    }
    if (gapMs > 0) moves.push({ wait: gapMs })
  }
  // The prelude, then the wait for the first content, then groups of frames.
  say(frames.slice(0, 3).join(''), answer.firstMs)
  for (let n = 3; n < frames.length; n += 2) say(frames.slice(n, n + 2).join(''), answer.gapMs)
  const partial = (bytes: number) => Buffer.from(all[cut] ?? '').subarray(0, bytes)
  switch (ending._tag) {
    case 'complete':
      return [...moves, { end: true }]
    case 'lingers':
      return moves
    case 'reset':
      say(partial(ending.extraBytes), 1)
      return [...moves, LOST]
    case 'cleanEnd':
      say(partial(ending.extraBytes), 1)
      return [...moves, { end: true }]
    case 'stall':
      if (ending.pings) for (let n = 0; n < 40; n++) moves.push({ wait: 10_000 }, { data: wire.ping })
      return moves
    case 'errorEvent':
      say(wire.error(ending.type), 0)
      return [...moves, { end: true }]
    case 'badJson':
      say('event: message_start\ndata: {"type":\n\n', 0)
      return [...moves, { wait: 10 }, { end: true }]
  }
}

const wholeMoves = (answer: Answer, name: string): readonly Move[] => {
  const { ending } = answer
  const body = Buffer.from(
    JSON.stringify({
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'claude-sonnet-5-5',
      content: [{ type: 'text', text: `${name} grüße €` }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 10, output_tokens: 7 },
    }),
  )
  const head: readonly Move[] = [
    { connected: true },
    { wait: answer.headersMs + answer.firstMs },
    {
      headers: 200,
      list: [
        ['content-type', 'application/json'],
        ['request-id', `up_${name}`],
      ],
    },
  ]
  const half = [...head, { data: new Uint8Array(body.subarray(0, 40)) }]
  switch (ending._tag) {
    case 'complete':
    case 'lingers':
      return [...half, { wait: answer.gapMs }, { data: new Uint8Array(body.subarray(40)) }, { end: true }]
    case 'reset':
      return [...(ending.at === 0 ? head : half), LOST]
    case 'cleanEnd':
    case 'badJson':
      return [...half, { end: true }]
    case 'stall':
      return half
    case 'errorEvent':
      return [
        ...head,
        { data: JSON.stringify({ type: 'error', error: { type: ending.type, message: ending.type } }) },
        { end: true },
      ]
  }
}
