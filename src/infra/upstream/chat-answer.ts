/**
 * Puts the translation of chat answers between a provider and the listener: chunks become Anthropic events, a completion
 * becomes a message. Answers that are no success pass as they are, to be read as errors.
 */
import type { HeaderList, UpstreamAnswer } from '#actors/ports.ts'
import { DROPPED_HEADER } from '#actors/respond.ts'
import { concatBytes } from '#domain/concat-bytes.ts'
import { classifyAnthropicEvent } from '#domain/dialect/classify-anthropic.ts'
import type { AnswerOptions } from '#domain/dialect/openai/answer-parts.ts'
import { collectMessage } from '#domain/dialect/openai/collect-message.ts'
import { type RaisedError, raiseReason } from '#domain/dialect/openai/raise-error.ts'
import { raiseMessage } from '#domain/dialect/openai/response.ts'
import { chatStream, endChat, stepChat } from '#domain/dialect/openai/stream.ts'
import { cutFrames, frameCutter } from '#domain/dialect/sse-frames.ts'
import type { FailureReason } from '#domain/failure.ts'
import type { Translation } from '#infra/upstream/wire.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** After its finish reason a server gets this long for the usage and the end of the stream. */
const USAGE_WAIT_MS = 2_000
/** As for every whole answer; see attempt.ts. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

const isSuccess = (status: number): boolean => status >= 200 && status < 300

/** The server's headers mean the chat body; of them the client gets the id, and what limits and ends the server announces. */
const KEPT = /^(retry-after|retry-after-ms|sunset|deprecation|openai-processing-ms|x-ratelimit-.+)$/
const ID_HEADERS = ['x-request-id', 'x-generation-id', 'apim-request-id', 'request-id']

const raisedHeaders = (headers: HeaderList, contentType: string, dropped: readonly string[]): HeaderList => {
  const id = ID_HEADERS.flatMap((wanted) => headers.find(([name]) => name === wanted)?.[1] ?? [])[0]
  return [
    ['content-type', contentType],
    ...headers.filter(([name]) => KEPT.test(name)),
    ...(id === undefined ? [] : ([['request-id', id]] as const)),
    ...(dropped.length === 0 ? [] : ([[DROPPED_HEADER, headerText(dropped)]] as const)),
  ]
}

const headerText = (paths: readonly string[]): string =>
  paths
    .join(', ')
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, MOST_DROPPED)

/** Field names are the client's to choose; a header has its limits. */
const MOST_DROPPED = 1_000

/** An error inside a 200, as the answer that it should have been. */
const errorAnswerOf = ({ reason, message }: RaisedError, at: number): UpstreamAnswer => {
  const { status, headers, body } = raiseReason(reason, [], message, at)
  return { status, headers, body: encoder.encode(body) }
}

const isJson = (headers: HeaderList): boolean =>
  headers.some(([name, value]) => name === 'content-type' && /^application\/json\b/i.test(value))

/** A whole answer as the one event of a stream; what is not JSON is left as it is, to be found malformed. */
const asEvent = (body: Uint8Array): Uint8Array => {
  const json = parse(decoder.decode(body))
  return json === undefined ? body : encoder.encode(`data: ${JSON.stringify(json)}\n\n`)
}

const malformed = (detail: string): FailureReason => ({ _tag: 'MalformedOutput', detail })

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
      const ok = cutFrames(cutter, chunk, (frame) => void frames.push(...stepChat(stream, frame)))
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
        whole.push(chunk)
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

export const raisingWhole =
  (options: AnswerOptions, dropped: readonly string[]): Translation =>
  (client, control) => {
    const pieces: Uint8Array[] = []
    let size = 0
    let answer: { readonly status: number; readonly headers: HeaderList } | undefined
    let over = false
    const fail = (reason: FailureReason, told?: UpstreamAnswer): void => {
      if (over) return
      over = true
      client.fail(reason, told)
    }
    return {
      ...client,
      headers: (status, headers) => {
        answer = { status, headers }
        if (!isSuccess(status)) client.headers(status, headers)
      },
      data: (chunk) => {
        if (answer !== undefined && !isSuccess(answer.status)) return client.data(chunk)
        pieces.push(chunk)
        size += chunk.length
        if (size > MAX_ANSWER_BYTES) {
          control.abort()
          fail(malformed(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`))
        }
        return true
      },
      end: () => {
        if (over) return
        if (answer === undefined || !isSuccess(answer.status)) {
          over = true
          client.end()
          return
        }
        const raised = raiseMessage(parse(decoder.decode(concatBytes(pieces))), options)
        if ('malformed' in raised) fail(malformed(raised.malformed))
        else if ('error' in raised) fail(raised.error.reason, errorAnswerOf(raised.error, control.now()))
        else {
          over = true
          client.headers(answer.status, raisedHeaders(answer.headers, 'application/json', dropped))
          client.data(encoder.encode(JSON.stringify(raised.message)))
          client.end()
        }
      },
      fail,
    }
  }

/**
 * For a client that wants the whole answer of a server that is asked for a stream, because it gives up on long answers that
 * are not streamed: the events are collected, and told as one message.
 */
export const raisingCollected =
  (options: AnswerOptions, dropped: readonly string[]): Translation =>
  (client, control) => {
    const frames: string[] = []
    let answer: { readonly status: number; readonly headers: HeaderList } | undefined
    const isGood = (): boolean => answer !== undefined && isSuccess(answer.status)
    return raisingStream(options, dropped)(
      {
        ...client,
        headers: (status, headers) => {
          answer = { status, headers }
          if (!isSuccess(status)) client.headers(status, headers)
        },
        data: (chunk) => {
          if (!isGood()) return client.data(chunk)
          frames.push(
            ...decoder
              .decode(chunk)
              .split(FRAME_END)
              .filter((frame) => frame !== ''),
          )
          return true
        },
        end: () => {
          if (!isGood()) {
            client.end()
            return
          }
          const message = collectMessage(frames)
          const error = frames.find((frame) => frame.startsWith('event: error'))
          if (message !== undefined) {
            const headers = (answer?.headers ?? []).filter(([name]) => name !== 'content-type')
            client.headers(answer?.status ?? 200, [['content-type', 'application/json'], ...headers])
            client.data(encoder.encode(JSON.stringify(message)))
            client.end()
          } else if (error !== undefined) {
            client.fail(classifyAnthropicEvent(error.slice(error.indexOf('{'))))
          } else client.fail(malformed('the stream ended before its answer did'))
        },
      },
      control,
    )
  }

/** Our own frames end so, and only there. */
const FRAME_END = /(?<=\n\n)/

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON is what the translation calls malformed.
    return undefined
  }
}
