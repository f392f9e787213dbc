/**
 * An Upstream whose exchanges follow a script in the time of the test clock: raw bytes of the Anthropic wire at given
 * moments. For tests of time and interleaving; tests of sockets use the simulator.
 */
import { type Context, Effect } from 'effect'
import type { Upstream, UpstreamRequest } from '#actors/ports.ts'
import { classifyAnthropic, classifyAnthropicEvent } from '#domain/dialect/classify-anthropic.ts'
import { readLimits } from '#domain/dialect/limit-headers.ts'
import { refusedFeatures } from '#domain/dialect/refused-features.ts'
import type { FailureReason } from '#domain/failure.ts'
import { providerId } from '#domain/ids.ts'

export type Move =
  | { readonly wait: number }
  | { readonly connected: true }
  | { readonly headers: number; readonly list?: readonly (readonly [string, string])[] }
  | { readonly data: string | Uint8Array }
  | { readonly end: true }
  | { readonly fail: FailureReason }

/** One exchange: what was asked, what the listener has heard so far, how it ended. */
export interface Recording {
  readonly request: UpstreamRequest
  readonly openedAt: number
  readonly sent: Uint8Array[]
  aborted: boolean
  done: boolean
}

const encoder = new TextEncoder()

/** `script(n)` gives the moves of the n-th exchange, counted from 0. */
export const scriptedUpstream = (
  id: string,
  context: Context.Context<never>,
  script: (n: number, request: UpstreamRequest) => readonly Move[],
  now: () => number,
): Upstream & { readonly exchanges: Recording[] } => {
  const exchanges: Recording[] = []
  return {
    id: providerId(id),
    exchanges,
    open: (request, listener) => {
      const moves = script(exchanges.length, request)
      const recording: Recording = { request, openedAt: now(), sent: [], aborted: false, done: false }
      exchanges.push(recording)
      let resume: (() => void) | undefined
      const play = Effect.gen(function* () {
        // As with real sockets, nothing is heard before `open` has returned.
        yield* Effect.yieldNow
        for (const move of moves) {
          if (recording.aborted) return
          if ('wait' in move) yield* Effect.sleep(move.wait)
          else if ('connected' in move) listener.connected()
          else if ('headers' in move)
            listener.headers(move.headers, move.list ?? [['content-type', 'text/event-stream']])
          else if ('data' in move) {
            const bytes = typeof move.data === 'string' ? encoder.encode(move.data) : move.data
            recording.sent.push(bytes)
            if (!listener.data(bytes)) {
              yield* Effect.callback<void>((done) => {
                resume = () => done(Effect.void)
              })
            }
          } else if ('end' in move) {
            recording.done = true
            listener.end()
            return
          } else {
            recording.done = true
            listener.fail(move.fail)
            return
          }
        }
        // A script without an end is an upstream that falls silent.
        yield* Effect.never
      })
      const fiber = Effect.runForkWith(context)(play)
      return {
        resume: () => resume?.(),
        abort: () => {
          if (recording.done) return
          recording.aborted = true
          fiber.interruptUnsafe()
        },
      }
    },
    counts: true,
    models: undefined,
    readLimits: (headers, at) => readLimits(headers, at),
    classify: (answer, at) => {
      const { status, headers, body } = answer
      const text = new TextDecoder().decode(body)
      const features = refusedFeatures(status, text)
      const reason =
        features.length > 0
          ? ({ _tag: 'FeatureRefused', status, features } as const)
          : classifyAnthropic(status, headers, text, at, 'gateway')
      return reason === undefined ? undefined : { reason, answer }
    },
    classifyStreamError: (data) => classifyAnthropicEvent(data),
  }
}
