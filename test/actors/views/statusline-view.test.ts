import { describe, expect, it } from 'vitest'
import { applyDecision, decide, type GatewayState, initialState } from '#actors/gateway-state.ts'
import { statuslineView } from '#actors/views/statusline-view.ts'
import { noCost } from '#domain/books.ts'
import type { DomainEvent, Fact } from '#domain/events.ts'
import { isFact } from '#domain/events.ts'
import { providerId } from '#domain/ids.ts'
import type { Policy } from '#domain/policy.ts'
import { admitted, served1, started, succeeded } from '#test/attempt-events.ts'
import { policyOf, provider } from '#test/box.ts'

/** In UTC; in New York it is seven in the morning. */
const NOON = Date.UTC(2026, 10, 23, 12)
const HOUR = 3_600_000

const box = (more: Partial<Policy> = {}, limits: object = {}) => {
  const state: GatewayState = initialState()
  const happens = (at: number, ...events: readonly DomainEvent[]): void => {
    for (const event of events.filter((one): one is Fact => isFact(one))) {
      for (const decision of decide(state, event, at, 'test')) applyDecision(state, decision, at, 'test')
    }
  }
  const policy = policyOf([provider('alpha', { limits }), provider('beta')], more)
  happens(NOON - 24 * HOUR, { _tag: 'PolicyChanged', version: 1, policy })
  const session = (sessionId: string, sums = {}) => ({ sessionId, sums: { ...noCost, ...sums } })
  return {
    state,
    happens,
    session,
    seen: (id?: string, at = NOON) => statuslineView(state, id === undefined ? undefined : session(id), at),
  }
}

const cost = (costNanoUsd: number) => ({ answer: { costNanoUsd } })

describe('what a status bar shows', () => {
  it('of a box that has served nobody is nothing but zero', () => {
    expect(box().seen('s-1')).toEqual({
      ...{ at: NOON, provider: null, session: null, cacheHitShare: null, nearest: null, alerts: [] },
      today: { costNanoUsd: 0, unpriced: false },
    })
  })

  it('is the provider that serves the session now, or has served it last', () => {
    const { happens, seen } = box()
    happens(NOON, ...served1('req_1', { request: { sessionId: 's-1' } }))
    happens(NOON, ...served1('req_2', { request: { sessionId: 's-2' } }))
    expect(seen('s-1').provider).toMatchObject({ id: 'alpha', state: 'healthy' })
    happens(NOON, admitted('req_3', { sessionId: 's-1' }), started('req_3', 1, 'beta'))
    expect(seen('s-1').provider?.id).toBe('beta')
    expect(seen('s-2').provider?.id).toBe('alpha')
    expect(seen('s-3').provider).toBeNull()
    expect(seen().provider?.id).toBe('beta')
  })

  it('is what the day cost so far, by the calendar of the operator', () => {
    for (const [timeZone, today] of [
      ['UTC', 30],
      ['America/New_York', 20],
    ] as const) {
      const { happens, seen } = box({ timeZone })
      happens(NOON - 13 * HOUR, ...served1('req_0', cost(100)))
      happens(NOON - 8 * HOUR, ...served1('req_1', cost(10)))
      happens(NOON - HOUR, ...served1('req_2', cost(20)))
      expect(seen().today).toEqual({ costNanoUsd: today, unpriced: false })
    }
  })

  it('says of a day and a session that nobody knows what a part of them cost', () => {
    const { state, happens, session } = box()
    happens(NOON, ...served1('req_1', { request: { sessionId: 's-1' } }))
    const view = statuslineView(state, session('s-1', { attempts: 2, unpriced: 1, costNanoUsd: 5 }), NOON)
    expect(view).toMatchObject({
      today: { costNanoUsd: 0, unpriced: true },
      session: { costNanoUsd: 5, unpriced: true },
    })
  })

  it('is the share of the prompts that came from the cache, of the session or of the day', () => {
    const { state, happens, session, seen } = box()
    happens(NOON, ...served1('req_1', { usage: { inputTokens: 10, cacheReadTokens: 60, cacheWrite5mTokens: 30 } }))
    expect(seen('s-1').cacheHitShare).toBe(0.6)
    const sums = { attempts: 1, inputTokens: 1, cacheReadTokens: 3 }
    expect(statuslineView(state, session('s-1', sums), NOON).cacheHitShare).toBe(0.75)
  })

  it('is the bound of which most is used: a budget of the session, or a limit of its provider', () => {
    const budgets = [
      { name: 'daily', period: 'day', limitNanoUsd: 1_000 },
      { name: 'mine', period: 'day', limitNanoUsd: 100, each: 'session' },
      { name: 'others', period: 'day', limitNanoUsd: 1, key: 'ci' },
    ] as const
    const { happens, seen } = box({ budgets }, { requestsPerMinute: 10 })
    const spend = (id: string, nanoUsd: number) => {
      happens(NOON, admitted(id, { sessionId: 's-1' }))
      happens(NOON, { ...started(id), reservedNanoUsd: 1 } as Fact)
      happens(NOON, succeeded(id, {}, { costNanoUsd: nanoUsd, provider: providerId('alpha') }))
    }
    spend('req_1', 60)
    expect(seen('s-1').nearest).toMatchObject({ kind: 'budget', name: 'mine', usedShare: 0.6 })
    expect(seen('s-2').nearest).toMatchObject({ kind: 'budget', name: 'daily', usedShare: 0.06 })
    for (let n = 2; n <= 9; n++) spend(`req_${n}`, 0)
    expect(seen('s-1').nearest).toMatchObject({ kind: 'limit', name: 'requests per minute', usedShare: 0.9 })
  })

  it('names alerts that stand, the most urgent first, but none that is silenced', () => {
    const { happens, seen } = box()
    const alert = (kind: 'costPerDay' | 'providerDown' | 'diskSpace', severity: 'info' | 'critical', subject = '') =>
      ({ _tag: 'AlertRaised', alertId: `${kind}:${subject}`, kind, subject, severity, value: 2, threshold: 1 }) as const
    happens(
      NOON,
      alert('costPerDay', 'info'),
      alert('providerDown', 'critical', 'beta'),
      alert('diskSpace', 'critical'),
    )
    happens(NOON, { _tag: 'AlertsSilenced', kind: 'diskSpace', until: NOON + HOUR, by: 'admin' })
    expect(seen().alerts).toEqual([
      { kind: 'providerDown', subject: 'beta', severity: 'critical' },
      { kind: 'costPerDay', subject: '', severity: 'info' },
    ])
    expect(seen(undefined, NOON + HOUR).alerts).toHaveLength(3)
    happens(NOON, { _tag: 'AlertCleared', alertId: 'providerDown:beta', value: 0 })
    expect(seen().alerts.map(({ kind }) => kind)).toEqual(['costPerDay'])
  })
})
