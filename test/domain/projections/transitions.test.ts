/**
 * When a provider came into its state, and why.
 */
import { describe, expect, it } from 'vitest'
import type { DomainEvent } from '#domain/events.ts'
import { providerId } from '#domain/ids.ts'
import { defaultBreaker, defaultPolicy, defaultTimeouts } from '#domain/policy.ts'
import { transitions } from '#domain/projections/transitions.ts'

const provider = providerId('alpha')
const T0 = 1_800_000_000_000

const entry = { enabled: true, priority: 0, models: {}, breaker: defaultBreaker, timeouts: defaultTimeouts }
const policyOf = (...ids: readonly string[]): DomainEvent => ({
  _tag: 'PolicyChanged',
  version: 1,
  policy: { ...defaultPolicy, providers: ids.map((id) => ({ id: providerId(id), kind: 'anthropic', ...entry })) },
})

/** One event a second. */
const fold = (...events: readonly DomainEvent[]) =>
  events.reduce(
    (state, event, n) => transitions.evolve(state, { event, occurredAt: T0 + n * 1_000, writer: 'box' }),
    transitions.initial(),
  )

const overloaded = { _tag: 'Overloaded', status: 529 } as const
const opened: DomainEvent = { _tag: 'CircuitOpened', provider, until: T0, because: overloaded, trip: 'rate', level: 1 }

describe('the last transition', () => {
  it('of a provider that was just named is its beginning', () => {
    expect(fold(policyOf('alpha')).get(provider)).toEqual({ to: 'healthy', at: T0, because: null, trip: null })
  })

  it('stays where it is when the policy names the provider again', () => {
    expect(fold(policyOf('alpha'), opened, policyOf('alpha')).get(provider)?.at).toBe(T0 + 1_000)
  })

  it('of an open circuit says what opened it, and a half-open one still does', () => {
    const halfOpen = fold(policyOf('alpha'), opened, { _tag: 'CircuitHalfOpened', provider })
    expect(halfOpen.get(provider)).toEqual({ to: 'halfOpen', at: T0 + 2_000, because: overloaded, trip: 'rate' })
  })

  it.each<DomainEvent>([
    { _tag: 'CircuitClosed', provider, rampUntil: T0 },
    { _tag: 'ProviderRecovered', provider },
    { _tag: 'BreakerReset', provider, by: 'admin' },
  ])('back to health, by $_tag, holds nothing against it any more', (event) => {
    const state = fold(policyOf('alpha'), opened, event)
    expect(state.get(provider)).toEqual({ to: 'healthy', at: T0 + 2_000, because: null, trip: null })
  })

  it('is forgotten with its provider', () => {
    expect(fold(policyOf('alpha', 'beta'), opened, policyOf('beta')).has(provider)).toBe(false)
  })
})
