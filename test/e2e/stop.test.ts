/**
 * SIGTERM under load: whatever was taken in is answered to its end, whoever asks for readiness hears no, and the log has it all.
 */
import { Agent, request } from 'node:http'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { answer } from '#infra/simulator/script.ts'
import { configOf, startProcess } from '#test/signalbox-process.ts'
import { callBody, eventNames, startProviders } from '#test/simulator.ts'
import { send } from './http-client.ts'

const STREAMS = 50
const DRAIN_MS = 20_000

/** The status on a connection that is kept open, or what happened to it. */
const readyz = (port: number, agent: Agent): Promise<number | string> =>
  new Promise((resolve) => {
    request({ host: '127.0.0.1', port, path: '/readyz', agent }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0))
    })
      .on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'UNKNOWN'))
      .end()
  })

describe(`a stop with ${STREAMS} streams under way`, () => {
  it.live(
    'lets them end, is not ready from the first moment, takes nothing new, and leaves nothing out of the log',
    () =>
      Effect.gen(function* () {
        const slow = answer('word '.repeat(80), { pace: { eventsPerWrite: 1, betweenWritesMs: 40 } })
        const { sim } = yield* startProviders({ sim: { script: [{ times: STREAMS, step: slow }] } })
        const config = { ...configOf(sim), server: { drainTimeout: `${DRAIN_MS} ms` } }
        const box = yield* startProcess({ config })
        const agent = new Agent({ keepAlive: true, maxSockets: 1 })
        expect(yield* Effect.promise(() => readyz(box.port, agent))).toBe(200)
        const call = send(box.port, { body: callBody({ stream: true }) })
        const stopped = Effect.gen(function* () {
          yield* Effect.repeat(
            Effect.delay(
              Effect.sync(() => sim.requests.length),
              10,
            ),
            {
              until: (count) => count === STREAMS,
            },
          )
          box.signal('SIGTERM')
          const at = performance.now()
          yield* box.printed(/stopping/)
          const ready = yield* Effect.promise(() => readyz(box.port, agent))
          const another = yield* Effect.promise(() => readyz(box.port, new Agent()))
          const exit = yield* box.exited
          return { exit, ready, another, tookMs: performance.now() - at }
        })
        const [answers, stop] = yield* Effect.all(
          [
            Effect.all(
              Array.from({ length: STREAMS }, () => call),
              { concurrency: STREAMS },
            ),
            stopped,
          ],
          { concurrency: 2 },
        )
        expect(stop.exit).toEqual({ code: 0, signal: null })
        expect(stop.tookMs).toBeLessThan(DRAIN_MS + 5_000)
        // A connection that idles is closed, a new one is refused: a balancer hears a no either way.
        expect([503, 'ECONNRESET', 'ECONNREFUSED']).toContain(stop.ready)
        expect(stop.another).toBe('ECONNREFUSED')
        for (const one of answers) {
          expect([one.status, one.ending, eventNames(one.body.toString()).at(-1)]).toEqual([
            200,
            'complete',
            'message_stop',
          ])
        }
        const tags = (yield* box.events).map(({ event }) => event._tag)
        expect(tags.filter((tag) => tag === 'AttemptSucceeded')).toHaveLength(STREAMS)
        expect(tags.filter((tag) => tag === 'RequestAdmitted')).toHaveLength(STREAMS)
        expect(tags.at(-1)).toBe('BoxStopped')
        expect(yield* box.replayDifference).toBeUndefined()
      }),
    60_000,
  )

  it.live(
    'breaks off what has not ended in time, says so to its clients and in the log, and still exits with 0',
    () =>
      Effect.gen(function* () {
        const endless = answer('word '.repeat(2_000), { pace: { eventsPerWrite: 1, betweenWritesMs: 100 } })
        const { sim } = yield* startProviders({ sim: { script: [{ times: 3, step: endless }] } })
        const box = yield* startProcess({ config: { ...configOf(sim), server: { drainTimeout: '500 ms' } } })
        const call = send(box.port, { body: callBody({ stream: true }) })
        const stopped = Effect.gen(function* () {
          yield* sim.until(({ number, bytesSent }) => number === 3 && bytesSent > 0)
          yield* Effect.sleep(300)
          box.signal('SIGTERM')
          return yield* box.exited
        })
        const [answers, exit] = yield* Effect.all([Effect.all([call, call, call], { concurrency: 3 }), stopped], {
          concurrency: 2,
        })
        expect(exit).toEqual({ code: 0, signal: null })
        for (const one of answers) {
          expect(one.ending).toBe('broken')
          expect(one.body.toString()).not.toContain('message_stop')
        }
        const ends = (yield* box.events).flatMap(({ event }) => (event._tag === 'RequestCancelled' ? [event.by] : []))
        expect(ends).toEqual(['shutdown', 'shutdown', 'shutdown'])
        expect(yield* box.replayDifference).toBeUndefined()
      }),
    60_000,
  )
})
