/**
 * More streams than a box takes on: those that are in are held open, all others come on top of them. What those hear and how soon,
 * whether the ones that are in stay whole, and how much memory it all takes.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'undici'
import { type Server, startScript } from './process.ts'
import { startSignalbox } from './signalbox.ts'
import { quantile } from './statistics.ts'
import { openOne, readStream, type Seen } from './streams.ts'

export interface OverloadOptions {
  readonly main: string
  /** So many streams the box takes on (`server.maxRequests`); half as many more are sent. */
  readonly taken: number
  readonly note: (text: string) => void
}

export interface OverloadCost {
  readonly taken: number
  readonly refused: number
  /** Requests beyond that heard anything but 529 `overloaded_error` with `retry-after` and `x-should-retry: true`. */
  readonly otherwise: number
  /** From sending such a request, on a connection of its own, to the end of its answer. */
  readonly refusalMs: { readonly p50: number; readonly p99: number; readonly longest: number }
  /** Streams that were in and were not exactly what the upstream had written. */
  readonly corrupted: number
  /** Resident memory before, with all streams open, and after the refusals on top of them. */
  readonly emptyBytes: number
  readonly fullBytes: number
  readonly refusedBytes: number
}

/** Slower than in `streams`: there are more of them, and it is not their delay that is measured. */
const TICK_MS = 2_000
const OPEN_EVERY_MS = 3
const REFUSE_EVERY_MS = 2
const LOOK_EVERY_MS = 250
const OPEN_WITHIN_MS = 120_000

interface Heard {
  readonly isRefusal: boolean
  readonly ms: number
}

/** A request on a connection of its own, and the whole of its answer. */
const ask = async (url: string): Promise<Heard> => {
  const client = new Client(url, { connect: { timeout: OPEN_WITHIN_MS } })
  const start = performance.now()
  try {
    const { statusCode, headers, body } = await client.request(openOne)
    const text = await body.text()
    const isRefusal =
      statusCode === 529 &&
      headers['x-should-retry'] === 'true' &&
      Number(headers['retry-after']) >= 1 &&
      JSON.parse(text).error.type === 'overloaded_error'
    return { isRefusal, ms: performance.now() - start }
  } catch {
    // Not even an answer.
    return { isRefusal: false, ms: performance.now() - start }
  } finally {
    void client.destroy()
  }
}

const underWay = async (url: string): Promise<number> => {
  const response = await fetch(`${url}/health`)
  const health = (await response.json()) as { readonly intake: { readonly requests: number } }
  return health.intake.requests
}

export const measureOverload = async ({ main, taken, note }: OverloadOptions): Promise<OverloadCost> => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
  const servers: Server[] = []
  try {
    const upstream = await startScript('slow-streams.ts', {
      STREAM_TICKS: String(Number.MAX_SAFE_INTEGER),
      STREAM_TICK_MS: String(TICK_MS),
    })
    servers.push(upstream)
    const env = { SIGNALBOX_SERVER__MAX_REQUESTS: String(taken) }
    const box = await startSignalbox({ main, folder, upstream: upstream.url, env })
    servers.push(box)
    const emptyBytes = box.residentBytes()

    note(`overload: ${taken} streams, which is all that may be`)
    const open: Promise<Seen>[] = []
    for (let n = 0; n < taken; n++) {
      open.push(readStream(box.url))
      await sleep(OPEN_EVERY_MS)
    }
    const deadline = performance.now() + OPEN_WITHIN_MS
    while ((await underWay(box.url)) < taken) {
      if (performance.now() > deadline)
        throw new Error(`${taken} streams were not open within ${OPEN_WITHIN_MS / 1_000} s`)
      await sleep(LOOK_EVERY_MS)
    }
    const fullBytes = box.residentBytes()

    const beyond = Math.floor(taken / 2)
    note(`overload: ${beyond} more`)
    const asked: Promise<Heard>[] = []
    for (let n = 0; n < beyond; n++) {
      asked.push(ask(box.url))
      await sleep(REFUSE_EVERY_MS)
    }
    const heard = await Promise.all(asked)
    const refusedBytes = box.residentBytes()
    process.kill(upstream.pid, 'SIGUSR2')
    const seen = await Promise.all(open)
    const times = heard.map(({ ms }) => ms)
    return {
      taken,
      refused: heard.filter(({ isRefusal }) => isRefusal).length,
      otherwise: heard.filter(({ isRefusal }) => !isRefusal).length,
      refusalMs: { p50: quantile(times, 0.5), p99: quantile(times, 0.99), longest: quantile(times, 1) },
      corrupted: seen.filter(({ whole }) => !whole).length,
      emptyBytes,
      fullBytes,
      refusedBytes,
    }
  } finally {
    for (const server of servers.toReversed()) await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
