/**
 * How long a request of megabytes stops the other streams: one stream runs with a chunk every 2 ms while such requests are
 * sent, in turns with spans in which none is. Measured is how late the chunks come at the client, which is the time that a
 * chunk waited and nothing of the upstream's own unevenness.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { SenderAnswer, SenderData } from './large-sender.ts'
import { type LateStream, openLateStream } from './lateness.ts'
import { claudeCodeCall } from './load.ts'
import type { LoopDelay } from './loop-delay.ts'
import { type Server, startScript } from './process.ts'
import { readLoopDelay, tellsLoopDelay } from './read-loop-delay.ts'
import { startSignalbox, type Way } from './signalbox.ts'
import { quantile, type Summary, summary } from './statistics.ts'

export interface LargeOptions {
  readonly main: string
  /** Of the body of one request. */
  readonly bytes: number
  readonly repetitions: number
  /** In each repetition. */
  readonly requests: number
  readonly note: (text: string) => void
}

/** Summaries over the repetitions, in ms. */
export interface Lateness {
  readonly longest: Summary
  readonly p99: Summary
  /** Inside Signalbox: the longest between two turns of its event loop, 1 ms of the measuring timer included. */
  readonly loop: Summary
  /** The same in CPU of its main thread, which others on the machine do not lengthen. */
  readonly loopCpu: Summary
}

export interface LargeCost {
  readonly way: Way
  readonly bytes: number
  /** From sending a large request to the end of its answer. */
  readonly requestMs: Summary
  readonly quiet: Lateness
  readonly loud: Lateness
  /** The median of the longest with large requests over that without. */
  readonly addedLongestMs: number
  readonly addedP99Ms: number
}

export const measureLarge = async (way: Way, options: LargeOptions): Promise<LargeCost> => {
  const { main, bytes, repetitions, requests, note } = options
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
  const servers: Server[] = []
  let stream: LateStream | undefined
  let sender: Sender | undefined
  try {
    const upstream = await startScript('ticking.ts', way === 'fitted' ? { REFUSED_BETA } : {})
    servers.push(upstream)
    const delayFile = join(folder, 'loop-delay.json')
    const box = await startSignalbox({
      main,
      folder,
      upstream: upstream.url,
      way,
      ...tellsLoopDelay(delayFile),
    })
    servers.push(box)
    sender = startSender({ url: box.url, way, bytes, pauseMs: PAUSE_MS })
    await sender.send(WARM_UP_REQUESTS)
    stream = await openLateStream(box.url, claudeCodeCall('stream'))

    const spans = { quiet: [] as Span[], loud: [] as Span[] }
    const totalMs: number[] = []
    let spanMs = requests * PAUSE_MS
    for (let repetition = 0; repetition < repetitions; repetition++) {
      await readLoopDelay(box, delayFile)
      stream.take()
      await sleep(spanMs)
      spans.quiet.push({ late: stream.take(), loop: await readLoopDelay(box, delayFile) })
      stream.take()
      const start = performance.now()
      totalMs.push(...(await sender.send(requests)))
      spanMs = performance.now() - start
      const loud = { late: stream.take(), loop: await readLoopDelay(box, delayFile) }
      spans.loud.push(loud)
      note(
        `large, ${way}: ${repetition + 1}/${repetitions} longest ${quantile(loud.late, 1).toFixed(1)} ms late, ${loud.loop.longestCpuMs.toFixed(1)} ms of CPU in a turn`,
      )
    }
    const quiet = lateness(spans.quiet)
    const loud = lateness(spans.loud)
    return {
      way,
      bytes,
      requestMs: summary(totalMs),
      quiet,
      loud,
      addedLongestMs: loud.longest.median - quiet.longest.median,
      addedP99Ms: loud.p99.median - quiet.p99.median,
    }
  } finally {
    await stream?.close()
    await sender?.stop()
    for (const server of servers.toReversed()) await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Claude Code always sends it, and with it go fields of every message. The upstream refuses it, so what is answered came without. */
const REFUSED_BETA = 'advanced-tool-use-2025-11-20'
/** Until V8 has compiled what they run through. */
const WARM_UP_REQUESTS = 20
/** Between two large requests: a chunk that waits for one never waits for the next too. */
const PAUSE_MS = 100

interface Span {
  readonly late: readonly number[]
  readonly loop: LoopDelay
}

const lateness = (spans: readonly Span[]): Lateness => ({
  longest: summary(spans.map(({ late }) => quantile(late, 1))),
  p99: summary(spans.map(({ late }) => quantile(late, 0.99))),
  loop: summary(spans.map(({ loop }) => loop.longestMs)),
  loopCpu: summary(spans.map(({ loop }) => loop.longestCpuMs)),
})

interface Sender {
  /** @returns how long each took, in ms. */
  readonly send: (count: number) => Promise<readonly number[]>
  readonly stop: () => Promise<unknown>
}

const startSender = (data: SenderData): Sender => {
  const worker = new Worker(new URL('large-sender.ts', import.meta.url), { workerData: data })
  return {
    send: async (count) => {
      worker.postMessage(count)
      const [answer] = (await once(worker, 'message')) as [SenderAnswer]
      if ('error' in answer) throw new Error(answer.error)
      return answer.totalMs
    },
    stop: () => worker.terminate(),
  }
}
