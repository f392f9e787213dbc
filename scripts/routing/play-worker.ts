/**
 * A thread of the routing benchmark: plays the worlds that it is sent, one after the other.
 */
import { parentPort } from 'node:worker_threads'
import { type Figures, playWorld } from '#infra/simulator/virtual/play.ts'
import { makeWorld } from '#infra/simulator/virtual/world.ts'
import { contenderNamed } from './contenders.ts'

export interface PlayJob {
  readonly seed: number
  readonly hours: number
  readonly policies: readonly string[]
}

export interface PlayDone {
  readonly seed: number
  /** In the order of the job's policies. */
  readonly figures: readonly Figures[]
}

parentPort?.on('message', ({ seed, hours, policies }: PlayJob) => {
  const world = makeWorld(seed, { hours })
  const figures = policies.map((name) => playWorld(world, contenderNamed(name)))
  parentPort?.postMessage({ seed, figures } satisfies PlayDone)
})
