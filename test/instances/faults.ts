/**
 * What can be broken under instances at work.
 */
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { Effect, type Scope } from 'effect'
import { draw } from '#infra/simulator/draws.ts'
import type { Direction, Toxic } from '#test/fault-lane.ts'
import { onDatabase } from '#test/postgres.ts'
import { type Bed, balance, broken, type Instance, world } from './bed.ts'

export type Fault =
  /** kill -9 of one instance, and a new one in its place. */
  | { readonly _tag: 'KillInstance' }
  | { readonly _tag: 'StopDatabase'; readonly forMs: number }
  /** kill -9 of the database, and its start. */
  | { readonly _tag: 'KillDatabase' }
  /** What one instance sends still arrives, the answers are lost, then the connections end. */
  | { readonly _tag: 'LoseAnswers'; readonly forMs: number }
  /** Between one instance and its database: asymmetric where only one direction suffers. The connections then end. */
  | {
      readonly _tag: 'DatabaseNetwork'
      readonly direction: Direction
      readonly toxic: Toxic
      readonly forMs: number
    }
  /** Every connection that waits for notifications is ended, again and again. */
  | { readonly _tag: 'DropListeners'; readonly forMs: number }
  /** A provider fails for everybody, then is well again. */
  | { readonly _tag: 'BreakProvider'; readonly forMs: number }
  /** Between the clients and the instances, or between these and a provider. */
  | { readonly _tag: 'Network'; readonly where: 'client' | 'provider'; readonly toxic: Toxic; readonly forMs: number }

/** @param index which fault of the run it is. @param onStart told of a new process */
export const suffer = (
  bed: Bed,
  fault: Fault,
  index: number,
  calmMs: number,
  onStart: (instance: Instance) => void,
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
        yield* Effect.promise(() => wait(calmMs))
        yield* bed.startOne(instance)
        balance(bed)
        onStart(instance)
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
      case 'DatabaseNetwork': {
        if (instance === undefined) return
        const lost = fault._tag === 'LoseAnswers'
        instance.proxy.set(lost ? 'down' : fault.direction, lost ? { _tag: 'Timeout' } : fault.toxic)
        yield* Effect.promise(() => wait(fault.forMs))
        yield* instance.proxy.down
        instance.proxy.clear()
        yield* instance.proxy.up
        return
      }
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
      case 'Network': {
        const way = fault.where === 'client' ? bed.entrance : bed.ways[index % bed.ways.length]
        way?.set('down', fault.toxic)
        yield* Effect.promise(() => wait(fault.forMs))
        way?.clear()
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

/** Faults as a seed has them. What bends bits is not among them: nothing in the protocols could tell. */
export const drawnFaults = (seed: number, count: number): readonly Fault[] =>
  Array.from({ length: count }, (_, n): Fault => {
    const chance = (purpose: number) => draw(seed, n, purpose)
    const forMs = Math.round(500 + chance(2) * 6_000)
    const where = chance(3) < 0.5 ? 'client' : 'provider'
    const network = (toxic: Toxic): Fault => ({ _tag: 'Network', where, toxic, forMs })
    const kinds: readonly Fault[] = [
      { _tag: 'KillInstance' },
      { _tag: 'StopDatabase', forMs: 2_000 + forMs },
      { _tag: 'KillDatabase' },
      { _tag: 'LoseAnswers', forMs },
      { _tag: 'DatabaseNetwork', direction: 'up', toxic: { _tag: 'Timeout' }, forMs },
      { _tag: 'DatabaseNetwork', direction: 'down', toxic: { _tag: 'Latency', latencyMs: 5_000 }, forMs: 2 * forMs },
      { _tag: 'DatabaseNetwork', direction: 'down', toxic: { _tag: 'Bandwidth', bytesPerSecond: 2_000 }, forMs },
      { _tag: 'DropListeners', forMs },
      { _tag: 'BreakProvider', forMs },
      network({ _tag: 'Latency', latencyMs: 200, jitterMs: 150 }),
      network({ _tag: 'Bandwidth', bytesPerSecond: 4_000 }),
      network({ _tag: 'Slicer', averageBytes: 3, delayMs: 1 }),
      network({ _tag: 'ResetPeer', afterMs: 300 }),
      network({ _tag: 'LimitData', bytes: 2_000, how: 'reset' }),
      network({ _tag: 'Timeout', afterMs: 1_500 }),
      network({ _tag: 'HalfOpen' }),
    ]
    return kinds[Math.floor(chance(1) * kinds.length)] ?? { _tag: 'KillInstance' }
  })
