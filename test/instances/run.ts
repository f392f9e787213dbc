/**
 * Several real instances on one real PostgreSQL behind a balancer, under load, while what they stand on is broken: an instance
 * is killed, the database is stopped and killed, an answer to a COMMIT is lost, nobody is notified any more. What is wrong in the
 * end comes back as text.
 */
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Effect, Fiber, type Scope } from 'effect'
import { EventLog } from '#actors/ports.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { layerPostgres } from '#infra/event-log/postgres.ts'
import { draw } from '#infra/simulator/draws.ts'
import type { Simulator } from '#infra/simulator/simulator.ts'
import type { World } from '#infra/simulator/world.ts'
import { type FaultProxy, startFaultProxy } from '#test/fault-proxy.ts'
import { createDatabase, onDatabase } from '#test/postgres.ts'
import { type PostgresCluster, startCluster } from '#test/postgres-cluster.ts'
import { configOf, type SignalboxProcess, scratchFolder, startProcess } from '#test/signalbox-process.ts'
import { startProviders } from '#test/simulator.ts'
import { type HeardAnswer, startLoad } from '../crash/load.ts'
import { type Balancer, startBalancer } from './balancer.ts'
import { decisions, endings, order, probes, promises, readings, spread } from './checks.ts'

export type Fault =
  /** kill -9 of one instance, and a new one in its place. */
  | { readonly _tag: 'KillInstance' }
  | { readonly _tag: 'StopDatabase'; readonly forMs: number }
  /** kill -9 of the database, and its start. */
  | { readonly _tag: 'KillDatabase' }
  /** What one instance sends still arrives, the answers are lost, then the connections end. */
  | { readonly _tag: 'LoseAnswers'; readonly forMs: number }
  /** Every connection that waits for notifications is ended, again and again. */
  | { readonly _tag: 'DropListeners'; readonly forMs: number }
  /** A provider fails for everybody, then is well again. */
  | { readonly _tag: 'BreakProvider'; readonly forMs: number }

