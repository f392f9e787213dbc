/**
 * SIGTERM: whatever was taken in is answered to its end, whoever asks for readiness hears no, whoever comes before that is known is
 * served all the same, and the log has it all.
 */
import { Agent, request } from 'node:http'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { answer } from '#infra/simulator/script.ts'
import { configOf, spawnSignalbox, startProcess } from '#test/signalbox-process.ts'
import { callBody, eventNames, startProviders } from '#test/simulator.ts'
import { type Answer, collect, header, send, start } from './http-client.ts'

const STREAMS = 50
const DRAIN_MS = 20_000
const DELAY_MS = 1_500

/** The status on a connection that is kept open, or what happened to it. */
const readyz = (port: number, agent: Agent): Promise<number | string> =>
  new Promise((resolve) => {
    request({ host: '127.0.0.1', port, path: '/readyz', agent }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0))
    })
      .on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'UNKNOWN'))
      .end()
  })

/** Calls one after the other, each on a connection of its own, until one is refused. */
const callOn = (port: number): Promise<readonly Answer[]> =>
  new Promise((resolve, reject) => {
    const answers: Answer[] = []
    const next = (): void => {
      const sent = start(port, { body: callBody({ stream: true }) })
      sent.on('error', (error: NodeJS.ErrnoException) => {
        // A connection that the system had taken, and the box not yet when it stopped listening, is reset.
        if (error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET') resolve(answers)
        else reject(error)
      })
      sent.on('response', (response) => {
        collect(response).then((answer) => {
          answers.push(answer)
          setTimeout(next, 20)
        }, reject)
      })
    }
    next()
  })

const expectWhole = (answers: readonly Answer[]): void => {
  for (const { status, ending, body } of answers)
    expect([status, ending, eventNames(body.toString()).at(-1)]).toEqual([200, 'complete', 'message_stop'])
}

describe(`a stop with ${STREAMS} streams under way`, () => {
  it.live(
    'lets them end, is not ready from the first moment, serves who comes all the same until it takes nothing new, and leaves nothing out of the log',
    () =>
      Effect.gen(function* () {
        const slow = answer('word '.repeat(100), { pace: { eventsPerWrite: 1, betweenWritesMs: 40 } })
        const quick = answer('at once')
        const script = [
          { times: STREAMS, step: slow },
          { times: 10_000, step: quick },
        ]
        const { sim } = yield* startProviders({ sim: { script } })
        const server = { drainTimeout: `${DRAIN_MS} ms`, stopDelay: `${DELAY_MS} ms` }
        const box = yield* startProcess({ config: { ...configOf(sim), server } })
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
          // Both on a connection that was there before, and on a new one.
          const ready = yield* Effect.promise(() => readyz(box.port, agent))
          const another = yield* Effect.promise(() => readyz(box.port, new Agent()))
          const late = yield* Effect.promise(() => callOn(box.port))
          const refusedMs = performance.now() - at
          const exit = yield* box.exited
          return { exit, ready, another, late, refusedMs, tookMs: performance.now() - at }
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
        expect([stop.ready, stop.another]).toEqual([503, 503])
        expect(stop.refusedMs).toBeGreaterThanOrEqual(DELAY_MS)
        expect(stop.late.length).toBeGreaterThan(1)
        expectWhole([...answers, ...stop.late])
        // Whoever keeps connections makes the next one elsewhere.
        expect(stop.late.map((one) => header(one, 'connection'))).toEqual(stop.late.map(() => 'close'))
        const tags = (yield* box.events).map(({ event }) => event._tag)
        const served = STREAMS + stop.late.length
        expect(tags.filter((tag) => tag === 'AttemptSucceeded')).toHaveLength(served)
        expect(tags.filter((tag) => tag === 'RequestAdmitted')).toHaveLength(served)
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

describe('a stop of a box that has nothing to do', () => {
  const never = { drainTimeout: '10 min', stopDelay: '5 min' }

  it.live(
    'is done at once where only this machine reaches it, and for who presses Ctrl-C',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: {} })
        for (const [signal, host] of [
          ['SIGTERM', '127.0.0.1'],
          ['SIGINT', '0.0.0.0'],
        ] as const) {
          const box = yield* startOn(host, { ...configOf(sim), server: { ...never, ...beyond } })
          expect((yield* send(box.port, { body: callBody({ stream: true }) })).status).toBe(200)
          box.signal(signal)
          expect(yield* box.exited).toEqual({ code: 0, signal: null })
        }
      }),
    60_000,
  )

  it.live(
    'waits for the balancer where others reach it, and serves whom that still sends',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: {} })
        const server = { ...beyond, stopDelay: `${DELAY_MS} ms` }
        const box = yield* startOn('0.0.0.0', { ...configOf(sim), server })
        box.signal('SIGTERM')
        const at = performance.now()
        yield* box.printed(/stopping/)
        expect(yield* Effect.promise(() => readyz(box.port, new Agent()))).toBe(503)
        const late = yield* Effect.promise(() => callOn(box.port))
        expect(performance.now() - at).toBeGreaterThanOrEqual(DELAY_MS)
        expect(late.length).toBeGreaterThan(1)
        expectWhole(late)
        expect(yield* box.exited).toEqual({ code: 0, signal: null })
      }),
    60_000,
  )
})

const beyond = { allowedHosts: ['box.example.com'] }

const startOn = (host: string, config: object) =>
  Effect.gen(function* () {
    const started = yield* spawnSignalbox({ config, args: ['serve', '--host', host, '--port', '0'] })
    const [, port = ''] = yield* started.printed(/listens on http:\/\/[\d.]+:(\d+)/)
    // It hears signals a moment after it says that it listens.
    yield* Effect.promise(() => readyz(Number(port), new Agent()))
    return { ...started, port: Number(port) }
  })
