/** From what was found to facts: whatever happens, an alert is raised and cleared in turn. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { alertChanges, evaluateAlerts } from '#domain/alerts/evaluate.ts'
import type { Found } from '#domain/alerts/found.ts'
import { type AlertRules, defaultAlertRules } from '#domain/alerts/rules.ts'
import { sentence, UNITS } from '#domain/alerts/sentence.ts'
import type { AlertView, BudgetUse, WatchedProvider } from '#domain/alerts/view.ts'
import type { DomainEvent } from '#domain/events.ts'
import { ALERT_KINDS } from '#domain/policy.ts'
import { type Alerts, alerts, RAISED_KEPT } from '#domain/projections/alerts.ts'
import { limits } from '#domain/projections/limits.ts'
import { outages } from '#domain/projections/outages.ts'
import { recentOutcomes } from '#domain/projections/recent-outcomes.ts'
import { spend } from '#domain/projections/spend.ts'
import { EPOCH, histories, PROVIDERS } from '#test/generators.ts'

/** Low thresholds, so that short histories cross them. */
const EAGER: AlertRules = {
  ...defaultAlertRules,
  costPerHourUsd: 0.000_01,
  costPerDayUsd: 0.000_01,
  costForecastUsd: 0.000_01,
  latencyMs: 1_000,
  minimumOutcomes: 1,
}

interface Moment {
  readonly passes: number
  readonly state: WatchedProvider['state']
  readonly enabled: boolean
  readonly usedShare: number
  readonly logFails: boolean
  readonly free: number | null
  readonly opens: boolean
  readonly hasPrice: boolean
  readonly rules: AlertRules
}

const moments: fc.Arbitrary<readonly Moment[]> = fc.array(
  fc.record({
    passes: fc.oneof(fc.integer({ min: 1, max: 60_000 }), fc.integer({ min: 1, max: 100_000_000 })),
    state: fc.constantFrom('healthy', 'throttled', 'openCircuit', 'halfOpen', 'retired'),
    enabled: fc.boolean(),
    usedShare: fc.double({ min: 0, max: 1.2, noNaN: true }),
    logFails: fc.boolean(),
    free: fc.option(fc.integer({ min: 0, max: 2_000_000_000 })),
    opens: fc.boolean(),
    hasPrice: fc.boolean(),
    rules: fc.constantFrom(EAGER, EAGER, EAGER, defaultAlertRules),
  }),
  { minLength: 1, maxLength: 30 },
)

const record = (state: Alerts, event: DomainEvent, occurredAt: number): Alerts =>
  alerts.evolve(state, { event, occurredAt, writer: 'box' })

describe('what is found', () => {
  it('becomes facts that raise and clear each alert in turn, beginning with a raise, whatever is seen', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(moments, histories(10), (all, history) => {
        let state = alerts.initial()
        let at = EPOCH
        let left = history
        const folded = { spend: spend.initial(), recentOutcomes: recentOutcomes.initial(), limits: limits.initial() }
        const down = outages.initial()
        const standing = new Map<string, boolean>()
        for (const moment of all) {
          at += moment.passes
          const now = left.filter(({ occurredAt }) => occurredAt <= at)
          left = left.slice(now.length)
          for (const occurred of now) {
            spend.evolve(folded.spend, occurred)
            recentOutcomes.evolve(folded.recentOutcomes, occurred)
            limits.evolve(folded.limits, occurred)
          }
          const [id = PROVIDERS[0]!] = PROVIDERS
          if (moment.opens) down.set(id, at - moment.passes)
          const budget: BudgetUse = { name: 'daily', subject: '', usedShare: moment.usedShare, periodEnd: at }
          const view: AlertView = {
            ...folded,
            outages: down,
            providers: [{ id, enabled: moment.enabled, state: moment.state }],
            hasPrice: () => moment.hasPrice,
            budgetUse: [budget],
            logFailingSince: moment.logFails ? at - 20_000 : null,
            diskFreeBytes: moment.free,
          }
          for (const fact of alertChanges(evaluateAlerts(view, moment.rules, at), state)) {
            expect(standing.get(fact.alertId) ?? false).toBe(fact._tag === 'AlertCleared')
            standing.set(fact.alertId, fact._tag === 'AlertRaised')
            if (fact._tag === 'AlertRaised') seen.add(fact.kind)
            state = record(state, fact, at)
          }
          // What is remembered is what was recorded.
          expect([...state.raised.keys()].sort()).toEqual(
            [...standing].flatMap(([id, isRaised]) => (isRaised ? [id] : [])).sort(),
          )
        }
      }),
      { numRuns: 300, seed: 7 },
    )
    // The property says something of these only if they occur.
    expect([...seen]).toEqual(
      expect.arrayContaining(['budget', 'errorRate', 'latency', 'providerDown', 'providerRetired', 'priceUnknown']),
    )
  })

  const found = (n: number, standing: Found['standing'] = 'over'): Found => ({
    alertId: `budget:b${n}`,
    kind: 'budget',
    subject: `b${n}`,
    severity: 'info',
    value: 1,
    threshold: 1,
    standing,
  })
  const fold = (state: Alerts, events: readonly DomainEvent[]): Alerts =>
    events.reduce((folded, event) => record(folded, event, EPOCH), state)

  it('raises no more than is remembered, so that nothing is raised again and again', () => {
    const many = Array.from({ length: RAISED_KEPT + 50 }, (_, n) => found(n))
    const state = fold(alerts.initial(), alertChanges(many, alerts.initial()))
    expect(state.raised.size).toBe(RAISED_KEPT)
    expect(alertChanges(many, state)).toEqual([])
    // One that clears makes room for one that waited.
    const changed = alertChanges([found(0, 'under'), ...many.slice(1)], state)
    expect(changed.map(({ _tag }) => _tag)).toEqual(['AlertCleared', 'AlertRaised'])
  })

  it('changes nothing between the bounds', () => {
    const state = fold(alerts.initial(), alertChanges([found(1)], alerts.initial()))
    expect(alertChanges([found(1, 'between'), found(2, 'between')], state)).toEqual([])
    expect(alertChanges([found(1, 'under')], state)).toEqual([{ _tag: 'AlertCleared', alertId: 'budget:b1', value: 1 }])
  })
})

