/** Instances at one store of what they share, with the hand at its clock; what the contract of the store runs on. */
import type { Vitest } from '@effect/vitest'
import { Context, Effect } from 'effect'
import fc from 'fast-check'
import type { Cluster } from '#actors/cluster.ts'
import type { EventLogError } from '#actors/ports.ts'

export type Instance = Cluster['Service']

export class SharedStore extends Context.Service<
  SharedStore,
  {
    readonly instances: readonly Instance[]
    /** Lets time pass for the store; what it takes by itself is beside that no more than seconds. */
    readonly pass: (ms: number) => Effect.Effect<void>
    /** A clock that goes as the store's does. */
    readonly nowMs: Effect.Effect<number>
    /** Lets those wait to their end who wait for the log to grow. */
    readonly waitOut: Effect.Effect<void>
    /** Appends an event to the log that the instances share, and answers its position. */
    readonly append: Effect.Effect<number, EventLogError>
  }
>()('signalbox/test/SharedStore') {}

/** How a part of the contract registers its tests. */
export type StoreTests = Vitest.MethodsNonLive<SharedStore>

export const MINUTE_MS = 60_000

export const INSTANCES = 8

let lastName = 0
/** A name that no other test of the store has. */
export const freshName = (of: string): string => `${of} ${++lastName}`

/** The instance of a number, which goes round. */
export const instanceOf = (instances: readonly Instance[], n: number): Instance => instances[n % instances.length]!

/** Holds that what `run` does with drawn values never fails. */
export const always = <A, R>(
  values: fc.Arbitrary<A>,
  numRuns: number,
  run: (value: A) => Effect.Effect<void, unknown, R>,
): Effect.Effect<void, never, R> =>
  Effect.gen(function* () {
    const runPromise = Effect.runPromiseWith(yield* Effect.context<R>())
    const property = fc.asyncProperty(values, (value) => runPromise(run(value)))
    yield* Effect.promise(() => fc.assert(property, { numRuns }))
  })
