/**
 * What a client may have got, judged from the bytes that the provider sent and from the log; reads event streams with a
 * reader of its own, so that a mistake in ours cannot excuse itself.
 */
import type { RecordedEvent } from '#domain/recorded-event.ts'
import type { Recording } from '#test/scripted-upstream.ts'
import type { PlayedRequest } from './play.ts'

const KEEP_ALIVE = ': keep-alive\n\n'

/** The bytes after our own comments. */
export const withoutKeepAlives = (bytes: Uint8Array): Buffer => {
  let rest = Buffer.from(bytes)
  while (rest.subarray(0, KEEP_ALIVE.length).toString('latin1') === KEEP_ALIVE) rest = rest.subarray(KEEP_ALIVE.length)
  return rest
}

export interface Frame {
  readonly event: string
  readonly data: string
}

/** By the letter of the standard: a frame without data is none; what has no blank line after it is none. */
export const framesOf = (text: string): readonly Frame[] => {
  const frames: Frame[] = []
  const blocks = text.split('\n\n')
  for (const block of blocks.slice(0, -1)) {
    const lines = block.split('\n').filter((line) => !line.startsWith(':'))
    const field = (name: string) =>
      lines.flatMap((line) => (line.startsWith(`${name}: `) ? [line.slice(name.length + 2)] : []))
    const data = field('data')
    if (data.length > 0) frames.push({ event: field('event').at(-1) ?? 'message', data: data.join('\n') })
  }
  return frames
}

const isPrefix = (part: Uint8Array, whole: Uint8Array): boolean =>
  part.length <= whole.length && Buffer.compare(part, whole.subarray(0, part.length)) === 0

const parses = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** What is wrong with a client's response, or undefined. `exchanges`: those of its request, the last attempt's last. */
export const wrongBytes = (
  { seen, fate, arrival }: PlayedRequest,
  events: readonly RecordedEvent[],
  exchanges: readonly Recording[],
): string | undefined => {
  const sent = Buffer.concat(exchanges.at(-1)?.sent ?? [])
  const got = withoutKeepAlives(seen.bytes)
  const terminal = events.at(-1)?.event
  const frames = framesOf(got.toString())
  const last = frames.at(-1)?.event

  if (arrival.stream && seen.ended && seen.status === 200 && last !== 'message_stop' && last !== 'error')
    return `its stream ended cleanly after ${last ?? 'nothing'}`
  if (arrival.stream && frames.filter(({ event }) => event === 'message_start').length > 1)
    return 'it saw two message_start'
  if (arrival.stream && seen.ended && frames.some(({ event, data }) => KNOWN.has(event) && !parses(data)))
    return 'a frame of a complete stream is not JSON'

  if (fate !== 'answered') {
    if (seen.ended || exchanges.some((one) => isPrefix(got, Buffer.concat(one.sent))) || got.length === 0)
      return undefined
    return 'it left with bytes that no attempt had sent'
  }
  if (!seen.ended && !seen.destroyed) return 'its response is neither ended nor broken off'
  if (terminal?._tag === 'AttemptSucceeded') {
    if (seen.destroyed) return 'its response was broken off, but the log says success'
    if (seen.status !== 200) return `a success has status ${seen.status}`
    if (got.equals(sent)) return undefined
    // Lost after the stop reason: what was complete of it, and the last frame.
    const complete = framesOf(sent.toString())
    const finished = complete.some(({ event, data }) => event === 'message_delta' && data.includes('"stop_reason"'))
    return finished && same(frames, [...complete.filter(({ event }) => event !== 'message_stop'), STOP])
      ? undefined
      : 'a success differs from the bytes of the attempt that served it'
  }
  if (terminal?._tag !== 'RequestFailed') return `it was answered, but its last event is ${terminal?._tag ?? 'none'}`
  if (terminal.status !== seen.status) return `the log says status ${terminal.status}, the client got ${seen.status}`
  if (seen.destroyed)
    return isPrefix(got, sent) && got.length > 0 ? undefined : 'a broken-off response has other bytes than its attempt'
  if (seen.status !== 200) {
    return parses(got.toString()) || got.equals(sent) ? undefined : 'an error is neither ours nor the provider’s'
  }
  // An error inside a 200: the provider's own, or ours after keep-alives.
  if (last !== 'error') return 'a failed stream ended without an error event'
  // The provider that spoke last speaks for those that were tried after it.
  const spoken = exchanges.some((one) => got.equals(Buffer.concat(one.sent)))
  return spoken || frames.length === 1 ? undefined : 'a failed stream differs from the bytes of every attempt'
}

const KNOWN = new Set([
  'message_start',
  'content_block_start',
  'content_block_delta',
  'content_block_stop',
  'message_delta',
  'message_stop',
  'error',
])
const STOP: Frame = { event: 'message_stop', data: '{"type":"message_stop"}' }
const same = (a: readonly Frame[], b: readonly Frame[]): boolean => JSON.stringify(a) === JSON.stringify(b)
