/**
 * Puts the translation of a whole chat completion between a provider and the listener: it becomes an Anthropic message, also
 * where the server had to be asked for a stream. An answer that is no success passes as it is, to be read as an error.
 */
import type { HeaderList, UpstreamAnswer } from '#actors/ports.ts'
import { concatBytes, keepPiece } from '#domain/concat-bytes.ts'
import { classifyAnthropicEvent } from '#domain/dialect/classify-anthropic.ts'
import type { AnswerOptions } from '#domain/dialect/openai/answer-parts.ts'
import { collectMessage } from '#domain/dialect/openai/collect-message.ts'
import { raiseMessage } from '#domain/dialect/openai/response.ts'
import { parseTold } from '#domain/dialect/told-json.ts'
import type { FailureReason } from '#domain/failure.ts'
import { raisingStream } from '#infra/upstream/raise-stream.ts'
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
        keepPiece(pieces, chunk)
        size += chunk.length
        if (size > MAX_ANSWER_BYTES) {
          control.abort()
          fail(malformed(TOO_LARGE))
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
        const raised = raiseMessage(parseTold(decoder.decode(concatBytes(pieces))), options)
        if ('malformed' in raised) fail(malformed(raised.malformed))
        else if ('error' in raised) fail(raised.error.reason, errorAnswerOf(raised.error, control.now()))
        else {
          const message = encoder.encode(JSON.stringify(raised.message))
          over = true
          client.headers(answer.status, raisedHeaders(answer.headers, 'application/json', dropped))
          client.data(message)
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
    let frames: string[] = []
    let characters = 0
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
          const text = decoder.decode(chunk)
          characters += text.length
          frames.push(...text.split(FRAME_END).filter((frame) => frame !== '' && !frame.startsWith('event: ping')))
          if (characters > MAX_ANSWER_BYTES) {
            frames = []
            control.abort()
            client.fail(malformed(TOO_LARGE))
          }
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
