/**
 * Plays many worlds on all cores.
 */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'

interface Seeded {
  readonly seed: number
}

/**
 * One answer per job, in their order; `worker` answers each message by one. `heard` gets every answer as it comes, with how many
 * there are.
 */
export const playAll = <J extends Seeded, A extends Seeded>(
  worker: URL,
  jobs: readonly J[],
  heard: (answer: A, count: number) => void,
): Promise<readonly A[]> =>
  new Promise((resolve, reject) => {
    const answers = new Map<number, A>()
    const waiting = [...jobs]
    const workers = Array.from({ length: Math.min(jobs.length, availableParallelism()) }, () => new Worker(worker))
    const stop = (): void => {
      for (const one of workers) void one.terminate()
    }
    const next = (one: Worker): void => {
      const job = waiting.shift()
      if (job !== undefined) one.postMessage(job)
    }
    for (const one of workers) {
      one.on('message', (answer: A) => {
        answers.set(answer.seed, answer)
        heard(answer, answers.size)
        if (answers.size < jobs.length) {
          next(one)
          return
        }
        stop()
        resolve(jobs.flatMap(({ seed }) => answers.get(seed) ?? []))
      })
      one.on('error', (error) => {
        stop()
        reject(error)
      })
      next(one)
    }
  })
