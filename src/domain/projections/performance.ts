/**
 * How fast each provider answers for each model: time to first content and time per token of output, as peak averages with a
 * half-life of a minute, and the attempts in flight. Learned from streamed answers only: of one that comes in one piece
 * nobody sees when it began.
 */
import type { ModelId, ProviderId } from '#domain/ids.ts'
import { namesKey } from '#domain/names-key.ts'
import { expectedAt, observe, type PeakAverage } from '#domain/peak-average.ts'
import { providersOf } from '#domain/policy.ts'
import { type EndedAttempt, FOLLOWED, follow, type OpenRequests } from '#domain/projections/open-attempts.ts'
import type { Occurred, Projection } from '#domain/projections/projection.ts'

export interface PairPerformance {
  readonly provider: ProviderId
  /** As the provider is asked for it. */
  readonly model: ModelId
  /** Milliseconds to the first content; null: no streamed answer yet. */
  ttft: PeakAverage | null
  /** Milliseconds per token after it; null: no answer that was long enough yet. */
  perToken: PeakAverage | null
  inFlight: number
}

export interface Performance {
  /** By JSON of [provider, model]; the one that was asked last is the last. */
  readonly pairs: Map<string, PairPerformance>
  readonly open: OpenRequests<{ readonly stream: boolean }>
}

/** Score row of reliability 4.3: about a minute. */
export const SPEED_HALF_LIFE_MS = 60_000
/** Enough for any configuration; more come from clients that make up names. */
export const PAIRS_KEPT = 300
/** Of shorter answers the time per token is mostly noise of the network. */
export const MEASURED_FROM_TOKENS = 20

export const performance: Projection<Performance> = {
  name: 'performance',
  version: 1,
  hears: ['PolicyChanged', ...FOLLOWED],
  initial: () => ({ pairs: new Map(), open: new Map() }),
  evolve: (state, occurred) => {
    const { event } = occurred
    if (event._tag === 'PolicyChanged') {
      const named = providersOf(event.policy)
      for (const [key, { provider }] of state.pairs) if (!named.has(provider)) forget(state, key)
      return state
    }
    const ended = follow(state.open, occurred, ({ stream }) => ({ stream }))
    if (ended !== undefined) learn(state, ended, occurred)
    if (event._tag === 'AttemptStarted' && state.open.has(event.requestId))
      askedNow(state, event.provider, event.model).inFlight += 1
    return state
  },
}

const learn = (state: Performance, ended: EndedAttempt<{ readonly stream: boolean }>, occurred: Occurred): void => {
  const pair = state.pairs.get(keyOf(ended.provider, ended.model))
  if (pair === undefined) return
  pair.inFlight -= 1
  if (!ended.asked.stream) return
  const { event, occurredAt } = occurred
  if (event._tag === 'AttemptSucceeded') {
    pair.ttft = observe(pair.ttft, event.ttftMs, occurredAt, SPEED_HALF_LIFE_MS)
    const { outputTokens } = event.usage
    if (outputTokens < MEASURED_FROM_TOKENS) return
    const perToken = Math.max(0, event.durationMs - event.ttftMs) / outputTokens
    pair.perToken = observe(pair.perToken, perToken, occurredAt, SPEED_HALF_LIFE_MS)
  } else if (event._tag === 'AttemptFailed' && event.reason._tag === 'Timeout') {
    const { phase } = event.reason
    // The first content would have taken longer than this. Less than what is known already, it says nothing.
    if ((phase === 'headers' || phase === 'firstContent') && event.durationMs > (pair.ttft?.recent ?? 0))
      pair.ttft = observe(pair.ttft, event.durationMs, occurredAt, SPEED_HALF_LIFE_MS)
  }
}

const keyOf = (provider: ProviderId, model: ModelId): string => namesKey([provider, model])

const askedNow = (state: Performance, provider: ProviderId, model: ModelId): PairPerformance => {
  const key = keyOf(provider, model)
  const pair = state.pairs.get(key) ?? { provider, model, ttft: null, perToken: null, inFlight: 0 }
  state.pairs.delete(key)
  state.pairs.set(key, pair)
  const [oldest] = state.pairs.keys()
  if (oldest !== undefined && state.pairs.size > PAIRS_KEPT) forget(state, oldest)
  return pair
}

/** Its attempts in flight are forgotten too: their end must not be taken off those of a pair that comes back. */
const forget = ({ pairs, open }: Performance, key: string): void => {
  pairs.delete(key)
  for (const [id, { asked, attempt }] of open) {
    if (attempt !== null && keyOf(attempt.provider, attempt.model) === key) open.set(id, { asked, attempt: null })
  }
}

/** Milliseconds; null: not known. */
export interface Speed {
  readonly ttftMs: number | null
  readonly msPerToken: number | null
  readonly inFlight: number
}

/** What to expect of a provider for a model at `at` (epoch ms). */
export const speedOf = ({ pairs }: Performance, provider: ProviderId, model: ModelId, at: number): Speed => {
  const pair = pairs.get(keyOf(provider, model))
  if (pair === undefined) return { ttftMs: null, msPerToken: null, inFlight: 0 }
  const { ttft, perToken, inFlight } = pair
  return {
    ttftMs: ttft === null ? null : expectedAt(ttft, at, SPEED_HALF_LIFE_MS),
    msPerToken: perToken === null ? null : expectedAt(perToken, at, SPEED_HALF_LIFE_MS),
    inFlight,
  }
}
