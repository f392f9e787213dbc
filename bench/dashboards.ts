/**
 * What open dashboards cost the box while it serves: requests come at an even pace, as streams of some seconds, in turns with
 * and without pages that look on. Measured is how long the event loop, which carries the streams, lets others wait.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { WRITES } from './answers.ts'
import { build } from './boot.ts'
import { claudeCodeCall, load } from './load.ts'
import type { LoopDelay } from './loop-delay.ts'
import { type OpenPage, openPage } from './page.ts'
import { type Server, startScript } from './process.ts'
import { readLoopDelay, tellsLoopDelay } from './read-loop-delay.ts'
import { logPath, startSignalbox } from './signalbox.ts'
import { type Summary, summary } from './statistics.ts'

export interface DashboardsOptions {
  readonly main: string
  readonly perMinute: number
  readonly pages: number
  /** Requests in the log before, so that everything that pages show is as full as it gets. */
  readonly history: number
  readonly rounds: number
  /** Of each half of a round. */
  readonly seconds: number
  readonly note: (text: string) => void
}

/** Summaries over the rounds, in ms; see loop-delay.ts. */
export interface LoopDelays {
  readonly p50: Summary
  readonly p99: Summary
  readonly longest: Summary
  /** CPU of the main thread per second. */
  readonly cpuPerSecond: Summary
}

export interface DashboardsCost {
  readonly perMinute: number
  readonly pages: number
  /** Answers that all pages together got per second, and bytes of them and of the live events. */
  readonly answersPerSecond: number
  readonly bytesPerSecond: number
  readonly alone: LoopDelays
  readonly watched: LoopDelays
  /** Median of what each round adds. */
  readonly addedP99Ms: number
}

export const measureDashboards = async (options: DashboardsOptions): Promise<DashboardsCost> => {
  const { main, perMinute, pages, history, rounds, seconds, note } = options
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
  const servers: Server[] = []
  const open: OpenPage[] = []
  let stopped = false
  try {
    await build(logPath(folder), history, note)
    const upstream = await startScript('upstream.ts', { UPSTREAM_PAUSE_MS: String(PAUSE_MS) })
    servers.push(upstream)
    const delayFile = join(folder, 'loop-delay.json')
    const box = await startSignalbox({ main, folder, upstream: upstream.url, ...tellsLoopDelay(delayFile) })
    servers.push(box)
    const token = readFileSync(join(folder, 'admin-token'), 'utf8').trim()
    const call = claudeCodeCall('stream')
    // As many callers as there are streams at once keep the pace, each beginning anew when its answer has ended.
    const concurrency = Math.max(1, Math.round((perMinute / 60_000) * STREAM_MS))
    const serving = Promise.all(
      Array.from({ length: concurrency }, async (_, n) => {
        await sleep((n * STREAM_MS) / concurrency)
        while (!stopped) await load(box.url, call, { requests: 10, concurrency: 1 })
      }),
    )
    const watch = async (): Promise<void> => {
      for (let n = 0; n < pages; n++) open.push(openPage(box.url, token))
    }
    const leave = async (): Promise<void> => {
      await Promise.all(open.splice(0).map((page) => page.close()))
    }
    const span = async (): Promise<LoopDelay> => {
      await readLoopDelay(box, delayFile)
      await sleep(seconds * 1_000)
      return readLoopDelay(box, delayFile)
    }
    note('dashboards: warming up')
    await watch()
    await sleep(WARM_UP_MS)
    await leave()

    const spans = { alone: [] as LoopDelay[], watched: [] as LoopDelay[] }
    let [answers, bytes] = [0, 0]
    for (let round = 0; round < rounds; round++) {
      spans.alone.push(await span())
      await watch()
      // What a page asks for once, when it opens, is not what an open page costs.
      await sleep(OPENING_MS)
      const before = open.map((page) => page.seen())
      spans.watched.push(await span())
      for (const [n, page] of open.entries()) {
        answers += page.seen().answers - (before[n]?.answers ?? 0)
        bytes += page.seen().bytes - (before[n]?.bytes ?? 0)
      }
      await leave()
      const [alone, watched] = [spans.alone.at(-1), spans.watched.at(-1)]
      note(
        `dashboards: ${round + 1}/${rounds} p99 ${alone?.p99Ms.toFixed(1)} ms alone, ${watched?.p99Ms.toFixed(1)} ms watched`,
      )
    }
    stopped = true
    await serving
    const added = spans.watched.map((watched, round) => watched.p99Ms - (spans.alone[round] ?? watched).p99Ms)
    return {
      ...{ perMinute, pages },
      answersPerSecond: answers / (rounds * seconds),
      bytesPerSecond: bytes / (rounds * seconds),
      alone: delaysOf(spans.alone, seconds),
      watched: delaysOf(spans.watched, seconds),
      addedP99Ms: summary(added).median,
    }
  } finally {
    stopped = true
    await Promise.all(open.map((page) => page.close()))
    for (const server of servers.toReversed()) await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Between the writes of an answer, and how long one takes in all. */
const PAUSE_MS = 110
const STREAM_MS = PAUSE_MS * WRITES
/** Until V8 has compiled what the pages run through, and they have what they list. */
const WARM_UP_MS = 15_000
const OPENING_MS = 2_000

const delaysOf = (spans: readonly LoopDelay[], seconds: number): LoopDelays => ({
  p50: summary(spans.map(({ p50Ms }) => p50Ms)),
  p99: summary(spans.map(({ p99Ms }) => p99Ms)),
  longest: summary(spans.map(({ longestMs }) => longestMs)),
  cpuPerSecond: summary(spans.map(({ cpuMs }) => cpuMs / seconds)),
})
