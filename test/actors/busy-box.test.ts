/**
 * The decision of a box that is in full use: ten providers, a thousand conversations with warm caches. What it costs, and that
 * the length of the history does not matter, is in the benchmark: `npm run bench -- --only decision`.
 */
import { describe, expect, it } from 'vitest'
import { applyFact, decide, type GatewayState, initialState } from '#actors/gateway-state.ts'
import type { RouteChosen } from '#domain/decisions.ts'
import type { RequestAdmitted } from '#domain/events.ts'
import { providerId } from '#domain/ids.ts'
import { defaultPolicy } from '#domain/policy.ts'
import { admitted, MODEL, providerNamed, started, succeeded } from '#test/attempts.ts'
import { EPOCH } from '#test/generators.ts'

const PROVIDERS = Array.from({ length: 10 }, (_, n) => providerId(`provider-${n}`))
const SESSIONS = 1_000
/** Sixteen bits each for the tie, for exploring and for the share: all in the middle. */
const DRAW = 0.5 + 0.5 / 2 ** 16

const price = { input: 2, output: 10, cacheRead: 0.2, cacheWrite5m: 2.5, cacheWrite1h: 4 }
const limits = { requestsPerMinute: 4_000, inputTokensPerMinute: 20_000_000, outputTokensPerMinute: 4_000_000 }
const policy = {
  ...defaultPolicy,
  routing: { ...defaultPolicy.routing, strategy: 'intelligent' as const },
  providers: PROVIDERS.map((id) => providerNamed(id, { limits, prices: { '*': price } })),
}

const turn = (n: number, messages: number, session = n % SESSIONS): RequestAdmitted =>
  admitted(n, { sessionId: `session-${session}`, messages, bodyBytes: 250_000, draw: DRAW })

/** Every conversation has had its first turn; session n at provider n modulo ten. */
const busyBox = (): GatewayState => {
  const state = initialState()
  applyFact(state, { _tag: 'PolicyChanged', version: 1, policy }, EPOCH, 'box')
  for (let n = 0; n < SESSIONS; n++) {
    const at = EPOCH + n * 100
    const pair = { provider: PROVIDERS[n % PROVIDERS.length]!, model: MODEL }
    applyFact(state, turn(n, 1), at, 'box')
    applyFact(state, started(n, pair), at, 'box')
    const usage = { inputTokens: 20, cacheWrite5mTokens: 60_000, outputTokens: 400 }
    applyFact(state, succeeded(n, { ...pair, ttftMs: 900, durationMs: 4_900, usage }), at + 50, 'box')
  }
  return state
}

describe('the decision of a box with ten providers and a thousand live conversations', () => {
  it('sends each where its cache is', () => {
    const state = busyBox()
    const at = EPOCH + SESSIONS * 100
    const route = (n: number) =>
      decide(state, turn(SESSIONS + n, 3), at, 'box').find((one): one is RouteChosen => one._tag === 'RouteChosen')!
    for (const n of [0, 1, 499, 999]) expect(route(n).order[0]).toBe(PROVIDERS[n % PROVIDERS.length])
  })

  it('leaves a cache for good when its provider has no room left', () => {
    const state = busyBox()
    const at = EPOCH + SESSIONS * 100
    const [full] = PROVIDERS
    for (let n = 0; n < limits.requestsPerMinute; n++) {
      applyFact(state, started(10_000 + n, { provider: full!, model: MODEL }), at, 'box')
    }
    const chosen = decide(state, turn(SESSIONS, 3), at, 'box').find((one) => one._tag === 'RouteChosen')!
    expect(chosen.order).not.toContain(full)
    expect(chosen.skipped).toContainEqual({ provider: full, reason: 'limitReached', until: expect.any(Number) })
  })
})
