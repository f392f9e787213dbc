/**
 * One seed, one stormy virtual world with limits that are known exactly, one strategy, one verdict.
 */
import { STRATEGIES } from '#domain/policy.ts'
import type { Core } from '#infra/simulator/virtual/gateway.ts'
import { playWorld } from '#infra/simulator/virtual/play.ts'
import { makeWorld } from '#infra/simulator/virtual/world.ts'
import { watch } from './invariants.ts'

export interface Checked {
  readonly broken: readonly string[]
  /** How often what was there to be checked, by name. */
  readonly seen: ReadonlyMap<string, number>
}

/** The seed chooses the strategy too, so that many seeds check all of them. */
export const checkWorld = (seed: number, hours: number, core?: Core): Checked => {
  const strategy = STRATEGIES[seed % STRATEGIES.length] ?? 'intelligent'
  const world = makeWorld(seed, { hours, exact: true, stormy: true })
  const watcher = watch(world)
  playWorld(
    world,
    { _tag: 'Signalbox', name: strategy, strategy, ...(core === undefined ? {} : { core }) },
    { witness: watcher.witness, heard: watcher.heard },
  )
  return { broken: watcher.broken(), seen: watcher.seen }
}

/** Who sees a seed fail should be able to see it again. */
export const replayCommand = (seed: number, hours: number): string =>
  `npm run routing -- --invariants --seeds 1 --from ${seed} --hours ${hours}`
