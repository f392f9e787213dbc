/**
 * What an operator is told of a provider, along the life of an outage.
 */
import { describe, expect, it } from 'vitest'
import { applyDecision, decide, type GatewayState, initialState } from '#actors/gateway-state.ts'
import { providerView } from '#actors/views/provider-view.ts'
import type { Fact } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { defaultPolicy, type LimitPolicy, type Policy } from '#domain/policy.ts'
import { policyOf, provider } from '#test/box.ts'
import { served } from '#test/generators.ts'

const ID = providerId('alpha')
const T0 = 1_800_000_000_000
const MODEL = modelId('claude-opus-5-5')

/** A box with one provider, and what happens to it. */
const story = (limits?: LimitPolicy) => {
  const state: GatewayState = initialState()
  const happens = (at: number, fact: Fact): void => {
    for (const decision of decide(state, fact, at, 'test')) applyDecision(state, decision, at, 'test')
  }
  const policy: Policy = policyOf([provider('alpha', limits === undefined ? {} : { limits })], defaultPolicy)
  happens(T0, { _tag: 'PolicyChanged', version: 1, policy })
  let count = 0
  const starts = (at: number, probe?: { readonly leaseUntil: number }) => {
    const attempt = { requestId: requestId(`req_${++count}`), attempt: 1, provider: ID, model: MODEL }
    happens(at, { _tag: 'AttemptStarted', ...attempt, inputTokens: 40, ...(probe === undefined ? {} : { probe }) })
    return attempt
  }
  const fails = (at: number, reason: FailureReason): void =>
    happens(at, { _tag: 'AttemptFailed', ...starts(at), reason, stage: 'S0', durationMs: 0, draw: 0.5 })
  const serves = (at: number, probe?: { readonly leaseUntil: number }): void =>
    happens(at, { _tag: 'AttemptSucceeded', ...starts(at, probe), ...served, durationMs: 0 })
  return { state, happens, starts, fails, serves, seen: (at: number) => providerView(state, ID, at) }
}

const broken: FailureReason = { _tag: 'ServerError', status: 500 }

describe('the view of a provider', () => {
  it('that nothing has happened to says since when it is there', () => {
    expect(story().seen(T0 + 5)).toMatchObject({
      state: 'healthy',
      since: T0,
      because: null,
      recovery: { _tag: 'None' },
      admission: { admit: 'yes', share: 1 },
      limits: [],
    })
  })

  it('tells each step from the outage to full traffic, and when the next comes', () => {
    const { happens, starts, fails, serves, seen } = story()
    for (let n = 0; n < 5; n++) fails(T0 + 1_000, broken)
    const until = T0 + 11_000
    expect(seen(T0 + 2_000)).toMatchObject({
      ...{ state: 'openCircuit', since: T0 + 1_000, because: broken, trip: 'consecutive', level: 1 },
      recovery: { _tag: 'Cooldown', until, next: 'probe' },
      admission: { admit: 'no', share: 0, reason: 'circuitOpen', until },
    })

    happens(until, { _tag: 'CooldownElapsed', provider: ID })
    expect(seen(until)).toMatchObject({
      ...{ state: 'halfOpen', since: until, because: broken, trip: 'consecutive' },
      recovery: { _tag: 'Probe', successesNeeded: 2 },
      admission: { admit: 'probe' },
    })

    const probe = starts(until + 10, { leaseUntil: until + 60_000 })
    expect(seen(until + 20)?.recovery).toEqual({
      ...{ _tag: 'ProbeInFlight', requestId: probe.requestId, until: until + 60_000, successesNeeded: 2 },
    })

    happens(until + 30, { _tag: 'AttemptSucceeded', ...probe, ...served, durationMs: 20 })
    expect(seen(until + 40)?.recovery).toEqual({ _tag: 'Probe', successesNeeded: 1 })

    const closedAt = until + 50
    serves(closedAt, { leaseUntil: until + 60_000 })
    expect(seen(closedAt + 30_000)).toMatchObject({
      ...{ state: 'healthy', since: closedAt, because: null, trip: null },
      recovery: { _tag: 'Ramp', from: closedAt, until: closedAt + 60_000, share: 0.5 },
      admission: { admit: 'yes', share: 0.5 },
    })
    expect(seen(closedAt + 60_000)?.recovery).toEqual({ _tag: 'None' })
  })

  it('that is limited says until when, and that it then is well', () => {
    const { fails, seen } = story()
    const reason = { _tag: 'RateLimited', status: 429, until: T0 + 30_000 } as const
    fails(T0, reason)
    expect(seen(T0 + 1)).toMatchObject({
      ...{ state: 'throttled', since: T0, because: reason, trip: null },
      recovery: { _tag: 'Cooldown', until: T0 + 30_000, next: 'healthy' },
    })
  })

  it('that is gone for good says that only its entry can change that', () => {
    const { fails, seen } = story()
    fails(T0, { _tag: 'Retired', status: 410 })
    expect(seen(T0 + 1)).toMatchObject({ state: 'retired', recovery: { _tag: 'ConfigurationChange' } })
  })

  it('whose entry was changed begins anew, and holds nothing of before against it', () => {
    const { happens, fails, seen } = story()
    fails(T0, { _tag: 'Retired', status: 410 })
    const policy = policyOf([provider('alpha', { endpoint: 'elsewhere' })])
    happens(T0 + 5_000, { _tag: 'PolicyChanged', version: 2, policy })
    expect(seen(T0 + 6_000)).toMatchObject({ state: 'healthy', since: T0 + 5_000, because: null })
  })

  it('shows what its limits leave, and when there will be more', () => {
    const { starts, seen } = story({ requestsPerMinute: 60, inputTokensPerMinute: 6_000, maxConcurrent: 4 })
    for (let n = 0; n < 3; n++) starts(T0)
    expect(seen(T0)?.limits).toEqual([
      {
        ...{ limit: 'requests', window: 'minute', kind: 'bucket', source: 'configured', size: 60, remaining: 57 },
        ...{ usedShare: expect.closeTo(0.05), resetAt: null, freesAt: T0, fullAt: T0 + 3_000 },
      },
      {
        ...{ limit: 'input', window: 'minute', kind: 'bucket', source: 'configured', size: 6_000, remaining: 5_880 },
        ...{ usedShare: expect.closeTo(0.02), resetAt: null, freesAt: T0, fullAt: T0 + 1_200 },
      },
    ])
    expect(seen(T0)?.concurrency).toEqual({ inFlight: 3, limit: 4, max: 4 })
    expect(seen(T0 + 3_000)?.limits).toMatchObject([{ remaining: 60, usedShare: 0 }, { remaining: 6_000 }])
  })

  it('of another name is none', () => {
    expect(providerView(story().state, providerId('beta'), T0)).toBeUndefined()
  })
})
