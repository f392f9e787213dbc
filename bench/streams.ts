/**
 * Many slow streams at once: how late their chunks come through Signalbox beside straight from the upstream, whether every stream
 * is whole, and how much memory each of them takes while it is open.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'undici'
import { type Server, startScript } from './process.ts'
import { startSignalbox } from './signalbox.ts'
import { quantile } from './statistics.ts'
import { FINISH, nowUs, ticksIn } from './stream-frames.ts'

export interface StreamsOptions {
  readonly main: string
  readonly streams: number
  /** Chunks of each stream, a second apart. */
  readonly ticks: number
  readonly note: (text: string) => void
}

/** How late chunks came, in ms. */
export interface Late {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly longestMs: number
}

export interface StreamsCost {
  readonly streams: number
  readonly chunks: number
  readonly direct: Late
  readonly signalbox: Late
  readonly addedP99Ms: number
  /** Streams that were not exactly what the upstream had written. */
  readonly corrupted: number
  /** Resident memory that each open stream adds, over what the process has after a warm-up of as many. */
  readonly bytesPerStream: number
  /** The same over what it has after a warm-up of a few: what its heap has grown to is in it. */
  readonly firstBytesPerStream: number
  /** CPU of all threads per chunk, with what the request of the stream takes. */
  readonly cpuUsPerChunk: number
}

const TICK_MS = 1_000
/** Streams are opened so far apart: what opening costs is not what is measured. */
const OPEN_EVERY_MS = 3
/** Chunks count from so long after the last stream was opened, until the first one ends. */
const STEADY_AFTER_US = 1_000_000
/** Small, so that what is measured is the stream and not its request, which is kept until the answer has begun. */
const BODY = JSON.stringify({
  model: 'claude-opus-5-5',
  max_tokens: 64,
  stream: true,
  messages: [{ role: 'user', content: 'count' }],
})

interface Chunk {
  readonly writtenUs: number
  readonly lateMs: number
}

export interface Seen {
  readonly chunks: readonly Chunk[]
  readonly whole: boolean
}

interface Opened {
  readonly seen: readonly Seen[]
  /** Of the shared clock, when all were open. */
  readonly allOpenUs: number
}

/** What opens a stream. */
export const openOne = {
  path: '/v1/messages',
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: BODY,
} as const

/** A machine that is busy with others lets connections wait: that is no fault of a stream. */
const CONNECT_MS = 60_000

/** @param ticks chunks that it must have; undefined: any number */
export const readStream = (url: string, ticks?: number): Promise<Seen> =>
  new Promise((resolve) => {
    const client = new Client(url, { bodyTimeout: 0, headersTimeout: 0, connect: { timeout: CONNECT_MS } })
    const chunks: Chunk[] = []
    let rest = ''
    let tail = ''
    let next = 0
    let inOrder = true
    const over = (whole: boolean): void => {
      resolve({ chunks, whole })
      client.destroy()
    }
    client.dispatch(openOne, {
      onRequestStart: () => {},
      onResponseStart: (_controller, status) => {
        if (status !== 200) inOrder = false
      },
      onResponseData: (_controller, chunk) => {
        const atUs = nowUs()
        const text = rest + chunk.toString('latin1')
        const end = text.lastIndexOf('\n\n') + 2
        for (const [n, writtenUs] of ticksIn(text.slice(0, end))) {
          if (n !== next++) inOrder = false
          chunks.push({ writtenUs, lateMs: (atUs - writtenUs) / 1_000 })
        }
        rest = text.slice(end)
        tail = (tail + chunk.toString('latin1')).slice(-FINISH.length)
      },
      onResponseEnd: () => over(inOrder && next === (ticks ?? next) && tail === FINISH),
      onResponseError: () => over(false),
    })
  })

/** All streams, opened one after the other; `whileOpen` runs when all of them are. */
const openAll = async (
  url: string,
  { streams, ticks }: Pick<StreamsOptions, 'streams' | 'ticks'>,
  whileOpen: () => void = () => {},
): Promise<Opened> => {
  const open: Promise<Seen>[] = []
  for (let n = 0; n < streams; n++) {
    open.push(readStream(url, ticks))
    await sleep(OPEN_EVERY_MS)
  }
  const allOpenUs = nowUs()
  whileOpen()
  return { seen: await Promise.all(open), allOpenUs }
}

const lateOf = ({ seen, allOpenUs }: Opened): Late => {
  const firstEndUs = Math.min(...seen.map(({ chunks }) => chunks.at(-1)?.writtenUs ?? 0))
  const all = seen.flatMap(({ chunks }) =>
    chunks.flatMap(({ writtenUs, lateMs }) =>
      writtenUs > allOpenUs + STEADY_AFTER_US && writtenUs < firstEndUs ? [lateMs] : [],
    ),
  )
  return { p50Ms: quantile(all, 0.5), p99Ms: quantile(all, 0.99), longestMs: quantile(all, 1) }
}

/** The median of what it holds while all are open. */
const residentWhileOpen = async (box: Server, { streams, ticks }: StreamsOptions): Promise<number> => {
  const samples: number[] = []
  const seconds = ticks - Math.ceil((streams * OPEN_EVERY_MS) / TICK_MS) - 2
  for (let n = 0; n < Math.max(1, seconds); n++) {
    await sleep(TICK_MS)
    samples.push(box.residentBytes())
  }
  return quantile(samples, 0.5)
}

export const measureStreams = async (options: StreamsOptions): Promise<StreamsCost> => {
  const { main, streams, ticks, note } = options
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
  const servers: Server[] = []
  try {
    const env = { STREAM_TICKS: String(ticks), STREAM_TICK_MS: String(TICK_MS) }
    const upstream = await startScript('slow-streams.ts', env)
    servers.push(upstream)
    const box = await startSignalbox({ main, folder, upstream: upstream.url })
    servers.push(box)

    note(`streams: ${streams} straight from the upstream`)
    const direct = await openAll(upstream.url, options)
    note('streams: a warm-up through Signalbox')
    await openAll(box.url, { ...options, streams: Math.min(200, streams) })
    const cold = box.residentBytes()
    let held: Promise<number> = Promise.resolve(0)
    await openAll(box.url, options, () => {
      held = residentWhileOpen(box, options)
    })
    const first = await held
    await sleep(SETTLE_MS)
    const warm = box.residentBytes()
    note(`streams: ${streams} through Signalbox`)
    const cpuBefore = box.cpuMs()
    const through = await openAll(box.url, options, () => {
      held = residentWhileOpen(box, options)
    })
    const cpuMs = box.cpuMs() - cpuBefore
    const again = await held
    const [directLate, late] = [lateOf(direct), lateOf(through)]
    return {
      streams,
      chunks: streams * ticks,
      direct: directLate,
      signalbox: late,
      addedP99Ms: late.p99Ms - directLate.p99Ms,
      corrupted: through.seen.filter(({ whole }) => !whole).length,
      bytesPerStream: (again - warm) / streams,
      firstBytesPerStream: (first - cold) / streams,
      cpuUsPerChunk: (cpuMs * 1_000) / (streams * ticks),
    }
  } finally {
    for (const server of servers.toReversed()) await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Sockets close, and garbage is collected, in a while. */
const SETTLE_MS = 3_000
