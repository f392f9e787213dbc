/**
 * One direction of one connection through the fault proxy: what comes from its source goes to its sink as the toxics of the
 * moment have it.
 */
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export type Toxic =
  /** Every chunk comes so much later, ± up to `jitterMs`; never before the chunk in front of it. */
  | { readonly _tag: 'Latency'; readonly latencyMs: number; readonly jitterMs?: number }
  | { readonly _tag: 'Bandwidth'; readonly bytesPerSecond: number }
  /** The end of the direction (FIN) comes so much later. */
  | { readonly _tag: 'SlowClose'; readonly delayMs: number }
  /** Bytes and ends are taken and lost; with `afterMs` the connection then closes on both sides. */
  | { readonly _tag: 'Timeout'; readonly afterMs?: number }
  /** RST to both sides, `afterMs` after the toxic or the connection, whichever is later. */
  | { readonly _tag: 'ResetPeer'; readonly afterMs: number }
  /** Chunks in pieces of `averageBytes` ± `variationBytes`, so far apart. */
  | {
      readonly _tag: 'Slicer'
      readonly averageBytes: number
      readonly variationBytes?: number
      readonly delayMs?: number
    }
  /** After so many bytes, counted from when it was set, the connection ends on both sides. */
  | { readonly _tag: 'LimitData'; readonly bytes: number; readonly how: 'fin' | 'reset' }
  /** One bit of this share of the bytes is the wrong way round. */
  | { readonly _tag: 'Corrupt'; readonly share: number }
  /** Nothing is read any more: the sender is held back, and hears of no end. */
  | { readonly _tag: 'HalfOpen' }

/** `up`: from who connects to who listens; `down`: back. */
export type Direction = 'up' | 'down'

/** What holds at this moment, for all connections. */
export interface Rules {
  readonly toxics: Record<Direction, readonly Toxic[]>
  /** Counts the changes. */
  readonly version: Record<Direction, number>
  readonly passed: Record<Direction, number>
  changed: PromiseWithResolvers<void>
}

export interface Lane {
  readonly direction: Direction
  readonly source: Socket
  readonly sink: Socket
  readonly rules: Rules
  readonly close: (how: 'fin' | 'reset') => void
  /** The connection is over; `gone` says the same. */
  readonly over: AbortSignal
  readonly gone: Promise<void>
  /** The next draw of this direction of this connection. */
  readonly chance: () => number
}

/** A piece of what came, and when (ms of `performance.now`). */
interface Chunk {
  readonly bytes: Buffer
  readonly at: number
}

/** As much as a long pipe holds; then the source is held back. */
const MOST_CHUNKS = 64

/** Reading and delivering are apart, so that a delay is a delay and no limit to the rate. */
export const carry = async (lane: Lane): Promise<void> => {
  const chunks: Chunk[] = []
  let ended = false
  let moved = Promise.withResolvers<void>()
  const move = (): void => {
    moved.resolve()
    moved = Promise.withResolvers()
  }
  const read = async (): Promise<void> => {
    try {
      for await (const bytes of lane.source.iterator({ destroyOnReturn: false })) {
        await whileSet(lane, 'HalfOpen')
        chunks.push({ bytes, at: performance.now() })
        move()
        while (chunks.length >= MOST_CHUNKS && !lane.over.aborted) await Promise.race([moved.promise, lane.gone])
      }
      await whileSet(lane, 'HalfOpen')
      ended = true
      move()
    } catch {
      // The source was reset: so is the sink, unless nothing gets through.
      await whileSet(lane, 'HalfOpen', 'Timeout')
      lane.close('reset')
    }
  }
  const deliver = async (): Promise<void> => {
    const limit = { version: -1, left: 0 }
    while (!lane.over.aborted) {
      const [chunk] = chunks
      if (chunk !== undefined) {
        await pass(lane, chunk, limit)
        chunks.shift()
        move()
      } else if (ended) {
        await wait(lane, find(lane, 'SlowClose')?.delayMs ?? 0)
        await whileSet(lane, 'Timeout')
        lane.sink.end()
        return
      } else await Promise.race([moved.promise, lane.gone])
    }
  }
  await Promise.all([read(), deliver()])
}

const pass = async (lane: Lane, { bytes, at }: Chunk, limit: { version: number; left: number }): Promise<void> => {
  const { latencyMs = 0, jitterMs = 0 } = find(lane, 'Latency') ?? {}
  await wait(lane, at + latencyMs + jitterMs * (2 * lane.chance() - 1) - performance.now())
  for (const piece of piecesOf(lane, corrupted(lane, bytes))) {
    if (find(lane, 'Timeout') !== undefined || lane.over.aborted) return
    const most = find(lane, 'LimitData')
    const version = lane.rules.version[lane.direction]
    if (most !== undefined && limit.version !== version) Object.assign(limit, { version, left: most.bytes })
    const fits = most === undefined ? piece : piece.subarray(0, limit.left)
    limit.left -= fits.length
    lane.rules.passed[lane.direction] += fits.length
    if (!lane.sink.write(fits)) {
      await Promise.race([new Promise((resolve) => lane.sink.once('drain', resolve)), lane.gone])
    }
    if (most !== undefined && limit.left <= 0) lane.close(most.how)
    const bandwidth = find(lane, 'Bandwidth')
    const pauseMs = bandwidth === undefined ? 0 : (fits.length * 1_000) / bandwidth.bytesPerSecond
    await wait(lane, pauseMs + (find(lane, 'Slicer')?.delayMs ?? 0))
  }
}

/** As small as the slicer wants them, or a fiftieth of a second of the bandwidth. */
const piecesOf = (lane: Lane, bytes: Buffer): readonly Buffer[] => {
  const { averageBytes = bytes.length, variationBytes = 0 } = find(lane, 'Slicer') ?? {}
  const most = (find(lane, 'Bandwidth')?.bytesPerSecond ?? Number.POSITIVE_INFINITY) / 50
  const pieces: Buffer[] = []
  for (let from = 0; from < bytes.length; from += pieces.at(-1)?.length ?? bytes.length) {
    const wanted = averageBytes + variationBytes * (2 * lane.chance() - 1)
    pieces.push(bytes.subarray(from, from + Math.max(1, Math.round(Math.min(wanted, most)))))
  }
  return pieces
}

const corrupted = (lane: Lane, bytes: Buffer): Buffer => {
  const share = find(lane, 'Corrupt')?.share ?? 0
  if (share === 0) return bytes
  return bytes.map((byte) => (lane.chance() < share ? byte ^ (1 << Math.floor(lane.chance() * 8)) : byte)) as Buffer
}

const find = <T extends Toxic['_tag']>({ rules, direction }: Lane, tag: T) =>
  rules.toxics[direction].find((toxic): toxic is Extract<Toxic, { readonly _tag: T }> => toxic._tag === tag)

const whileSet = async (lane: Lane, ...tags: readonly Toxic['_tag'][]): Promise<void> => {
  while (tags.some((tag) => find(lane, tag) !== undefined) && !lane.over.aborted) {
    await Promise.race([lane.rules.changed.promise, lane.gone])
  }
}

/** Shorter when the connection is over. */
const wait = async ({ over }: Lane, ms: number): Promise<void> => {
  if (ms > 0) await sleep(ms, undefined, { signal: over }).catch(() => undefined)
}
