/**
 * One seed, one world, one verdict. The same seed always gives the same world and the same run.
 */
import { Effect, References } from 'effect'
import { TestClock } from 'effect/testing'
import fc from 'fast-check'
import { broken } from './invariants.ts'
import { type Played, playWorld } from './play.ts'
import { type World, worlds } from './world.ts'

export const worldOf = (seed: number): World => fc.sample(worlds, { seed, numRuns: 1 })[0] as World

export const playInVirtualTime = (world: World): Promise<Played> =>
  Effect.runPromise(
    playWorld(world).pipe(Effect.provide(TestClock.layer()), Effect.provideService(References.MinimumLogLevel, 'None')),
  )

/** The broken invariants of a seed's world; empty when all hold. */
export const checkSeed = async (seed: number): Promise<readonly string[]> =>
  broken(await playInVirtualTime(worldOf(seed)))

/** A smaller world that breaks an invariant too, as text; undefined when the seed's world breaks none. */
export const shrunk = async (seed: number, forMs: number): Promise<string | undefined> => {
  const property = fc.asyncProperty(worlds, async (world) => {
    const found = broken(await playInVirtualTime(world))
    if (found.length > 0) throw new Error(found.join('\n  '))
  })
  const result = await fc.check(property, {
    seed,
    numRuns: 1,
    interruptAfterTimeLimit: forMs,
    markInterruptAsFailure: false,
  })
  if (result.counterexample === null) return undefined
  const error = result.errorInstance instanceof Error ? result.errorInstance.message : ''
  return `${JSON.stringify(result.counterexample[0], null, 1)}\n  ${error}`
}

/** Who sees a seed fail should be able to see it again. */
export const replayCommand = (seed: number): string => `node scripts/seeds.ts --seeds 1 --from ${seed}`
