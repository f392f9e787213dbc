/**
 * The table of decisions: one row for each that the log holds, the routes of requests and the turns of providers.
 */
import { CATALOGUE, type Decision, type EventType, isFact } from '#domain/events.ts'
import type { ExportTable, Row } from './column.ts'

export const decisionsTable: ExportTable = {
  time: 'at',
  types: (Object.keys(CATALOGUE) as EventType[]).filter((type) => CATALOGUE[type].nature === 'decision'),
  columns: [
    { name: 'position', type: 'integer', about: 'Its place in the log.' },
    { name: 'at', type: 'time', about: 'When it was made.' },
    { name: 'type', type: 'text', about: 'What was decided, as in docs/events.md: `RouteChosen`, `CircuitOpened`, …' },
    { name: 'requestId', type: 'text', about: 'The request that it is about; of routes only.' },
    { name: 'provider', type: 'text', about: 'The provider that it is about; of a route, the first.' },
    { name: 'strategy', type: 'text', about: 'The strategy that made the route.' },
    { name: 'rule', type: 'text', about: 'The routing rule that fits the request.' },
    { name: 'policyVersion', type: 'integer', about: 'The policy that was in force.' },
    { name: 'order', type: 'json', about: 'Whom to try, in this order: a list of providers.' },
    { name: 'factors', type: 'json', about: 'By factor, its values in that order; -1: not known.' },
    { name: 'skipped', type: 'json', about: 'Who was left out: a list of `provider`, `reason`, `until` (epoch ms).' },
    {
      name: 'propensity',
      type: 'number',
      about: 'Probability with which the first was first, before the draw was known.',
    },
    {
      name: 'regretNanoUsd',
      type: 'integer',
      about: 'What the first costs more than the cheapest, in billionths of a US dollar.',
    },
    { name: 'lastResort', type: 'flag', about: 'Every circuit was open.' },
    { name: 'budget', type: 'text', about: 'The budget that left some out, or stepped down.' },
    { name: 'reason', type: 'text', about: 'The failure that led to it.' },
    { name: 'trip', type: 'text', about: 'The rule by which a circuit opened.' },
    { name: 'level', type: 'integer', about: 'How many times in a row.' },
    { name: 'until', type: 'time', about: 'Until when: a throttle, an open circuit, a ramp, a queue.' },
  ],
  start:
    () =>
    ({ event, occurredAt: at, position }) =>
      isFact(event) ? undefined : { ...NOTHING, position, at, type: event._tag, ...saidBy(event) },
}

const NOTHING: Row = {
  ...{ requestId: null, provider: null, strategy: null, rule: null, policyVersion: null, order: null, factors: null },
  ...{ skipped: null, propensity: null, regretNanoUsd: null, lastResort: null, budget: null, reason: null, trip: null },
  ...{ level: null, until: null },
}

const saidBy = (event: Decision): Row => {
  switch (event._tag) {
    case 'RouteChosen': {
      const { requestId, strategy, policyVersion, order, factors, skipped, propensity } = event
      return {
        ...{ requestId, provider: order[0] ?? null, strategy, rule: event.rule ?? null, policyVersion },
        ...{ order, factors, skipped, propensity, regretNanoUsd: event.regretNanoUsd ?? null },
        ...{ lastResort: event.lastResort === true, budget: event.budget?.name ?? event.stepDown?.budget ?? null },
        until: event.queue?.until ?? null,
      }
    }
    case 'ProviderThrottled':
      return { provider: event.provider, reason: event.because._tag, level: event.level, until: event.until }
    case 'CircuitOpened': {
      const { provider, because, trip, level, until } = event
      return { provider, reason: because._tag, trip, level, until }
    }
    case 'CircuitClosed':
      return { provider: event.provider, until: event.rampUntil }
    case 'ProviderRetired':
      return { provider: event.provider, reason: event.because._tag }
    case 'ProviderRecovered':
    case 'CircuitHalfOpened':
      return { provider: event.provider }
  }
}