export interface RunOptions {
  readonly seed: number
  readonly instances: number
  readonly faults: readonly Fault[]
  /** Undisturbed time before, between and after the faults. */
  readonly calmMs: number
  readonly connections: number
  /** Between two requests of a client. */
  readonly pauseMs: number
  /** Of the instances; default: the providers in an order. */
  readonly config?: (providers: readonly Simulator[]) => object
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

const TOKEN = 'instances-test-token-0123456789abcdef'
const READER_RETRY_MS = 200
/** Silence until an instance is lost, its closing, and the last events. */
const SETTLE_MS = 45_000

const world: World = {
  firstTokenMs: { median: 25, sigma: 0.6 },
  tokensPerSecond: { median: 1_500, sigma: 0.5 },
  answerTokens: { median: 60, sigma: 0.6 },
  failures: { rateLimitedShare: 0.002, overloadedShare: 0.02, serverErrorShare: 0.02, droppedShare: 0.01 },
}
const broken: World = { ...world, failures: { ...world.failures, serverErrorShare: 1 } }

interface Instance {
  readonly index: number
  readonly proxy: FaultProxy
  process: (SignalboxProcess & { readonly url: string; readonly port: number }) | undefined
}

interface Bed {
  readonly options: RunOptions
  readonly cluster: PostgresCluster
  readonly database: string
  readonly balancer: Balancer
  readonly instances: readonly Instance[]
  readonly providers: readonly Simulator[]
  /** What was wrong meanwhile. */
  readonly problems: string[]
  readonly startOne: (instance: Instance) => Effect.Effect<void, never, Scope.Scope>
}

export const instancesRun = (options: RunOptions): Effect.Effect<RunReport> =>
  Effect.scoped(
    Effect.gen(function* () {
      const note = options.onNote ?? (() => undefined)
      const bed = yield* makeBed(options)
      yield* Effect.forEach(bed.instances, bed.startOne)
      balance(bed)
      const readers = new Map<string, { position: number; type: string }[]>()
      for (const { process: started } of bed.instances) if (started) read(started, readers)
      const load = startLoad(bed.balancer.port, options.connections, options.seed, {
        persistent: true,
        pauseMs: options.pauseMs,
      })
      let isOver = false
      const beside = yield* Effect.forkScoped(
        options.beside?.({
          url: `http://127.0.0.1:${bed.balancer.port}`,
          providers: bed.providers,
          isOver: () => isOver,
        }) ?? Effect.succeed([] as readonly string[]),
      )
      yield* calm(options)
      for (const [index, fault] of options.faults.entries()) {
        note(`${JSON.stringify(fault)}, ${load.answers.length} answers so far`)
        yield* suffer(bed, fault, index, readers)
        yield* calm(options)
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

const calm = ({ calmMs }: RunOptions) => Effect.promise(() => wait(calmMs))

const makeBed = (options: RunOptions): Effect.Effect<Bed, never, Scope.Scope> =>
  Effect.gen(function* () {
    const cluster = yield* Effect.acquireRelease(
      Effect.promise(() => startCluster()),
      (started) => Effect.promise(started.remove),
    )
    const database = yield* Effect.promise(() => createDatabase(cluster.url('postgres')))
    const simulators = yield* startProviders({
      first: { world, seed: options.seed, keepRequests: 0 },
      second: { world, seed: options.seed + 1, keepRequests: 0 },
      third: { world, seed: options.seed + 2, keepRequests: 0 },
    })
    const providers = [simulators.first, simulators.second, simulators.third]
    const config = options.config?.(providers) ?? configOf(...providers)
    const folder = yield* scratchFolder
    const instances: Instance[] = []
    for (let index = 0; index < options.instances; index++) {
      const proxy = yield* startFaultProxy({ port: cluster.port, seed: options.seed })
      instances.push({ index, proxy, process: undefined })
    }
    const startOne = (instance: Instance) =>
      Effect.gen(function* () {
        const url = new URL(database)
        url.port = String(instance.proxy.port)
        instance.process = yield* startProcess({
          config,
          environment: {
            SIGNALBOX_DATABASE_URL: url.href,
            SIGNALBOX_ADMIN_TOKEN: TOKEN,
            SIGNALBOX_INSTANCE: `instance ${instance.index + 1}`,
            SIGNALBOX_CLUSTER__SPOOL: join(folder, `spool-${instance.index}`),
          },
        })
      })
    return { options, cluster, database, balancer: yield* startBalancer, instances, providers, problems: [], startOne }
  })

const balance = ({ balancer, instances }: Bed): void =>
  balancer.set(instances.flatMap(({ process: running }) => (running === undefined ? [] : [running.port])))

const suffer = (
  bed: Bed,
  fault: Fault,
  index: number,
  readers: Map<string, { position: number; type: string }[]>,
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { cluster, instances, options } = bed
    const instance = instances[Math.floor(draw(options.seed, index, 1) * instances.length)]
    switch (fault._tag) {
      case 'KillInstance': {
        if (instance?.process === undefined) return
        const { child } = instance.process
        const gone = once(child, 'exit')
        child.kill('SIGKILL')
        yield* Effect.promise(() => gone)
        instance.process = undefined
        yield* calm(options)
        yield* bed.startOne(instance)
        balance(bed)
        if (instance.process !== undefined) read(instance.process, readers)
        return
      }
      case 'StopDatabase':
        yield* Effect.promise(cluster.stop)
        yield* Effect.promise(() => wait(fault.forMs))
        for (const { process: running } of instances) {
          if (running !== undefined && (yield* spooledAt(running)) === 0) {
            bed.problems.push(`${running.url} kept nothing on its disk while the database was away`)
          }
        }
        yield* Effect.promise(cluster.start)
        return
      case 'KillDatabase':
        yield* Effect.promise(cluster.kill)
        yield* Effect.promise(cluster.start)
        return
      case 'LoseAnswers':
        instance?.proxy.set('down', { _tag: 'Timeout' })
        yield* Effect.promise(() => wait(fault.forMs))
        if (instance === undefined) return
        yield* instance.proxy.down
        instance.proxy.clear()
        yield* instance.proxy.up
        return
      case 'DropListeners':
        for (let waited = 0; waited < fault.forMs; waited += 250) {
          yield* Effect.promise(() => dropListeners(bed.database))
          yield* Effect.promise(() => wait(250))
        }
        return
      case 'BreakProvider': {
        const provider = bed.providers[0]
        provider?.live(broken)
        yield* Effect.promise(() => wait(fault.forMs))
        provider?.live(world)
        return
      }
    }
  })

const spooledAt = ({ url }: { readonly url: string }) =>
  Effect.promise(async () => {
    const answer = await fetch(`${url}/health`)
    const { sharing } = (await answer.json()) as { readonly sharing: { readonly spooledEvents: number } }
    return sharing.spooledEvents
  })

const dropListeners = (database: string): Promise<unknown> =>
  onDatabase(
    database,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE pid <> pg_backend_pid() AND datname = current_database() AND query ILIKE 'listen %'`,
  )

/** Follows the log as this instance tells it, until the instance is gone. */
const read = (
  { url, child }: { readonly url: string; readonly child: SignalboxProcess['child'] },
  readers: Map<string, { position: number; type: string }[]>,
): void => {
  const seen: { position: number; type: string }[] = []
  readers.set(`${url} of process ${child.pid}`, seen)
  const follow = async (): Promise<void> => {
    while (child.exitCode === null && child.signalCode === null) {
      try {
        const after = seen.at(-1)?.position ?? 0
        const response = await fetch(`${url}/admin/events/live?after=${after}`, {
          headers: { authorization: `Bearer ${TOKEN}` },
        })
        if (response.body === null) continue
        let text = ''
        for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
          text += chunk
          const frames = text.split('\n\n')
          text = frames.pop() ?? ''
          for (const frame of frames) {
            const data = /^data: (.*)$/m.exec(frame)?.[1]
            if (data === undefined) continue
            const { position, type } = JSON.parse(data) as { position: number; type: string }
            seen.push({ position, type })
          }
        }
      } catch {
        // The instance has gone, or has cut a reader off that was too slow: asked again from where it was.
        await wait(READER_RETRY_MS)
      }
    }
  }
  void follow()
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
