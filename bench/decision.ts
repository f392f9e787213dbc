/**
 * What the choice of a route costs: ten providers with limits and prices, a thousand conversations with warm caches, after a
 * short and after a long history. The event loop does nothing else meanwhile, so it is CPU as well as time.
 */
import { applyFact, decide, type GatewayState, initialState } from '#actors/gateway-state.ts'
import type { Fact, RequestAdmitted } from '#domain/events.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { defaultBreaker, defaultPolicy, defaultTimeouts } from '#domain/policy.ts'
import { noUsage } from '#domain/usage.ts'
import { type Summary, summary } from './statistics.ts'

export interface DecisionOptions {
  readonly rounds: number
  /** Of the longer history; the shorter has one of each conversation. */
  readonly requests: number
  readonly note: (text: string) => void
}

/** Microseconds per admission: folding the fact in, and the route. */
export interface DecisionCost {
  readonly shortUs: Summary
  readonly longUs: Summary
  readonly requests: number
}

const SESSIONS = 1_000
const DECISIONS = 5_000
const EPOCH = Date.UTC(2026, 0, 1)
/** Between two requests. */
const STEP_MS = 100
const MODEL = modelId('claude-sonnet-5-5')
const PROVIDERS = Array.from({ length: 10 }, (_, n) => providerId(`provider-${n}`))

const price = { input: 2, output: 10, cacheRead: 0.2, cacheWrite5m: 2.5, cacheWrite1h: 4 }
const limits = { requestsPerMinute: 4_000, inputTokensPerMinute: 20_000_000, outputTokensPerMinute: 4_000_000 }
const policy = {
  ...defaultPolicy,
  routing: { ...defaultPolicy.routing, strategy: 'intelligent' as const },
  providers: PROVIDERS.map((id) => ({
    ...{ id, kind: 'anthropic', enabled: true, priority: 1, models: {}, limits, prices: { '*': price } },
    ...{ breaker: defaultBreaker, timeouts: defaultTimeouts },
  })),
}

const turn = (n: number): RequestAdmitted => ({
  _tag: 'RequestAdmitted',
  requestId: requestId(`req_${n}`),
  model: MODEL,
  stream: true,
  maxTokens: 32_000,
  bodyBytes: 250_000,
  messages: 1 + 2 * Math.floor(n / SESSIONS),
  tools: 12,
  images: 0,
  sessionId: `session-${n % SESSIONS}`,
  draw: (n % 97) / 97,
})

/** Requests 0 to `requests` - 1, each served where its conversation's cache is. */
const boxAfter = (requests: number): GatewayState => {
  const state = initialState()
  const fold = (fact: Fact, at: number) => applyFact(state, fact, at, 'bench')
  fold({ _tag: 'PolicyChanged', version: 1, policy }, EPOCH)
  for (let n = 0; n < requests; n++) {
    const at = EPOCH + n * STEP_MS
    const usage = { ...noUsage, inputTokens: 20, cacheReadTokens: 58_000, cacheWrite5mTokens: 2_000, outputTokens: 400 }
    const provider = PROVIDERS[(n % SESSIONS) % PROVIDERS.length] as (typeof PROVIDERS)[number]
    const attempt = { requestId: requestId(`req_${n}`), attempt: 1, provider, model: MODEL }
    fold(turn(n), at)
    fold({ _tag: 'AttemptStarted', ...attempt, inputTokens: 2_020 }, at)
    fold(
      {
        _tag: 'AttemptSucceeded',
        ...attempt,
        ...{ status: 200, usage, stopReason: 'end_turn', ttftMs: 900, durationMs: 4_900, responseBytes: 2_000 },
      },
      at + STEP_MS / 2,
    )
  }
  return state
}

const costOf = (state: GatewayState, history: number): number => {
  const at = EPOCH + history * STEP_MS
  // The last turn of each conversation comes again: nothing that is decided about grows from round to round.
  const startedAt = performance.now()
  for (let n = 0; n < DECISIONS; n++) decide(state, turn(history + (n % SESSIONS)), at, 'bench')
  return ((performance.now() - startedAt) * 1_000) / DECISIONS
}

export const measureDecision = ({ rounds, requests, note }: DecisionOptions): DecisionCost => {
  const short = boxAfter(SESSIONS)
  const long = boxAfter(requests)
  const shortUs: number[] = []
  const longUs: number[] = []
  // The first round is for the compiler.
  for (let round = 0; round <= rounds; round++) {
    const costs = [costOf(short, SESSIONS), costOf(long, requests)] as const
    note(`decision: round ${round} of ${rounds}: ${costs.map((us) => us.toFixed(1)).join(', ')} µs`)
    if (round === 0) continue
    shortUs.push(costs[0])
    longUs.push(costs[1])
  }
  return { shortUs: summary(shortUs), longUs: summary(longUs), requests }
}
