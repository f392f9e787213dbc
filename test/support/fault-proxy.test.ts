/**
 * The fault proxy does what its words say: to bytes, to ends, to connections that are open when a toxic comes.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { startFaultProxy } from '#test/fault-proxy.ts'
import { gone, tcpServer } from '../infra/upstream/loopback.ts'

/** A server that sends everything back, behind a proxy. */
const setUp = Effect.gen(function* () {
  const served: Socket[] = []
  const server = yield* Effect.promise(() =>
    tcpServer((socket) => {
      served.push(socket)
      socket.pipe(socket)
    }),
  )
  const proxy = yield* startFaultProxy({ port: server.port, seed: 7 })
  return { proxy, served, server }
})

/** A connection that remembers what came and how it ended. */
const dial = (port: number) => {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  let how: 'open' | 'end' | 'reset' | 'refused' = 'open'
  let size = 0
  socket.on('data', (chunk) => {
    chunks.push(chunk)
    size += chunk.length
  })
  socket.on('end', () => {
    how = 'end'
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    how = error.code === 'ECONNREFUSED' ? 'refused' : 'reset'
  })
  const over = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  return {
    socket,
    received: () => Buffer.concat(chunks),
    chunks: () => chunks.length,
    how: () => how,
    over: Effect.promise(() => over),
    /** Waits until so many bytes are there. */
    has: (bytes: number) =>
      Effect.promise(async () => {
        while (size < bytes) await once(socket, 'data')
      }),
  }
}

const timed = <A>(effect: Effect.Effect<A>) =>
  Effect.gen(function* () {
    const from = performance.now()
    yield* effect
    return performance.now() - from
  })

const text = (bytes: number): string => 'all the world is a stage '.repeat(Math.ceil(bytes / 25)).slice(0, bytes)

describe('a proxy without toxics', () => {
  it.live('passes every byte and both ends', () =>
    Effect.gen(function* () {
      const { proxy } = yield* setUp
      const one = dial(proxy.port)
      one.socket.end(text(300_000))
      yield* one.over
      expect(one.received().toString()).toBe(text(300_000))
      expect(one.how()).toBe('end')
      expect([proxy.passed('up'), proxy.passed('down'), proxy.accepted()]).toEqual([300_000, 300_000, 1])
      yield* Effect.promise(() => sleep(20))
      expect(proxy.open()).toBe(0)
    }),
  )

  it.live('passes a reset on, from either side', () =>
    Effect.gen(function* () {
      const { proxy, served } = yield* setUp
      const [mine, theirs] = [dial(proxy.port), dial(proxy.port)]
      for (const one of [mine, theirs]) one.socket.write('x')
      yield* Effect.all([mine.has(1), theirs.has(1)])
      const left = gone(served[0] as Socket)
      mine.socket.resetAndDestroy()
      yield* Effect.promise(() => left)
      ;(served[1] as Socket).resetAndDestroy()
      yield* theirs.over
      expect(theirs.how()).toBe('reset')
    }),
  )

  it.live('resets a client whose server is not there', () =>
    Effect.gen(function* () {
      const proxy = yield* startFaultProxy({ port: 1 })
      const one = dial(proxy.port)
      yield* one.over
      expect(one.how()).toBe('reset')
    }),
  )
})

