/**
 * Loaded into a Signalbox before its own code (`--import`): a timer of 1 ms notes how long the event loop kept it waiting, and
 * how much CPU the main thread used in that time, which says the same where others use the machine too; beside it runs the
 * histogram that /metrics has too. On SIGUSR2 what was seen since the last time goes to the file `LOOP_DELAY_FILE`.
 */
import { writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

export interface LoopDelay {
  /** Between two chances for others: one turn of the loop, or a few short ones. */
  readonly longestMs: number
  /** The longest by CPU, which need not be the same. */
  readonly longestCpuMs: number
  /** How long a timer of 10 ms waited beyond its time. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of the main thread in all. */
  readonly cpuMs: number
}

const file = process.env.LOOP_DELAY_FILE
/** As in src/infra/telemetry/metrics/event-loop.ts; Node counts it as delay. */
const RESOLUTION_MS = 10

/** Of this thread so far, ms. */
const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

// Worker threads load it too.
if (isMainThread && file !== undefined) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  let longestMs = 0
  let longestCpuMs = 0
  let last = { at: performance.now(), cpu: cpuMs() }
  let sinceCpuMs = last.cpu
  setInterval(() => {
    const now = { at: performance.now(), cpu: cpuMs() }
    longestMs = Math.max(longestMs, now.at - last.at)
    longestCpuMs = Math.max(longestCpuMs, now.cpu - last.cpu)
    last = now
  }, 1).unref()
  process.on('SIGUSR2', () => {
    const beyond = (percentile: number): number => Math.max(0, histogram.percentile(percentile) / 1e6 - RESOLUTION_MS)
    const seen: LoopDelay = {
      longestMs,
      longestCpuMs,
      p50Ms: beyond(50),
      p99Ms: beyond(99),
      cpuMs: last.cpu - sinceCpuMs,
    }
    writeFileSync(file, JSON.stringify(seen))
    longestMs = 0
    longestCpuMs = 0
    histogram.reset()
    // Not this.
    last = { at: performance.now(), cpu: cpuMs() }
    sinceCpuMs = last.cpu
  })
}
