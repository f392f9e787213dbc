/**
 * A thread that judges the estimates in the worlds that it is sent: a log is made under one policy, the difference to another is
 * estimated from it, and both are played in the world itself, which tells the truth.
 */
import { parentPort } from 'node:worker_threads'
import { type Judged, judgeWorld, type WorldJob } from '#test/what-if-worlds/judge-world.ts'

export interface CoverageDone {
  readonly seed: number
  readonly judged: readonly Judged[]
}

parentPort?.on('message', (job: WorldJob) => {
  parentPort?.postMessage({ seed: job.seed, judged: judgeWorld(job) } satisfies CoverageDone)
})
