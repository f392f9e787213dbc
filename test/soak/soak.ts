/**
 * A real box under mixed load for a long time, with providers that fail now and then and clients that come and go. Afterwards it
 * must be as it was: memory, handles, sockets, file descriptors, write-ahead log, and nothing left open in the log.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { Effect } from 'effect'
import { EventLog } from '#actors/ports.ts'
import { isTerminal } from '#domain/events.ts'
import { layerSqliteReadOnly } from '#infra/event-log/sqlite.ts'
import type { World } from '#infra/simulator/world.ts'
import { knownOf } from '#test/server.ts'
import { configOf, startProcess } from '#test/signalbox-process.ts'
import { startProviders } from '#test/simulator.ts'
import { startChurn } from './churn.ts'

/** What a process holds at a moment. */
export interface Holdings {
  /** Seconds since the load began. */
  readonly at: number
  readonly heapBytes: number
  readonly rssBytes: number
  readonly descriptors: number
  readonly sockets: number
  readonly walBytes: number
}

export interface SoakReport {
  readonly asked: number
  readonly whole: number
  readonly left: number
  readonly samples: readonly Holdings[]
  /** Growth of the heap after garbage collections, over the second half, in bytes in ten minutes. */
  readonly heapSlope: number
  readonly before: Holdings
  readonly after: Holdings
  readonly problems: readonly string[]
}

const world: World = {
  firstTokenMs: { median: 40, sigma: 0.6 },
  tokensPerSecond: { median: 800, sigma: 0.5 },
  answerTokens: { median: 120, sigma: 0.8 },
  failures: { rateLimitedShare: 0.01, overloadedShare: 0.03, serverErrorShare: 0.02, droppedShare: 0.03 },
}

const SAMPLE_MS = 1_000
/** Idle connections to providers are dropped after 30 s. */
const REST_MS = 45_000
/** Sockets and files that may be more or fewer than before: a listener of the configuration, a connection that is just closing. */
const SLACK = 2
const TEN_MINUTES_S = 600

const socketsOf = (pid: number): readonly string[] =>
  readdirSync(`/proc/${pid}/fd`).map((descriptor) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${descriptor}`)
    } catch {
      // Closed since it was listed.
      return ''
    }
  })

const metric = (text: string, name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])

export const soak = (options: {
  readonly seconds: number
  readonly clients: number
  readonly seed: number
  readonly onSample?: (sample: Holdings) => void
}): Effect.Effect<SoakReport> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { seconds, clients, seed } = options
      const simulators = yield* startProviders({
        one: { world, seed, keepRequests: 0 },
        two: { world, seed: seed + 1, keepRequests: 0 },
        three: { world, seed: seed + 2, keepRequests: 0 },
      })
      const box = yield* startProcess({ config: configOf(simulators.one, simulators.two, simulators.three) })
      const pid = box.child.pid ?? 0
      let startedAt = performance.now()
      const look = Effect.promise(async (): Promise<Holdings> => {
        // A connection of its own, gone before descriptors are counted.
        const text = await fetch(`${box.url}/metrics`, { headers: { connection: 'close' } }).then((got) => got.text())
        const open = socketsOf(pid)
        return {
          at: (performance.now() - startedAt) / 1_000,
          heapBytes: metric(text, 'nodejs_heap_size_used_bytes'),
          rssBytes: Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024,
          descriptors: open.length,
          sockets: open.filter((target) => target.startsWith('socket:')).length,
          walBytes: statSync(`${box.databaseUrl.slice('sqlite:'.length)}-wal`, { throwIfNoEntry: false })?.size ?? 0,
        }
      })
      const atRest = (base: Holdings | undefined) =>
        Effect.gen(function* () {
          const from = performance.now()
          for (;;) {
            const now = yield* look
            const same = base === undefined || now.descriptors <= base.descriptors + SLACK
            if (same || performance.now() - from > REST_MS) return now
            yield* Effect.sleep(SAMPLE_MS)
          }
        })

      // Everything that is loaded or opened once is there afterwards.
      const warmUp = startChurn(box.port, clients, seed + 7)
      yield* Effect.sleep(Math.min(10_000, seconds * 200))
      yield* Effect.promise(warmUp.stop)
      yield* Effect.sleep(500)
      const before = yield* Effect.flatMap(look, atRest)

      startedAt = performance.now()
      const churn = startChurn(box.port, clients, seed)
      const samples: Holdings[] = []
      while (performance.now() - startedAt < seconds * 1_000) {
        yield* Effect.sleep(SAMPLE_MS)
        const sample = yield* look
        samples.push(sample)
        options.onSample?.(sample)
      }
      yield* Effect.promise(churn.stop)
      const after = yield* atRest(before)
      const { asked, whole, left, wrong } = churn.counts

      box.signal('SIGTERM')
      const { code } = yield* box.exited
      const ends = yield* wrongEnds(box.databaseUrl.slice('sqlite:'.length))
      const problems = [
        ...wrong.slice(0, 3),
        ...(code === 0 ? [] : [`it exits with ${code}`]),
        ...(after.descriptors > before.descriptors + SLACK
          ? [`${after.descriptors} descriptors, ${before.descriptors} before`]
          : []),
        ...(after.sockets > before.sockets + SLACK ? [`${after.sockets} sockets, ${before.sockets} before`] : []),
        ...(ends.length === 0 ? [] : [`requests without one end: ${ends.slice(0, 5).join()}`]),
      ]
      return { asked, whole, left, samples, heapSlope: heapSlope(samples), before, after, problems }
    }),
  )

/** Requests of a closed log that have no terminal event, or several. */
const wrongEnds = (path: string): Effect.Effect<readonly string[]> =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const ends = new Map<string, number>()
    const head = yield* log.head
    for (let after = 0; after < head; ) {
      const rows = yield* log.read({ after, limit: 10_000 })
      if (rows.length === 0) break
      after += rows.length
      for (const { event } of knownOf(rows)) {
        if ('requestId' in event)
          ends.set(event.requestId, (ends.get(event.requestId) ?? 0) + (isTerminal(event) ? 1 : 0))
      }
    }
    return [...ends].flatMap(([id, count]) => (count === 1 ? [] : [id]))
  }).pipe(Effect.provide(layerSqliteReadOnly({ path }), { local: true }), Effect.orDie)

/** By the least heap of each tenth of the second half: what is left after a collection, not what waits for the next one. */
const heapSlope = (samples: readonly Holdings[]): number => {
  const half = samples.slice(Math.floor(samples.length / 2))
  const size = Math.max(1, Math.floor(half.length / 10))
  const floors = Array.from({ length: Math.floor(half.length / size) }, (_, n) =>
    half.slice(n * size, (n + 1) * size).reduce((least, one) => (one.heapBytes < least.heapBytes ? one : least)),
  )
  const meanAt = floors.reduce((sum, { at }) => sum + at, 0) / floors.length
  const mean = floors.reduce((sum, { heapBytes }) => sum + heapBytes, 0) / floors.length
  const [over, under] = floors.reduce(
    ([a, b], { at, heapBytes }) => [a + (at - meanAt) * (heapBytes - mean), b + (at - meanAt) ** 2],
    [0, 0],
  )
  return under === 0 ? 0 : (over / under) * TEN_MINUTES_S
}
