/**
 * The live log: what is committed arrives in order, once, behind where the listener says it stopped; silence is filled; whoever
 * does not keep up is cut off.
 */
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { describe, expect, it } from '@effect/vitest'
import { Effect, Fiber, Queue, type Scope, Stream } from 'effect'
import { TestClock } from 'effect/testing'
import type { Ledger } from '#actors/ledger.ts'
import type { LogListener } from '#actors/ledger-news.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import type { EventRow } from '#http/admin/event-row.ts'
import { HEARTBEAT_MS, liveEvents, MOST_WAITING_BYTES } from '#http/admin/live-events.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { ADMIN_TOKEN, type RunningBox, startBox } from '#test/server.ts'

interface Listener {
  readonly response: IncomingMessage
  /** The events that came, as they come. */
  readonly events: Queue.Queue<EventRow>
  readonly leave: () => void
}

/** Listens over a real socket until the scope closes. */
const listen = (box: RunningBox, query = '', headers: object = {}): Effect.Effect<Listener, never, Scope.Scope> =>
  Effect.gen(function* () {
    const events = yield* Queue.unbounded<EventRow>()
    const [outgoing, response] = yield* Effect.callback<readonly [ClientRequest, IncomingMessage]>((resume) => {
      const outgoing = request(
        {
          host: '127.0.0.1',
          port: box.port,
          path: `/admin/events/live${query}`,
          agent: false,
          headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...headers },
        },
        (response) => resume(Effect.succeed([outgoing, response])),
      )
      outgoing.end()
    })
    let rest = ''
    response.on('data', (chunk: Buffer) => {
      const frames = (rest + chunk.toString()).split('\n\n')
      rest = frames.pop() ?? ''
      for (const frame of frames) {
        const data = frame.split('\n').find((line) => line.startsWith('data: '))
        if (data === undefined) continue
        const row: EventRow = JSON.parse(data.slice('data: '.length))
        expect(frame).toContain(`id: ${row.position}\n`)
        Queue.offerUnsafe(events, row)
      }
    })
    response.on('error', () => {})
    yield* Effect.addFinalizer(() => Effect.sync(() => outgoing.destroy()))
    return { response, events, leave: () => outgoing.destroy() }
  })

const recordRequests = (box: RunningBox, from: number, to: number) =>
  Effect.gen(function* () {
    for (let n = from; n < to; n++) {
      for (const event of servedRequest(n)) {
        if (event._tag !== 'RouteChosen')
          box.ledger.record(event as Parameters<typeof box.ledger.record>[0], Date.now())
      }
    }
    yield* box.ledger.committed
  })

const positionsOf = (rows: readonly EventRow[]) => rows.map(({ position }) => position)
const upTo = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, n) => first + n)

describe('a listener', () => {
  it.live('hears every commit from now on, in order and once', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ admin: {} })
      yield* recordRequests(box, 0, 3)
      const before = box.ledger.health().committedPosition
      const { response, events } = yield* listen(box)
      expect(response.headers['content-type']).toBe('text/event-stream')
      expect(response.headers['cache-control']).toBe('no-store')
      yield* recordRequests(box, 3, 30)
      const last = box.ledger.health().committedPosition
      const heard = yield* Queue.takeN(events, last - before)
      expect(positionsOf(heard)).toEqual(upTo(before + 1, last))
    }),
  )

  it.live('that comes back hears what it has missed and goes on, without a gap, while more is committed', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ admin: {} })
      yield* recordRequests(box, 0, 400)
      const writing = yield* Effect.forkScoped(
        Effect.forEach(upTo(400, 700), (n) => Effect.andThen(recordRequests(box, n, n + 1), Effect.yieldNow), {
          discard: true,
        }),
      )
      const { events } = yield* listen(box, '', { 'last-event-id': '17' })
      yield* Fiber.join(writing)
      const last = box.ledger.health().committedPosition
      const heard = yield* Queue.takeN(events, last - 17)
      expect(positionsOf(heard)).toEqual(upTo(18, last))
    }),
  )

  it.live('hears only what it asks for', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ admin: {} })
      yield* recordRequests(box, 0, 2)
      const { events } = yield* listen(box, '?after=0&type=AttemptStarted&type=BoxStarted')
      yield* recordRequests(box, 2, 4)
      const heard = yield* Queue.takeN(events, 5)
      expect(heard.map(({ type }) => type)).toEqual([
        'BoxStarted',
        ...Array.from({ length: 4 }, () => 'AttemptStarted'),
      ])
    }),
  )

  it.live('of another log, who has seen more than there is, begins with what comes', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ admin: {} })
      const before = box.ledger.health().committedPosition
      const { events } = yield* listen(box, '', { 'last-event-id': '1000000' })
      yield* recordRequests(box, 0, 1)
      expect((yield* Queue.take(events)).position).toBe(before + 1)
    }),
  )

  it.live('that reads nothing is cut off, and the others hear on', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ admin: {} })
      const idle = yield* listen(box)
      idle.response.pause()
      const well = yield* listen(box)
      const before = box.ledger.health().committedPosition
      // Thirty megabytes: more than the buffers of both sockets and the listener's own hold together.
      const [events, eventBytes] = [300, 100_000]
      for (let n = 1; n <= events; n++) {
        box.ledger.record({ _tag: 'BoxStarted', instance: 'test', version: 'x'.repeat(eventBytes) }, Date.now())
        yield* box.ledger.committed
        expect((yield* Queue.take(well.events)).position).toBe(before + n)
      }
      const over = Effect.callback<boolean>((resume) => {
        idle.response.once('close', () => resume(Effect.succeed(idle.response.complete)))
        idle.response.resume()
      })
      expect(yield* over).toBe(false)
      expect(Queue.sizeUnsafe(idle.events)).toBeLessThan(events)
    }),
  )
})

