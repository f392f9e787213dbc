/**
 * Puts the translation of a chat stream between a provider and the listener: chunks become Anthropic events. An answer that is
 * no success passes as it is, to be read as an error.
 */
import type { HeaderList, UpstreamAnswer } from '#actors/ports.ts'
import { concatBytes, keepPiece } from '#domain/concat-bytes.ts'
import type { AnswerOptions } from '#domain/dialect/openai/answer-parts.ts'
import { chatStream, endChat, PING, stepChat } from '#domain/dialect/openai/stream.ts'
import { cutFrames, frameCutter } from '#domain/dialect/sse-frames.ts'
import { parseTold } from '#domain/dialect/told-json.ts'
import type { FailureReason } from '#domain/failure.ts'
import {
  errorAnswerOf,
  isSuccess,
  MAX_ANSWER_BYTES,
  malformed,
  raisedHeaders,
  TOO_LARGE,
} from '#infra/upstream/raised-answer.ts'
import type { Translation } from '#infra/upstream/wire.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** After its finish reason a server gets this long for the usage and the end of the stream. */
const USAGE_WAIT_MS = 2_000

export const raisingStream =
  (options: AnswerOptions, dropped: readonly string[]): Translation =>
  (client, control) => {
    const stream = chatStream(options)
    const cutter = frameCutter()
    let status = 0
    let over = false
    /** `message_start` is out. */
    let begun = false
    let cancelWait: (() => void) | undefined
    /** Some servers answer in one piece, or with an error, although a stream was asked for. */
    let whole: Uint8Array[] | undefined
    let wholeBytes = 0

    const fail = (reason: FailureReason, answer?: UpstreamAnswer): void => {
      if (over) return
      over = true
      cancelWait?.()
      client.fail(reason, answer)
    }
    const breakOff = (reason: FailureReason, answer?: UpstreamAnswer): void => {
      control.abort()
      fail(reason, answer)
    }
    const tell = (frames: readonly string[]): boolean =>
      frames.length === 0 ? true : client.data(encoder.encode(frames.join('')))
    const finish = (): void => {
      const end = endChat(stream)
      if ('broken' in end) {
        fail(malformed(end.broken))
        return
      }
      tell(end.frames)
      if (over) return
      over = true
      cancelWait?.()
      client.end()
    }

    const take = (chunk: Uint8Array): boolean => {
      const frames: string[] = []
      const ok = cutFrames(cutter, chunk, (frame) => {
        const told = stepChat(stream, frame)
        // Empty lines are short, and would make a flood of pings.
        if (told[0] !== PING || frames.at(-1) !== PING) frames.push(...told)
      })
      // An error before the answer began is an answer of its own; after it the client hears of it as an event.
      if (stream.error !== undefined && !begun) {
        breakOff(stream.error.reason, errorAnswerOf(stream.error, control.now()))
        return true
      }
      begun ||= stream.phase !== 'waiting'
      const flowing = tell(frames)
      if (over) return true
      if (!ok) breakOff(malformed('a frame of the stream is too large'))
      else if (stream.phase === 'broken') breakOff(malformed(stream.broken))
      else if (stream.phase === 'finished' && cancelWait === undefined) {
        cancelWait = control.after(USAGE_WAIT_MS, () => {
          control.abort()
          finish()
        })
      }
      return flowing
    }

    return {
      ...client,
      headers: (code, headers) => {
        status = code
        if (isSuccess(code) && isJson(headers)) whole = []
        client.headers(
          code,
          isSuccess(code) ? raisedHeaders(headers, 'text/event-stream; charset=utf-8', dropped) : headers,
        )
      },
      data: (chunk) => {
        if (over) return true
        if (!isSuccess(status)) return client.data(chunk)
        if (whole === undefined) return take(chunk)
        keepPiece(whole, chunk)
        wholeBytes += chunk.length
        if (wholeBytes > MAX_ANSWER_BYTES) breakOff(malformed(TOO_LARGE))
        return true
      },
      end: () => {
        if (over) return
        if (!isSuccess(status)) {
          over = true
          client.end()
          return
        }
        if (whole !== undefined) take(asEvent(concatBytes(whole)))
        // The last event may lack its blank line.
        if (cutter.size > 0) take(encoder.encode('\n\n'))
        if (!over) finish()
      },
      fail: (reason, answer) => {
        // The answer was complete: losing the connection after it changes nothing.
        if (stream.phase === 'finished' && !over) finish()
        else fail(reason, answer)
      },
    }
  }

const isJson = (headers: HeaderList): boolean =>
  headers.some(([name, value]) => name === 'content-type' && /^application\/json\b/i.test(value))

/** A whole answer as the one event of a stream; what is not JSON is left as it is, to be found malformed. */
const asEvent = (body: Uint8Array): Uint8Array => {
  const json = parseTold(decoder.decode(body))
  return json === undefined ? body : encoder.encode(`data: ${JSON.stringify(json)}\n\n`)
}
