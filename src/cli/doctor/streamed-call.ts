/**
 * One streamed call straight at a provider's upstream, read to its last event.
 */
import { Effect } from 'effect'
import type { Upstream, UpstreamRequest } from '#actors/ports.ts'
import { endOfStream, lookAt, type StreamShape, streamShape } from '#cli/doctor/stream-shape.ts'
import { concatBytes } from '#domain/concat-bytes.ts'
import { type AnthropicStream, anthropicStream, readFrame } from '#domain/dialect/anthropic-stream.ts'
import { cutFrames, frameCutter } from '#domain/dialect/sse-frames.ts'
import type { FailureReason } from '#domain/failure.ts'

export interface StreamedAnswer {
  readonly reading: AnthropicStream
  readonly shape: StreamShape
  /** Until the first content; undefined when there was none. */
  readonly firstContentMs: number | undefined
  readonly durationMs: number
}

/** @param now epoch ms */
export const streamedCall = (
  upstream: Upstream,
  request: UpstreamRequest,
  now: () => number,
): Effect.Effect<StreamedAnswer, FailureReason> =>
  Effect.callback((resume) => {
    const startedAt = now()
    const reading = anthropicStream()
    const shape = streamShape()
    const cutter = frameCutter()
    const refused: Uint8Array[] = []
    let status = 0
    let headers: Parameters<Upstream['classify']>[0]['headers'] = []
    let firstContentMs: number | undefined
    const isSuccess = (): boolean => status >= 200 && status < 300
    const fail = (reason: FailureReason): void => resume(Effect.fail(reason))
    const succeed = (): void => {
      endOfStream(shape)
      resume(Effect.succeed({ reading, shape, firstContentMs, durationMs: now() - startedAt }))
    }
    const take = (frame: Uint8Array): void => {
      lookAt(shape, frame)
      const kind = readFrame(reading, frame)
      if (kind === 'content') firstContentMs ??= now() - startedAt
      else if (kind === 'stop') succeed()
      else if (kind === 'error') fail(upstream.classifyStreamError(reading.errorData ?? '', now()))
    }
    const exchange = upstream.open(request, {
      connected: () => undefined,
      headers: (code, list) => {
        status = code
        headers = list
      },
      data: (chunk) => {
        if (!isSuccess()) refused.push(chunk)
        else if (!cutFrames(cutter, chunk, take)) {
          fail({ _tag: 'MalformedOutput', detail: 'the event stream cannot be read' })
        }
        return true
      },
      end: () => {
        if (isSuccess()) succeed()
        else {
          const refusal = upstream.classify({ status, headers, body: concatBytes(refused) }, now())
          fail(refusal?.reason ?? { _tag: 'Unknown', status })
        }
      },
      fail,
    })
    return Effect.sync(() => exchange.abort())
  })