describe('a sentence', () => {
  const subjects: { readonly [kind: string]: string } = {
    budget: 'monthly/team',
    providerDown: 'vertex',
    providerRetired: 'vertex',
    limitForecast: 'vertex/requests/day',
    priceUnknown: 'openrouter/anthropic/claude-x',
  }

  it.each(ALERT_KINDS)('of %s says what is, and when it is raised what to do', (kind) => {
    const about = { kind, subject: subjects[kind] ?? '', value: 2, threshold: 1 }
    const raised = sentence({ change: 'raised', ...about })
    const cleared = sentence({ change: 'cleared', ...about })
    expect(raised).not.toBe(cleared)
    for (const text of [raised, cleared]) expect(text).toMatch(/^[A-Z$0-9].*\.$/)
    expect(raised.split('. ').length).toBeGreaterThan(1)
    expect(UNITS[kind]).not.toBe('')
  })

  it.each<readonly [Parameters<typeof sentence>[0], string]>([
    [
      { change: 'raised', kind: 'costPerHour', subject: '', value: 12.5, threshold: 10 },
      'The last hour cost $12.50, more than $10.00.',
    ],
    [
      { change: 'raised', kind: 'budget', subject: 'daily', value: 0.812, threshold: 0.8 },
      'The budget daily is used to 81 %, above 80 %.',
    ],
    [
      { change: 'raised', kind: 'errorRate', subject: 'vertex', value: 0.25, threshold: 0.2 },
      '25 % of the attempts at vertex fail; the bound is 20 %.',
    ],
    [
      { change: 'raised', kind: 'providerDown', subject: 'vertex', value: 125_000, threshold: 120_000 },
      'The provider vertex has been down for 2.1 min.',
    ],
    [
      { change: 'raised', kind: 'limitForecast', subject: 'a/requests/day', value: 1.4, threshold: 1 },
      'The limit of requests per day at a will be used up before it resets: 140 % of it at the present rate.',
    ],
    [
      { change: 'raised', kind: 'priceUnknown', subject: 'or/x/y', value: 1, threshold: 1 },
      'Nobody knows what x/y at or costs: 1 attempt of the last day left out of sums and budgets.',
    ],
    [
      { change: 'raised', kind: 'diskSpace', subject: '', value: 900_000_000, threshold: 1_000_000_000 },
      '900 MB are free where the event log lies, less than 1 GB.',
    ],
    [
      { change: 'cleared', kind: 'providerDown', subject: 'vertex', value: 0, threshold: 120_000 },
      'The provider vertex is back.',
    ],
  ])('%o', (news, text) => {
    expect(sentence(news)).toMatch(new RegExp(`^${text.replaceAll(/[.$()]/g, String.raw`\$&`)}`))
  })
})
