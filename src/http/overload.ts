/**
 * How much a box takes on at a time. Who comes beyond it is refused at the door, before anything of the request is read, and
 * hears when to come again; who is in has what it takes to finish (docs/adr/0025).
 */
import { type ErrorAnswer, errorAnswer } from '#domain/dialect/anthropic-error.ts'

export interface Capacity {
  /** Model calls and token counts under way. */
  readonly requests: number
  /** Bytes of their bodies. A body is held until its answer has ended: it may have to go to another provider. */
  readonly bodyBytes: number
}

export interface Load {
  readonly requests: number
  readonly bodyBytes: number
}

/** What there is too much of. `log`: events that wait for the disk. */
export const OVERLOADS = ['requests', 'bodies', 'log'] as const
export type Overload = (typeof OVERLOADS)[number]

/** Resident memory of an open stream without its body, in bytes; measured with 1,000 of them (docs/operations.md). */
const STREAM_BYTES = 100_000
const FEWEST_REQUESTS = 100
/** Twice what the benchmark `streams` holds open (docs/benchmarks.md): one event loop serves them all. */
const MOST_REQUESTS = 4_000
const MOST_BODY_BYTES = 1024 ** 3

/**
 * What fits into `memory` bytes beside the program itself: a quarter of them for streams, an eighth for bodies, of which one
 * takes three times its length while it is read and sent.
 */
export const capacityOf = (memory: number): Capacity => ({
  requests: Math.min(MOST_REQUESTS, Math.max(FEWEST_REQUESTS, Math.floor(memory / 4 / STREAM_BYTES))),
  bodyBytes: Math.min(MOST_BODY_BYTES, Math.floor(memory / 8)),
})

/** Why a request with a body of `bytes` cannot be taken on; undefined: it can. */
export const overloadOf = (load: Load, capacity: Capacity, bytes: number): Overload | undefined => {
  if (load.requests >= capacity.requests) return 'requests'
  return load.bodyBytes + bytes > capacity.bodyBytes ? 'bodies' : undefined
}

const MESSAGES: Readonly<Record<Overload, string>> = {
  requests: 'Signalbox has as many requests under way as it takes on (server.maxRequests); try again shortly.',
  bodies: 'Signalbox holds as many bytes of requests as it takes on (server.bodyMemory); try again shortly.',
  log: 'The event log of Signalbox cannot keep up; try again shortly.',
}
/** When to come again. Who was refused together does not come back together. */
const RETRY_AFTER_MS = [1_000, 2_000, 3_000, 4_000]
/** A disk takes longer than a client. */
const LOG_RETRY_AFTER_MS = 5_000

export interface IntakeCounts extends Load {
  readonly capacity: Capacity
  /** Since the process started. */
  readonly refused: Readonly<Record<Overload, number>>
}

/** A request that is under way. */
export interface Place {
  /** Its body has been read: this many bytes. */
  readonly settle: (bytes: number) => void
  /** It is over, and nothing of it is held any more. */
  readonly leave: () => void
}

export interface Intake {
  /**
   * @param announced bytes of the body; undefined: the client does not say, and it counts as the largest until it is read
   * @param logOverflows the event log has no room for one more
   */
  readonly enter: (
    announced: number | undefined,
    logOverflows: boolean,
  ) =>
    | { readonly _tag: 'Taken'; readonly place: Place }
    | { readonly _tag: 'Refused'; readonly overload: Overload; readonly answer: ErrorAnswer }
  readonly counts: () => IntakeCounts
}

export const unlimited: Capacity = { requests: Number.POSITIVE_INFINITY, bodyBytes: Number.POSITIVE_INFINITY }

/** @param bodyLimit bytes of the largest body; there is always room for one */
export const makeIntake = (limits: Capacity, bodyLimit: number): Intake => {
  const capacity = { ...limits, bodyBytes: Math.max(limits.bodyBytes, bodyLimit) }
  const refused: Record<Overload, number> = { requests: 0, bodies: 0, log: 0 }
  let requests = 0
  let bodyBytes = 0
  let refusals = 0

  const take = (bytes: number): Place => {
    let held = bytes
    requests += 1
    bodyBytes += held
    return {
      settle: (actual) => {
        bodyBytes += actual - held
        held = actual
      },
      leave: () => {
        requests -= 1
        bodyBytes -= held
      },
    }
  }

  return {
    enter: (announced, logOverflows) => {
      // What is announced beyond the limit is refused for that, and never held.
      const bytes = Math.min(announced ?? bodyLimit, bodyLimit)
      const overload = logOverflows ? 'log' : overloadOf({ requests, bodyBytes }, capacity, bytes)
      if (overload === undefined) return { _tag: 'Taken', place: take(bytes) }
      refused[overload] += 1
      refusals += 1
      const spread = RETRY_AFTER_MS[refusals % RETRY_AFTER_MS.length]
      const answer = errorAnswer.overloaded(MESSAGES[overload], overload === 'log' ? LOG_RETRY_AFTER_MS : spread)
      return { _tag: 'Refused', overload, answer }
    },
    counts: () => ({ requests, bodyBytes, capacity, refused: { ...refused } }),
  }
}