describe('a toxic', () => {
  it.live('latency delays every chunk and limits no rate', () =>
    Effect.gen(function* () {
      const { proxy } = yield* setUp
      proxy.set('down', { _tag: 'Latency', latencyMs: 100, jitterMs: 20 })
      const one = dial(proxy.port)
      one.socket.write('x')
      const first = yield* timed(one.has(1))
      expect(first).toBeGreaterThan(75)
      // Thirty chunks 5 ms apart, each late by as much: not thirty delays one after the other.
      const all = yield* timed(
        Effect.gen(function* () {
          for (let n = 0; n < 30; n++) {
            one.socket.write('y')
            yield* Effect.sleep(5)
          }
          yield* one.has(31)
        }),
      )
      expect(all).toBeLessThan(1_500)
    }),
  )

  it.live('bandwidth lets so many bytes a second through', () =>
    Effect.gen(function* () {
      const { proxy } = yield* setUp
      proxy.set('up', { _tag: 'Bandwidth', bytesPerSecond: 100_000 })
      const one = dial(proxy.port)
      one.socket.write(text(30_000))
      const took = yield* timed(one.has(30_000))
      expect(took).toBeGreaterThan(250)
      expect(took).toBeLessThan(2_000)
    }),
  )

  it.live('slow close delays the end alone', () =>
    Effect.gen(function* () {
      const { proxy } = yield* setUp
      proxy.set('down', { _tag: 'SlowClose', delayMs: 200 })
      const one = dial(proxy.port)
      one.socket.end('hello')
      const first = yield* timed(one.has(5))
      const end = yield* timed(one.over)
      expect(first).toBeLessThan(150)
      expect(end).toBeGreaterThan(100)
      expect(one.how()).toBe('end')
    }),
  )

  it.live('timeout loses what comes while it holds, on open connections too', () =>
    Effect.gen(function* () {
      const { proxy } = yield* setUp
      const one = dial(proxy.port)
      one.socket.write('a')
      yield* one.has(1)
      proxy.set('down', { _tag: 'Timeout' })
      one.socket.write('b')
      yield* Effect.sleep(50)
      proxy.clear()
      one.socket.write('c')
      yield* one.has(2)
      expect(one.received().toString()).toBe('ac')
      proxy.set('up', { _tag: 'Timeout', afterMs: 50 })
      yield* one.over
      expect(one.how()).toBe('end')
    }),
  )

  it.live('reset peer breaks both sides off', () =>
    Effect.gen(function* () {
      const { proxy, served } = yield* setUp
      const one = dial(proxy.port)
      one.socket.write('a')
      yield* one.has(1)
      const left = gone(served[0] as Socket)
      proxy.set('down', { _tag: 'ResetPeer', afterMs: 0 })
      yield* one.over
      yield* Effect.promise(() => left)
      expect(one.how()).toBe('reset')
      const two = dial(proxy.port)
      yield* two.over
      expect(two.how()).toBe('reset')
    }),
  )

  it.live('slicer cuts into small pieces, and loses none', () =>
    Effect.gen(function* () {
      const { proxy } = yield* setUp
      proxy.set('down', { _tag: 'Slicer', averageBytes: 10, variationBytes: 5, delayMs: 2 })
      const one = dial(proxy.port)
      one.socket.write(text(400))
      yield* one.has(400)
      expect(one.received().toString()).toBe(text(400))
      expect(one.chunks()).toBeGreaterThan(15)
    }),
  )

  it.live.each(['fin', 'reset'] as const)(
    'limit data ends after so many bytes (%s), counted from when it was set',
    (how) =>
      Effect.gen(function* () {
        const { proxy } = yield* setUp
        const one = dial(proxy.port)
        one.socket.write(text(50))
        yield* one.has(50)
        proxy.set('down', { _tag: 'LimitData', bytes: 10, how })
        one.socket.write(text(50))
        yield* one.over
        // A reset may overtake bytes that were sent before it.
        expect(one.received().length).toBeLessThanOrEqual(60)
        if (how === 'fin') expect(one.received().length).toBe(60)
        expect(one.how()).toBe(how === 'fin' ? 'end' : 'reset')
        expect(proxy.passed('down')).toBe(60)
      }),
  )

  it.live('corrupt turns bits of the wanted share, the same ones for the same seed', () =>
    Effect.gen(function* () {
      const results: Buffer[] = []
      for (let n = 0; n < 2; n++) {
        const { proxy } = yield* setUp
        proxy.set('down', { _tag: 'Corrupt', share: 0.05 })
        const one = dial(proxy.port)
        one.socket.write(text(2_000))
        yield* one.has(2_000)
        results.push(one.received())
      }
      const wrong = [...Buffer.from(text(2_000))].filter((byte, at) => results[0]?.[at] !== byte).length
      expect(wrong).toBeGreaterThan(40)
      expect(wrong).toBeLessThan(200)
      expect(results[0]?.equals(results[1] as Buffer)).toBe(true)
    }),
  )

  it.live('half open holds the sender back and tells of no end', () =>
    Effect.gen(function* () {
      const { proxy } = yield* setUp
      const one = dial(proxy.port)
      proxy.set('up', { _tag: 'HalfOpen' })
      const much = Buffer.alloc(32 * 1024 * 1024)
      let taken = false
      one.socket.write(much, () => {
        taken = true
      })
      yield* Effect.sleep(100)
      expect(taken).toBe(false)
      expect(proxy.passed('up')).toBe(0)
      expect(one.how()).toBe('open')
      proxy.clear()
      yield* one.has(much.length)
      expect(taken).toBe(true)
    }),
  )

  it.live('holds for its own direction', () =>
    Effect.gen(function* () {
      const { proxy, served } = yield* setUp
      proxy.set('down', { _tag: 'Timeout' })
      const one = dial(proxy.port)
      one.socket.write('a')
      while (served[0]?.bytesWritten !== 1) yield* Effect.sleep(5)
      expect(proxy.passed('up')).toBe(1)
      yield* Effect.sleep(20)
      expect(one.received().length).toBe(0)
    }),
  )
})

it.live('a proxy that is down refuses connections and resets those that are open; up again it serves', () =>
  Effect.gen(function* () {
    const { proxy } = yield* setUp
    const one = dial(proxy.port)
    one.socket.write('a')
    yield* one.has(1)
    yield* proxy.down
    yield* one.over
    expect(one.how()).toBe('reset')
    const two = dial(proxy.port)
    yield* two.over
    expect(two.how()).toBe('refused')
    yield* proxy.up
    const three = dial(proxy.port)
    three.socket.write('b')
    yield* three.has(1)
    expect(three.received().toString()).toBe('b')
  }),
)
