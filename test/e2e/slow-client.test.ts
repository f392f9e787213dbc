/**
 * A client that reads slowly, or not at all for a while, holds its provider back; it never fills Signalbox's memory.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { raw } from '#infra/simulator/script.ts'
import { startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { collect, start } from './http-client.ts'

const MB = 1024 * 1024
/** What two pairs of kernel buffers and the streams between them may hold, far below the whole. */
const ON_THE_WAY = 24 * MB

const event = (name: string, data: object): string =>
  `event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`

const bigStream = (): Buffer => {
  const text = 'x'.repeat(16 * 1024)
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-5-5',
    content: [],
    usage: { input_tokens: 1, output_tokens: 1 },
  }
  return Buffer.from(
    [
      event('message_start', { message }),
      event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
      ...Array.from({ length: 3_600 }, () =>
        event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }),
      ),
      event('content_block_stop', { index: 0 }),
      event('message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 2 } }),
      event('message_stop', {}),
    ].join(''),
  )
}

describe('a client that does not read', () => {
  it.live('pauses its provider, and gets everything when it reads again', () =>
    Effect.gen(function* () {
      const bytes = bigStream()
      expect(bytes.length).toBeGreaterThan(50 * MB)
      const { sim } = yield* startProviders({
        sim: { script: [{ step: raw(bytes, { pace: { bytesPerWrite: 64 * 1024 } }) }] },
      })
      // A pause is not a silence of the provider: limits far below the time it lasts.
      const box = yield* startBox({ providers: { sim: { url: sim.url, timeouts: { idleMs: 400, progressMs: 400 } } } })
      const client = start(box.port, { body: callBody({ stream: true }) })
      const response = yield* Effect.callback<Parameters<typeof collect>[0]>((resume) => {
        client.on('response', (got) => {
          got.pause()
          resume(Effect.succeed(got))
        })
      })
      const sent = () => sim.requests[0]?.bytesSent ?? 0
      // It stands still when nothing has moved for longer than the limits.
      const standstill = (before: number, since: number): Effect.Effect<number> =>
        Effect.suspend(() => {
          const now = Date.now()
          if (sent() !== before) return Effect.andThen(Effect.sleep(50), standstill(sent(), now))
          return now - since > 1_000
            ? Effect.succeed(before)
            : Effect.andThen(Effect.sleep(50), standstill(before, since))
        })
      const held = yield* standstill(-1, Date.now())
      expect(held).toBeLessThan(ON_THE_WAY)
      expect(sim.requests[0]?.endedAt).toBeUndefined()

      const answer = yield* Effect.promise(() => collect(response))
      expect(answer.ending).toBe('complete')
      expect(answer.body.equals(bytes)).toBe(true)
      const events = yield* box.events
      expect(events.at(-1)?.event).toMatchObject({ _tag: 'AttemptSucceeded', responseBytes: bytes.length })
    }),
  )
})
