/**
 * How Claude Code reacts to what it hears (wire.md 5): ten retries of a call with growing pauses, `retry-after` up to a minute, an
 * end at more than that or where `x-should-retry` says so. A stream that breaks is asked for again by the same rules.
 */
import { modelId, requestId } from '#domain/ids.ts'
import { draw } from '#infra/simulator/draws.ts'
import { MAX_TOKENS } from './client-shapes.ts'
import type { Backend } from './exchange.ts'
import type { Gateway } from './gateway.ts'
import type { Timeline, Wait } from './timeline.ts'
import type { Call, Session, Step } from './traffic.ts'
import { type Served, walk } from './walk.ts'

/** One call of the client from its first request to its end, and what became of each of its requests. */
export interface Turn {
  readonly call: Call
  readonly requests: readonly Served[]
  readonly askedAt: number
  readonly endedAt: number
}

export interface Household {
  readonly seed: number
  readonly model: string
  readonly gateway: Gateway
  readonly backend: Backend<Call>
  readonly timeline: Timeline
  readonly startedAt: number
  /** This share of the requests is given up by the person in front, after some seconds. */
  readonly leavesShare: number
  /** Called when a request is about to be sent; `issued`: attempts that were made for its call before. */
  readonly asking: (call: Call, issued: number) => void
  readonly ended: (turn: Turn) => void
}

export const MAX_RETRIES = 10
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 32_000
/** More `retry-after` than this, and the client does not retry at all. */
export const LONGEST_RETRY_AFTER_S = 60
/** A person whose turn has failed looks at it, and then goes on. */
const DISAPPOINTED_MS = 60_000

const PURPOSE = { admission: 20, leaves: 21, leavesAfter: 22, jitter: 23, moreDigits: 24, failure: 30 } as const

/**
 * A session from its first prompt to its last. A turn that failed, or that the person gave up, is asked for no more: the person says
 * "go on", and the rest of the script happens, so that every policy is asked the same calls.
 */
export function* live(house: Household, session: Session): Generator<Wait, void, void> {
  yield session.startsAt
  for (const prompt of session.prompts) {
    if (prompt.afterMs > 0) yield house.timeline.now() + prompt.afterMs
    for (const call of prompt.background) house.timeline.start(ask(house, call))
    yield* loop(house, prompt.steps)
  }
}

function* loop(house: Household, steps: readonly Step[]): Generator<Wait, void, void> {
  for (const { call, agents, thenMs } of steps) {
    yield* ask(house, call)
    const tasks = agents.map((agent) => house.timeline.start(loop(house, agent)))
    for (const task of tasks) yield task
    if (thenMs > 0) yield house.timeline.now() + thenMs
  }
}

function* ask(house: Household, call: Call): Generator<Wait, void, void> {
  const { timeline, seed } = house
  const askedAt = timeline.now()
  const requests: Served[] = []
  let issued = 0
  for (let retry = 0; ; retry++) {
    house.asking(call, issued)
    const served = yield* request(house, call, retry, issued)
    issued += served.attempts
    requests.push(served)
    const pauseMs = pauseAfter(served, retry, draw(seed, call.key, retry, PURPOSE.jitter))
    if (pauseMs === null) break
    yield timeline.now() + pauseMs
  }
  house.ended({ call, requests, askedAt, endedAt: timeline.now() })
  if (requests.at(-1)?._tag !== 'Answered') yield timeline.now() + DISAPPOINTED_MS
}

const request = (house: Household, call: Call, retry: number, issued: number) => {
  const { seed, timeline, leavesShare } = house
  const chance = (purpose: number): number => draw(seed, call.key, retry, purpose)
  const id = `req_${call.key}_${retry}`
  const leaves = chance(PURPOSE.leaves) < leavesShare
  return walk({
    gateway: house.gateway,
    backend: house.backend,
    timeline,
    call,
    issued,
    startedAt: house.startedAt,
    leavesAt: leaves ? timeline.now() + Math.round(chance(PURPOSE.leavesAfter) * 20_000) : Number.POSITIVE_INFINITY,
    // Of a request's draw the router reads 52 binary digits (choose-route.ts), and one draw has 32.
    draw: (attempt) =>
      attempt === 0
        ? (Math.floor(chance(PURPOSE.admission) * 2 ** 20) + chance(PURPOSE.moreDigits)) / 2 ** 20
        : chance(PURPOSE.failure + attempt),
    admitted: {
      requestId: requestId(id),
      model: modelId(house.model),
      stream: true,
      maxTokens: MAX_TOKENS,
      bodyBytes: call.bodyBytes,
      messages: call.messages,
      tools: call.tools,
      images: 0,
      sessionId: call.session,
      ...(call.agent === null ? {} : { agentId: call.agent }),
    },
  })
}

const RETRIED: ReadonlySet<number> = new Set([200, 401, 408, 409, 429, 500, 502, 503, 504, 520, 529])

/** Milliseconds until the client asks again; null: it does not. */
export const pauseAfter = (served: Served, retry: number, jitter: number): number | null => {
  if (served._tag === 'Answered' || served._tag === 'Left' || retry >= MAX_RETRIES) return null
  const backOffMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** retry)
  if (served._tag === 'Broken') return Math.round(backOffMs * (1 + jitter / 4))
  const { status, retryAfterS, mayRetry } = served
  if (!RETRIED.has(status) || !mayRetry) return null
  if (retryAfterS !== null && retryAfterS > LONGEST_RETRY_AFTER_S) return null
  return Math.round(Math.max((retryAfterS ?? 0) * 1_000, backOffMs) * (1 + jitter / 4))
}