/** A ledger that publishes what the test says, over a log that holds nothing more. */
const scripted = () => {
  const listeners = new Set<LogListener>()
  const give = envelopes()
  let position = 0
  const publish = (count: number): void => {
    const events = Array.from({ length: count }, (_, n) => servedRequest(n)[0]).flatMap((event) => event ?? [])
    const recorded = give(events).map(
      (event): RecordedEvent => ({ streamVersion: 1, ...event, position: ++position, schemaVersion: 1, recordedAt: 0 }),
    )
    for (const listener of listeners) listener(recorded)
  }
  const ledger = {
    heard: () => ({ position, at: 0 }),
    follow: (listener: LogListener) =>
      Effect.acquireRelease(
        Effect.sync(() => void listeners.add(listener)),
        () => Effect.sync(() => void listeners.delete(listener)),
      ),
  } as Partial<Ledger['Service']> as Ledger['Service']
  return { ledger, publish, listeners }
}

describe('the stream of a listener', () => {
  const nothing = { read: () => Effect.succeed([]) } as never

  it.effect('says every fifteen seconds that it is still there', () =>
    Effect.gen(function* () {
      const { ledger } = scripted()
      const texts: string[] = []
      const stream = liveEvents({ ledger, log: nothing, after: 0, types: undefined, stream: undefined, cut: () => {} })
      yield* Effect.forkScoped(
        Stream.runForEach(Stream.decodeText(stream), (text) => Effect.sync(() => void texts.push(text))),
      )
      yield* TestClock.adjust(HEARTBEAT_MS - 1)
      expect(texts).toEqual(['retry: 2000\n: from 0\n\n'])
      yield* TestClock.adjust(1)
      expect(texts.at(-1)).toBe(': heartbeat\n\n')
      yield* TestClock.adjust(2 * HEARTBEAT_MS)
      expect(texts.filter((text) => text === ': heartbeat\n\n')).toHaveLength(3)
    }),
  )

  it.effect(
    'goes on where another instance had stopped that had heard more, and begins at the end when it is of another log',
    () =>
      Effect.gen(function* () {
        const { ledger, publish } = scripted()
        publish(5)
        const log = { read: () => Effect.succeed([]), head: Effect.succeed(9) } as never
        const from = (after: number) => {
          const stream = liveEvents({ ledger, log, after, types: undefined, stream: undefined, cut: () => {} })
          return Stream.runHead(Stream.decodeText(stream)).pipe(
            Effect.map((first) => (first._tag === 'Some' ? first.value : '')),
            Effect.scoped,
          )
        }
        expect(yield* from(4)).toContain('from 4\n')
        expect(yield* from(7)).toContain('from 7\n')
        expect(yield* from(1_000)).toContain('from 9\n')
      }),
  )

  it.effect('keeps no more than its bound for one that takes nothing, and forgets it when it is gone', () =>
    Effect.gen(function* () {
      const { ledger, publish, listeners } = scripted()
      let cuts = 0
      const stream = liveEvents({
        ledger,
        log: nothing,
        after: 0,
        types: undefined,
        stream: undefined,
        cut: () => void cuts++,
      })
      const stuck = yield* Effect.forkScoped(
        // The first frame comes before it has caught up, the second with the first commit.
        Stream.runForEach(stream, (bytes) => (bytes.length > 100 ? Effect.never : Effect.void)),
      )
      yield* TestClock.adjust(0)
      publish(1)
      yield* TestClock.adjust(0)
      let bytes = 0
      while (cuts === 0) {
        publish(10)
        bytes += 10 * 300
        expect(bytes).toBeLessThan(2 * MOST_WAITING_BYTES)
      }
      expect(bytes).toBeGreaterThan(MOST_WAITING_BYTES / 3)
      yield* Fiber.interrupt(stuck)
      expect(listeners.size).toBe(0)
    }),
  )
})
