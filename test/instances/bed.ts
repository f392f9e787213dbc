/**
 * Real instances on one real PostgreSQL, with what is between them: a balancer and a broken network before them, a broken network
 * behind each, to its database and to the providers.
 */
import { join } from 'node:path'
import { Effect, type Scope } from 'effect'
import type { Simulator } from '#infra/simulator/simulator.ts'
import type { World } from '#infra/simulator/world.ts'
import { type FaultProxy, startFaultProxy } from '#test/fault-proxy.ts'
import { createDatabase } from '#test/postgres.ts'
import { type PostgresCluster, startCluster } from '#test/postgres-cluster.ts'
import { configOf, type SignalboxProcess, scratchFolder, startProcess } from '#test/signalbox-process.ts'
import { startProviders } from '#test/simulator.ts'
import { type Balancer, startBalancer } from './balancer.ts'

export const TOKEN = 'instances-test-token-0123456789abcdef'

export const world: World = {
  firstTokenMs: { median: 25, sigma: 0.6 },
  tokensPerSecond: { median: 1_500, sigma: 0.5 },
  answerTokens: { median: 60, sigma: 0.6 },
  failures: { rateLimitedShare: 0.002, overloadedShare: 0.02, serverErrorShare: 0.02, droppedShare: 0.01 },
}
export const broken: World = { ...world, failures: { ...world.failures, serverErrorShare: 1 } }

export interface Instance {
  readonly index: number
  /** To the database. */
  readonly proxy: FaultProxy
  process: (SignalboxProcess & { readonly url: string; readonly port: number }) | undefined
}

export interface BedOptions {
  readonly seed: number
  readonly instances: number
  /** Of the instances; default: the providers in an order. */
  readonly config?: (providers: readonly { readonly id: string; readonly url: string }[]) => object
}

export interface Bed {
  readonly options: BedOptions
  readonly cluster: PostgresCluster
  readonly database: string
  readonly balancer: Balancer
  /** Where clients ask. */
  readonly entrance: FaultProxy
  readonly instances: readonly Instance[]
  readonly providers: readonly Simulator[]
  /** Of each provider. */
  readonly ways: readonly FaultProxy[]
  /** What was wrong meanwhile. */
  readonly problems: string[]
  readonly startOne: (instance: Instance) => Effect.Effect<void, never, Scope.Scope>
}

export const makeBed = (options: BedOptions): Effect.Effect<Bed, never, Scope.Scope> =>
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
    const ways = yield* Effect.forEach(providers, ({ port }) => startFaultProxy({ port, seed: options.seed }))
    const asked = providers.map(({ id }, index) => ({ id, url: ways[index]?.url ?? '' }))
    const config = options.config?.(asked) ?? configOf(...asked)
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
    const balancer = yield* startBalancer
    const entrance = yield* startFaultProxy({ port: balancer.port, seed: options.seed })
    return { options, cluster, database, balancer, entrance, instances, providers, ways, problems: [], startOne }
  })

export const balance = ({ balancer, instances }: Bed): void =>
  balancer.set(instances.flatMap(({ process: running }) => (running === undefined ? [] : [running.port])))
