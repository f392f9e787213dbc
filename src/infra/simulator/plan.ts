/**
 * A response as a plan: which bytes at which time, and how it ends. Faults are rewrites of a plan, so what a script says
 * about events and bytes is exact. Pure; play.ts carries it out.
 */
import type { HeaderList } from '#actors/ports.ts'
import type { Fault, Pace, Where } from '#infra/simulator/script.ts'
import type { Speech } from '#infra/simulator/wire.ts'

/** Bytes that are due `atMs` after the request was read. */
export interface Piece {
  readonly atMs: number
  readonly bytes: Uint8Array
}

export type Ending =
  | { readonly _tag: 'Complete' }
  | { readonly _tag: 'Reset' }
  | { readonly _tag: 'Fin' }
  /** Nothing more, until the client leaves. */
  | { readonly _tag: 'Hang'; readonly ping?: { readonly everyMs: number; readonly bytes: Uint8Array } }
  | { readonly _tag: 'RefuseConnections'; readonly forMs: number }

export interface Plan {
  readonly status: number
  readonly headers: HeaderList
  /** Undefined: the status line is never sent. */
  readonly headersAtMs: number | undefined
  /** One write each. */
  readonly pieces: readonly Piece[]
  readonly ending: Ending
}

/** A plan whose pieces are whole events (or one JSON body), changed by the fault and then cut into the pace's writes. */
export const finishPlan = (plan: Plan, fault: Fault | undefined, pace: Pace, words: Words): Plan => {
  const faulty = fault === undefined ? plan : withFault(plan, fault, words)
  return { ...faulty, pieces: intoWrites(faulty.pieces, pace) }
}

/** The frames that a fault adds to a stream. */
export type Words = Pick<Speech, 'errorEvent' | 'ping'>

const withFault = (plan: Plan, fault: Fault, words: Words): Plan => {
  switch (fault._tag) {
    case 'Drop': {
      const [before] = split(plan.pieces, fault.at)
      return {
        ...plan,
        // A content-length would turn a clean end into a broken one.
        headers: fault.how === 'cleanEnd' ? plan.headers.filter(([name]) => name !== 'content-length') : plan.headers,
        headersAtMs: fault.at === 'beforeHeaders' ? undefined : plan.headersAtMs,
        pieces: before,
        ending: fault.how === 'reset' ? { _tag: 'Reset' } : cleanOrFin(fault),
      }
    }
    case 'Stall':
      return fault.forMs === undefined
        ? stalledForEver(plan, fault, words)
        : stalledFor(plan, fault, fault.forMs, words)
    case 'ErrorEvent': {
      const before = plan.pieces.slice(0, fault.afterEvents)
      const atMs = before.at(-1)?.atMs ?? plan.headersAtMs ?? 0
      return { ...plan, pieces: [...before, { atMs, bytes: words.errorEvent(fault.type, fault.message) }] }
    }
  }
}

const cleanOrFin = (fault: { readonly at: Where; readonly how: string }): Ending =>
  fault.how === 'cleanEnd' && fault.at !== 'beforeHeaders' ? { _tag: 'Complete' } : { _tag: 'Fin' }

interface Silence {
  readonly at: Where
  readonly pingEveryMs?: number
}

const stalledForEver = (plan: Plan, fault: Silence, words: Words): Plan => {
  const [before] = split(plan.pieces, fault.at)
  const pings =
    fault.pingEveryMs === undefined || fault.at === 'beforeHeaders'
      ? {}
      : { ping: { everyMs: fault.pingEveryMs, bytes: words.ping } }
  return {
    ...plan,
    headersAtMs: fault.at === 'beforeHeaders' ? undefined : plan.headersAtMs,
    pieces: before,
    ending: { _tag: 'Hang', ...pings },
  }
}

const stalledFor = (plan: Plan, fault: Silence, forMs: number, words: Words): Plan => {
  const later = (piece: Piece): Piece => ({ ...piece, atMs: piece.atMs + forMs })
  if (fault.at === 'beforeHeaders') {
    return { ...plan, headersAtMs: (plan.headersAtMs ?? 0) + forMs, pieces: plan.pieces.map(later) }
  }
  const [before, after] = split(plan.pieces, fault.at)
  const from = before.at(-1)?.atMs ?? plan.headersAtMs ?? 0
  const every = fault.pingEveryMs ?? Number.POSITIVE_INFINITY
  const pings: Piece[] = []
  for (let at = every; at < forMs; at += every) pings.push({ atMs: from + at, bytes: words.ping })
  return { ...plan, pieces: [...before, ...pings, ...after.map(later)] }
}

/** The pieces before and after a point; a point inside a piece cuts it. */
const split = (pieces: readonly Piece[], at: Where): readonly [readonly Piece[], readonly Piece[]] => {
  if (typeof at === 'string') return [[], pieces]
  if ('events' in at) return [pieces.slice(0, at.events), pieces.slice(at.events)]
  const before: Piece[] = []
  let room = at.bytes
  for (const [index, piece] of pieces.entries()) {
    if (piece.bytes.length <= room) {
      before.push(piece)
      room -= piece.bytes.length
      continue
    }
    if (room > 0) before.push({ ...piece, bytes: piece.bytes.subarray(0, room) })
    return [before, [{ ...piece, bytes: piece.bytes.subarray(room) }, ...pieces.slice(index + 1)]]
  }
  return [before, []]
}

/** Pieces that are due together become one write, unless the pace says how large writes are. */
const intoWrites = (pieces: readonly Piece[], pace: Pace): readonly Piece[] => {
  const groups: { atMs: number; parts: Uint8Array[] }[] = []
  for (const { atMs, bytes } of pieces) {
    const last = groups.at(-1)
    if (
      last !== undefined &&
      last.atMs === atMs &&
      last.parts.length < (pace.eventsPerWrite ?? Number.POSITIVE_INFINITY)
    ) {
      last.parts.push(bytes)
    } else {
      groups.push({ atMs, parts: [bytes] })
    }
  }
  const sizes = pace.bytesPerWrite
  const writes = groups.flatMap(({ atMs, parts }) => {
    const whole = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
    return sizes === undefined ? [{ atMs, bytes: whole }] : slices(whole, sizes).map((bytes) => ({ atMs, bytes }))
  })
  const pause = pace.betweenWritesMs ?? 0
  return pause === 0 ? writes : writes.map((write, index) => ({ ...write, atMs: write.atMs + index * pause }))
}

const slices = (bytes: Uint8Array, sizes: number | readonly number[]): readonly Uint8Array[] => {
  const parts: Uint8Array[] = []
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = typeof sizes === 'number' ? sizes : (sizes[i] ?? sizes.at(-1) ?? bytes.length)
    parts.push(bytes.subarray(at, at + Math.max(1, size)))
    at += Math.max(1, size)
  }
  return parts
}
