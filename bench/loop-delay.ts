/**
 * Loaded into a Signalbox before its own code (`--import`): a timer of 1 ms notes how long the event loop kept it waiting, and
 * how much CPU the main thread used in that time, which says the same where others use the machine too. On SIGUSR2 the
 * longest since the last time go to the file `LOOP_DELAY_FILE`.
 */
import { writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

/** Between two chances for others: one turn of the loop, or a few short ones. */
export interface LoopDelay {
  readonly longestMs: number
  /** The longest by CPU, which need not be the same. */
  readonly longestCpuMs: number
}

const file = process.env.LOOP_DELAY_FILE

/** Of this thread so far, ms. */
const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

// Worker threads load it too.
if (isMainThread && file !== undefined) {
  let longestMs = 0
  let longestCpuMs = 0
  let at = performance.now()
  let cpu = cpuMs()
  setInterval(() => {
    const now = { at: performance.now(), cpu: cpuMs() }
    longestMs = Math.max(longestMs, now.at - at)
    longestCpuMs = Math.max(longestCpuMs, now.cpu - cpu)
    at = now.at
    cpu = now.cpu
  }, 1).unref()
  process.on('SIGUSR2', () => {
    const seen: LoopDelay = { longestMs, longestCpuMs }
    writeFileSync(file, JSON.stringify(seen))
    longestMs = 0
    longestCpuMs = 0
    // Not this.
    at = performance.now()
    cpu = cpuMs()
  })
}
