/**
 * A thread that checks the routing invariants of the worlds that it is sent.
 */
import { parentPort } from 'node:worker_threads'
import { checkWorld } from '#test/routing-worlds/check-world.ts'

export interface CheckJob {
  readonly seed: number
  readonly hours: number
}

export interface CheckDone {
  readonly seed: number
  readonly broken: readonly string[]
}

parentPort?.on('message', ({ seed, hours }: CheckJob) => {
  parentPort?.postMessage({ seed, broken: checkWorld(seed, hours).broken } satisfies CheckDone)
})
