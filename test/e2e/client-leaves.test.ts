/**
 * A client that leaves at every stage of a request: the provider's connection is closed, the log says so once, nothing
 * stays behind.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { describe, expect, it } from '@effect/vitest'
import { Context, Deferred, Effect, Layer, type Scope } from 'effect'
import { EventLog } from '#actors/ports.ts'
import { isTerminal } from '#domain/events.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { answer, type Step, stall } from '#infra/simulator/script.ts'
import { type BoxOptions, type RunningBox, startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { start } from './http-client.ts'

const streaming = callBody({ stream: true })

/** Waits until it holds; a test's time limit is its own. */
const eventually = (holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (holds() ? Effect.void : Effect.andThen(Effect.sleep(5), eventually(holds))))

const setUp = (step: Step, more: Partial<BoxOptions> = {}) =>
  Effect.gen(function* () {
    const { sim } = yield* startProviders({ sim: { script: [{ step }] } })
    const box = yield* startBox({ providers: { sim: { url: sim.url } }, ...more })
    return { sim, box }
  })

const terminals = (box: RunningBox) =>
  Effect.map(box.events, (events) => events.flatMap(({ event }) => (isTerminal(event) ? [event._tag] : [])))

/** The client has left: what must be true of the box soon. */
const expectCleanUp = (box: RunningBox) =>
  Effect.gen(function* () {
    yield* box.until(({ event }) => event._tag === 'RequestCancelled')
    yield* eventually(() => box.server.active() === 0)
    expect(box.timekeeper.size()).toBe(0)
    const events = yield* box.events
    expect(yield* terminals(box)).toEqual(['RequestCancelled'])
    expect(events.find(({ event }) => event._tag === 'RequestCancelled')?.event).toMatchObject({
      by: 'client',
      attempts: 1,
    })
    const failed = events.flatMap(({ event }) => (event._tag === 'AttemptFailed' ? [event.reason] : []))
    expect(failed).toEqual([{ _tag: 'Cancelled', by: 'client' }])
    expect(box.ledger.state.projections.requests.inFlight.size).toBe(0)
    expect([...box.ledger.state.machines.values()].map(({ state }) => state)).toEqual(['healthy'])
    expect(yield* box.replayDifference).toBeUndefined()
  })

describe('a client that leaves', () => {
  it.live('while it sends its request is not taken in', () =>
    Effect.gen(function* () {
      const { sim, box } = yield* setUp(answer())
      const before = (yield* box.events).length
      const socket = connect(box.port, '127.0.0.1')
      socket.write(
        `POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"mod`,
      )
      yield* eventually(() => box.server.active() === 1)
      socket.resetAndDestroy()
      yield* eventually(() => box.server.active() === 0)
      expect(sim.requests).toEqual([])
      expect((yield* box.events).length).toBe(before)
      expect(box.timekeeper.size()).toBe(0)
    }),
  )

  it.live('before the provider is connected', () =>
    Effect.gen(function* () {
      // It accepts and says nothing, so TLS never stands and the connection is never ready for a request.
      const hole = yield* blackHole
      const box = yield* startBox({
        providers: { hole: { url: `https://127.0.0.1:${hole.port}`, timeouts: { connectMs: 1_000 } } },
      })
      const client = start(box.port, { body: streaming })
      client.on('error', () => undefined)
      yield* eventually(() => hole.open() === 1)
      client.destroy()
      yield* expectCleanUp(box)
      yield* eventually(() => hole.open() === 0)
    }),
  )

  it.live.each([
    ['while it waits for headers', stall('beforeHeaders'), 'body'],
    ['while it waits for the first content', stall({ events: 1 }), 'start'],
    ['in the middle of the stream', stall({ events: 6 }), 'start'],
  ] as const)('%s', ([, step, sign]) =>
    Effect.gen(function* () {
      const { sim, box } = yield* setUp(step)
      const client = start(box.port, { body: streaming })
      client.on('error', () => undefined)
      yield* sim.until(({ body, bytesSent }) => (sign === 'body' ? body.length > 0 : bytesSent > 0))
      if (sign === 'start') yield* eventually(() => machineHasBytes(box))
      client.destroy()
      yield* expectCleanUp(box)
      yield* sim.until(({ abortedAt }) => abortedAt !== undefined)
    }),
  )

  it.live('in the middle of an answer that is not streamed', () =>
    Effect.gen(function* () {
      const { sim, box } = yield* setUp(stall({ bytes: 20 }))
      const client = start(box.port, { body: callBody() })
      client.on('error', () => undefined)
      yield* sim.until(({ bytesSent }) => bytesSent > 0)
      client.destroy()
      yield* expectCleanUp(box)
      yield* sim.until(({ abortedAt }) => abortedAt !== undefined)
    }),
  )

  it.live.each([true, false])(
    'while the end of its answer is being committed: the success stands (stream: %s)',
    (stream) =>
      Effect.gen(function* () {
        const { gate, log } = yield* heldLog
        const { sim, box } = yield* setUp(answer('hello'), { log })
        gate.hold = true
        const client = start(box.port, { body: callBody({ stream }) })
        client.on('error', () => undefined)
        yield* eventually(
          () => box.ledger.state.projections.requests.inFlight.size === 0 && sim.requests[0]?.endedAt !== undefined,
        )
        client.destroy()
        yield* eventually(() => box.server.active() === 0)
        yield* Deferred.succeed(gate.open, undefined)
        yield* box.until(({ event }) => event._tag === 'AttemptSucceeded')
        expect(yield* terminals(box)).toEqual(['AttemptSucceeded'])
        expect(box.timekeeper.size()).toBe(0)
        expect(yield* box.replayDifference).toBeUndefined()
      }),
  )
})

/** The first frames of the provider have been read when usage is known; before it there is nothing to see. */
const machineHasBytes = (box: RunningBox): boolean => box.timekeeper.size() === 2 && box.server.active() === 1

/** A log in memory whose appends wait while `hold` is set. */
const heldLog = Effect.gen(function* () {
  const gate = { hold: false, open: yield* Deferred.make<void>() }
  const log = Layer.effect(
    EventLog,
    Effect.gen(function* () {
      const memory = Context.get(yield* Layer.build(layerMemory()), EventLog)
      return EventLog.of({
        ...memory,
        append: (events) =>
          Effect.suspend(() => (gate.hold ? Deferred.await(gate.open) : Effect.void)).pipe(
            Effect.andThen(memory.append(events)),
          ),
      })
    }),
  )
  return { gate, log }
})

/** Accepts connections and never says a word. */
const blackHole: Effect.Effect<{ readonly port: number; readonly open: () => number }, never, Scope.Scope> = Effect.gen(
  function* () {
    const sockets = new Set<Socket>()
    const server = yield* Effect.acquireRelease(
      Effect.callback<Server>((resume) => {
        const made = createServer((socket) => {
          sockets.add(socket)
          socket.on('error', () => undefined)
          socket.on('close', () => sockets.delete(socket))
          socket.resume()
        })
        made.listen(0, '127.0.0.1', () => resume(Effect.succeed(made)))
      }),
      (made) =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
          made.close()
        }),
    )
    const address = server.address()
    return { port: typeof address === 'object' && address !== null ? address.port : 0, open: () => sockets.size }
  },
)
