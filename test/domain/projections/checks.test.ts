/**
 * What health checks leave behind, and that they leave nothing anywhere else.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  applyDecision,
  applyFact,
  decide,
  encodeState,
  type GatewayState,
  initialState,
} from '#actors/gateway-state.ts'
import { type AttemptSucceeded, type DomainEvent, type Fact, isFact } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'
import { type ProviderId, providerId } from '#domain/ids.ts'
import { defaultBreaker, defaultPolicy, defaultTimeouts } from '#domain/policy.ts'
import { type Checks, checks, isUnwell } from '#domain/projections/checks.ts'
import { EPOCH, histories, MODELS, PROVIDERS, policies, reasonsAt, requestNamed, served } from '#test/generators.ts'

const VERTEX = PROVIDERS[0]!
const LOCAL = PROVIDERS[3]!
const REFUSED: FailureReason = { _tag: 'Transport', code: 'ECONNREFUSED', connect: true }
const SLOW: FailureReason = { _tag: 'Timeout', phase: 'headers' }

const well = (provider = LOCAL): Fact => ({ _tag: 'ProviderChecked', provider, ok: true, durationMs: 3 })
const unwell = (reason: FailureReason = REFUSED, provider = LOCAL): Fact => ({
  _tag: 'ProviderChecked',
  provider,
  ok: false,
  reason,
  durationMs: 3,
})
const servedBy = (provider: ProviderId): AttemptSucceeded => ({
  _tag: 'AttemptSucceeded',
  requestId: requestNamed(1),
  attempt: 1,
  provider,
  model: MODELS[0]!,
  durationMs: 900,
  ...served,
})
const policyOf = (...ids: readonly ProviderId[]): DomainEvent => ({
  _tag: 'PolicyChanged',
  version: 1,
  policy: {
    ...defaultPolicy,
    providers: ids.map((id) => ({
      id,
      kind: 'anthropic',
      enabled: true,
      priority: 1,
      models: {},
      breaker: defaultBreaker,
      timeouts: defaultTimeouts,
    })),
  },
})

/** The n-th event happens n seconds after the epoch. */
const folded = (...events: readonly DomainEvent[]): Checks =>
  events.reduce(
    (state, event, n) => checks.evolve(state, { event, occurredAt: EPOCH + n * 1_000, writer: 'box' }),
    checks.initial(),
  )

describe('the health checks', () => {
  it('tell what the last one found and since when checks find it, and the newest reason', () => {
    expect(folded(well()).get(LOCAL)).toEqual({ ok: true, at: EPOCH })
    expect(folded(well(), unwell()).get(LOCAL)).toEqual({ ok: false, reason: REFUSED, at: EPOCH + 1_000 })
    expect(folded(well(), unwell(), unwell(SLOW)).get(LOCAL)).toEqual({ ok: false, reason: SLOW, at: EPOCH + 1_000 })
    expect(folded(unwell(), well()).get(LOCAL)).toEqual({ ok: true, at: EPOCH + 1_000 })
  })

  it('make unwell who failed the last one, and nobody of whom nothing is known', () => {
    const state = folded(unwell(), well(VERTEX))
    expect([LOCAL, VERTEX, PROVIDERS[1]!].map((id) => isUnwell(state, id))).toEqual([true, false, false])
  })

  it('are forgotten when they failed and their provider has served a request since', () => {
    expect(folded(unwell(), servedBy(LOCAL)).has(LOCAL)).toBe(false)
    expect(isUnwell(folded(unwell(), servedBy(VERTEX)), LOCAL)).toBe(true)
    expect(isUnwell(folded(unwell(), servedBy(LOCAL), unwell()), LOCAL)).toBe(true)
    expect(folded(well(), servedBy(LOCAL)).get(LOCAL)).toEqual({ ok: true, at: EPOCH })
  })

  it.each<DomainEvent>([
    { _tag: 'BoxStarted', instance: 'box', version: '1' },
    { _tag: 'ConfigChanged', source: 'file', changed: ['healthChecks.intervalMs'] },
    { _tag: 'SettingOverridden', path: 'healthChecks.interval', value: '0', by: 'admin 127.0.0.1' },
  ])(
    'are forgotten where they failed, once something has changed that may have cured it or ended them: $_tag',
    (event) => {
      expect([...folded(unwell(), well(VERTEX), event)]).toEqual([[VERTEX, { ok: true, at: EPOCH + 1_000 }]])
    },
  )

  it('are forgotten when the policy does not name their provider any more', () => {
    const state = folded(unwell(), well(VERTEX), policyOf(VERTEX))
    expect([...state.keys()]).toEqual([VERTEX])
  })

  it('are bounded, whoever comes and goes', () => {
    const many = Array.from({ length: 250 }, (_, n) => well(providerId(`p${n}`)))
    const state = folded(...many)
    expect(state.size).toBe(200)
    expect([state.has(providerId('p49')), state.has(providerId('p50'))]).toEqual([false, true])
  })

  it('are no traffic: whatever one finds, nothing but `checks` changes, and nothing is decided from it', () => {
    const findings = fc
      .tuple(fc.constantFrom(...PROVIDERS), fc.option(reasonsAt(EPOCH)), fc.nat(10_000))
      .map(([provider, reason, durationMs]): Fact => {
        const found = reason === null ? { ok: true } : { ok: false, reason }
        return { _tag: 'ProviderChecked', provider, ...found, durationMs }
      })
    fc.assert(
      fc.property(policies, histories(6), findings, fc.nat(600_000), (policy, events, checked, later) => {
        const state = initialState()
        applyFact(state, { _tag: 'PolicyChanged', version: 1, policy }, EPOCH, 'box')
        for (const { event, occurredAt, writer } of events) {
          if (isFact(event)) applyFact(state, event, occurredAt, writer)
          else applyDecision(state, event, occurredAt, writer)
        }
        const before = withoutChecks(state)
        expect(decide(state, checked, EPOCH + later, 'box')).toEqual([])
        expect(withoutChecks(state)).toBe(before)
        expect(state.projections.checks.size).toBe(1)
      }),
      { numRuns: 50 },
    )
  })
})

const withoutChecks = (state: GatewayState): string =>
  encodeState({ ...state, projections: { ...state.projections, checks: checks.initial() } })
