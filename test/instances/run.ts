/**
 * Several real instances on one real PostgreSQL behind a balancer, under load, while what they stand on is broken. What is wrong in
 * the end comes back as text.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Effect, Fiber } from 'effect'
import { EventLog } from '#actors/ports.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { layerPostgres } from '#infra/event-log/postgres.ts'
import type { Simulator } from '#infra/simulator/simulator.ts'
import { type HeardAnswer, startLoad } from '../crash/load.ts'
import { type Bed, type BedOptions, balance, type Instance, makeBed } from './bed.ts'
import { decisions, endings, order, probes, promises, readings, spread } from './checks.ts'
import { type Fault, suffer } from './faults.ts'
import { type Readings, read } from './reader.ts'

/** Silence until an instance is lost, its closing, and the last events. */
const SETTLE_MS = 45_000

export interface RunOptions extends BedOptions {
  readonly faults: readonly Fault[]
  /** Undisturbed time before, between and after the faults. */
  readonly calmMs: number
  readonly connections: number
  /** Between two requests of a client. */
  readonly pauseMs: number
  readonly onNote?: (text: string) => void
  /** Runs beside it all against the balancer; its problems are the run's. */
  readonly beside?: (box: {
    readonly url: string
    readonly providers: readonly Simulator[]
    /** The faults are over. */
    readonly isOver: () => boolean
  }) => Effect.Effect<readonly string[]>
}

export interface RunReport {
  readonly problems: readonly string[]
  readonly rows: readonly RecordedEvent[]
  readonly events: number
  readonly answers: number
  readonly complete: number
  readonly refused: number
  readonly lost: number
  /** Of breaker facts, ms. */
  readonly spread: { readonly facts: number; readonly medianMs: number; readonly mostMs: number }
}

export const instancesRun = (options: RunOptions): Effect.Effect<RunReport> =>
  Effect.scoped(
    Effect.gen(function* () {
      const note = options.onNote ?? (() => undefined)
      const bed = yield* makeBed(options)
      yield* Effect.forEach(bed.instances, bed.startOne)
      balance(bed)
      const readers: Readings = new Map()
      const follow = ({ process: started }: Instance): void => {
        if (started !== undefined) read(started, readers)
      }
      bed.instances.forEach(follow)
      const load = startLoad(bed.entrance.port, options.connections, options.seed, {
        persistent: true,
        pauseMs: options.pauseMs,
      })
      let isOver = false
      const beside = yield* Effect.forkScoped(
        options.beside?.({
          url: bed.entrance.url,
          providers: bed.providers,
          isOver: () => isOver,
        }) ?? Effect.succeed([] as readonly string[]),
      )
      yield* Effect.promise(() => wait(options.calmMs))
      for (const [index, fault] of options.faults.entries()) {
        note(`${JSON.stringify(fault)}, ${load.answers.length} answers so far`)
        yield* suffer(bed, fault, index, options.calmMs, follow)
        yield* Effect.promise(() => wait(options.calmMs))
      }
      isOver = true
      const own = yield* Fiber.join(beside)
      yield* Effect.promise(load.stop)
      note(`the load has ended with ${load.answers.length} answers; waiting until lost instances are closed`)
      yield* settled(bed)
      for (const { process: running } of bed.instances) running?.signal('SIGTERM')
      const codes = yield* Effect.forEach(bed.instances, ({ process: running }) =>
        running === undefined ? Effect.succeed(0) : Effect.map(running.exited, ({ code }) => code),
      )
      const rows = yield* readAll(bed.database)
      const stops = codes.flatMap((code) => (code === 0 ? [] : [`an instance stops with ${code}`]))
      return {
        ...report(rows, load.answers),
        problems: [
          ...own,
          ...bed.problems,
          ...stops,
          ...order(rows),
          ...endings(rows),
          ...promises(rows, load.answers),
          ...readings(rows, readers),
          ...probes(rows),
          ...decisions(rows),
        ],
      }
    }),
  )

const report = (rows: readonly RecordedEvent[], answers: readonly HeardAnswer[]) => {
  const spreads = spread(rows).toSorted((a, b) => a - b)
  return {
    rows,
    events: rows.length,
    answers: answers.length,
    complete: answers.filter(({ complete, status }) => complete && status === 200).length,
    refused: answers.filter(({ complete, status }) => complete && status !== 200).length,
    lost: answers.filter(({ complete }) => !complete).length,
    spread: {
      facts: spreads.length,
      medianMs: spreads[Math.floor(spreads.length / 2)] ?? 0,
      mostMs: spreads.at(-1) ?? 0,
    },
  }
}

/** Until no request is open any more. */
const settled = (bed: Bed) =>
  Effect.promise(async () => {
    const [first] = bed.instances.flatMap(({ process: running }) => (running === undefined ? [] : [running]))
    if (first === undefined) return
    for (let waited = 0; waited < SETTLE_MS; waited += 500) {
      await wait(500)
      const answer = await fetch(`${first.url}/health`)
      const health = (await answer.json()) as {
        readonly requests: { readonly inFlight: number }
        readonly sharing: { readonly spooledEvents: number }
      }
      if (health.requests.inFlight === 0 && health.sharing.spooledEvents === 0) return
    }
  })

const readAll = (database: string): Effect.Effect<readonly RecordedEvent[]> =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const rows: RecordedEvent[] = []
    for (let after = 0; ; ) {
      const page = yield* log.read({ after, limit: 5_000 })
      for (const row of page) {
        if (row._tag === 'Known') rows.push(row.recorded)
        after = row._tag === 'Known' ? row.recorded.position : row.position
      }
      if (page.length === 0) return rows
    }
  }).pipe(Effect.provide(layerPostgres({ url: database }), { local: true }), Effect.orDie)
