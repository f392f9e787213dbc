/**
 * A thread that judges `tune` in the worlds that it is sent: on a log with bad weights, and on one where all weights are equally good.
 */
import { parentPort } from 'node:worker_threads'
import { type Tuned, tuneBadWeights, tuneEqualWeights } from '#test/what-if-worlds/tune-world.ts'

export interface TuneJob {
  readonly seed: number
  readonly hours: number
  readonly kind: 'bad' | 'equal'
}

export interface TuneDone {
  readonly seed: number
  readonly tuned: Tuned
}

parentPort?.on('message', ({ seed, hours, kind }: TuneJob) => {
  const tuned = kind === 'bad' ? tuneBadWeights(seed, hours) : tuneEqualWeights(seed, hours)
  parentPort?.postMessage({ seed, tuned } satisfies TuneDone)
})
