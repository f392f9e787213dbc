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
  /** What comes at any moment waits at most so long in 99 of 100 cases, by the CPU of the turns alone. */
  readonly p99CpuMs: number
  /** Of the main thread in all. */
  readonly cpuMs: number
}

const file = process.env.LOOP_DELAY_FILE
/** As in src/infra/telemetry/metrics/event-loop.ts; Node counts it as delay. */
const RESOLUTION_MS = 10
/** Shorter turns let nobody wait. */
const LEAST_TURN_MS = 0.2

/** Of this thread so far, ms. */
const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

/** Beyond which `share` of `spanMs` would have to wait, when whoever comes in a turn waits for its end. */
const waitOf = (turns: readonly number[], spanMs: number, share: number): number => {
  let [least, most] = [0, Math.max(0, ...turns)]
  while (most - least > 0.01) {
    const ms = (least + most) / 2
    const waiting = turns.reduce((sum, turn) => sum + Math.max(0, turn - ms), 0)
    if (waiting > spanMs * share) least = ms
    else most = ms
  }
  return most
}

// Worker threads load it too.
if (isMainThread && file !== undefined) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  let longestMs = 0
  /** CPU of the longer turns, ms. */
  let turns: number[] = []
  let since = { at: performance.now(), cpu: cpuMs() }
  let last = since
  setInterval(() => {
    const now = { at: performance.now(), cpu: cpuMs() }
    longestMs = Math.max(longestMs, now.at - last.at)
    if (now.cpu - last.cpu > LEAST_TURN_MS) turns.push(now.cpu - last.cpu)
    last = now
  }, 1).unref()
  process.on('SIGUSR2', () => {
    const beyond = (percentile: number): number => Math.max(0, histogram.percentile(percentile) / 1e6 - RESOLUTION_MS)
    const seen: LoopDelay = {
      longestMs,
      longestCpuMs: Math.max(0, ...turns),
      p50Ms: beyond(50),
      p99Ms: beyond(99),
      p99CpuMs: waitOf(turns, last.at - since.at, 0.01),
      cpuMs: last.cpu - since.cpu,
    }
    writeFileSync(file, JSON.stringify(seen))
    longestMs = 0
    turns = []
    histogram.reset()
    // Not this.
    since = { at: performance.now(), cpu: cpuMs() }
    last = since
  })
}
