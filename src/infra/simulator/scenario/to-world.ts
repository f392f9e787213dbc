/**
 * The virtual world that a scenario describes. The seed makes the people and what chance does; the providers are as the scenario
 * says.
 */
import { durationMs } from '#infra/config/quantities.ts'
import { makeTraffic } from '#infra/simulator/virtual/traffic.ts'
import type { LimitPhase } from '#infra/simulator/virtual/true-limits.ts'
import type { TrueProvider } from '#infra/simulator/virtual/true-provider.ts'
import { priceOf, STARTS_AT, type VirtualWorld } from '#infra/simulator/virtual/world.ts'
import type { Scenario, ScenarioEvent, ScenarioProvider } from './schema.ts'

const HOUR_MS = 3_600_000
/** What a token of a prompt takes of the body on average: what was measured lies between 3.3 and 4.5 bytes (world.ts). */
const TOKENS_PER_BYTE = 0.26

export const DEFAULT_MODEL = 'claude-sonnet-5-5'

/** `hours`: instead of those of the scenario. */
export const scenarioWorld = (scenario: Scenario, seed: number, hours = scenario.hours ?? 2): VirtualWorld => {
  const { model = DEFAULT_MODEL, users = 6, cacheLifetime = '5m', leavesShare = 0.01, agents = {} } = scenario
  const forMs = Math.round(hours * HOUR_MS)
  const { share = 0.04, least = 1, most = 4 } = agents
  return {
    ...{ seed, startsAt: STARTS_AT, forMs, model, lifetime: cacheLifetime, leavesShare },
    providers: Object.entries(scenario.providers).map(([id, provider]) => trueProvider(id, provider, model)),
    sessions: makeTraffic(seed, {
      ...{ users, forMs, startsAt: STARTS_AT, tokensPerByte: TOKENS_PER_BYTE, tokensVary: true },
      agents: { share, least, most },
    }),
  }
}

const trueProvider = (id: string, provider: ScenarioProvider, model: string): TrueProvider => {
  const { price = 1, cache = true, told = 'headers', retryAfter = true, failures = {}, events = [] } = provider
  const { median = 1_300, sigma = 0.35, perToken = 16, perFreshToken = 0.025 } = provider.latency ?? {}
  const changes = events
    .flatMap((event) =>
      event.price === undefined ? [] : [{ at: at(event.from), price: priceOf(model, event.price, cache) }],
    )
    .toSorted((a, b) => a.at - b.at)
  return {
    ...{ id, told, tellsRetryAfter: retryAfter, hasCache: cache, refusesFeature: null },
    price: priceOf(model, price, cache),
    ...(changes.length === 0 ? {} : { priceChanges: changes }),
    limits: trueLimits(provider),
    latency: {
      ...{ median: durationMs(median), sigma, msPerToken: durationMs(perToken), msPerFreshToken: perFreshToken },
      // Without events of its own it stays as it is.
      ...{ driftFactor: 1, driftMs: HOUR_MS, perInFlight: 0 },
      bursts: events.flatMap(({ slower, ...event }) =>
        slower === undefined ? [] : [{ ...spanOf(event), factor: slower }],
      ),
    },
    failures: {
      error: failures.error ?? 0.001,
      overloaded: failures.overloaded ?? 0.003,
      reset: failures.reset ?? 0.0005,
      broken: failures.broken ?? 0.0005,
    },
    outages: events.flatMap(({ outage, ...event }) =>
      outage === undefined ? [] : [{ ...spanOf(event), how: outage }],
    ),
  }
}

const trueLimits = ({ limits = {}, others = 0, events = [] }: ScenarioProvider): TrueProvider['limits'] => {
  const { window = 'bucket', ...sizes } = limits
  const phases = phasesOf(events, others)
  return {
    ...{ ...sizes, window, countsCachedInput: false, othersShare: others },
    ...(phases.length === 0 ? {} : { phases }),
  }
}

/** Events may overlap; between two of their edges the newest that says something of a thing decides on it. */
const phasesOf = (events: readonly ScenarioEvent[], others: number): readonly LimitPhase[] => {
  const said = events
    .filter((event) => event.limits !== undefined || event.others !== undefined)
    .map((event) => ({ ...event, ...spanOf(event) }))
    .toSorted((a, b) => a.from - b.from)
  const edges = [...new Set(said.flatMap(({ from, until }) => [from, until]))].toSorted((a, b) => a - b)
  return edges.slice(0, -1).flatMap((from, index) => {
    const here = said.filter((event) => event.from <= from && from < event.until)
    const until = edges[index + 1] ?? Number.POSITIVE_INFINITY
    return here.length === 0
      ? []
      : [
          {
            ...{ from, until },
            sizeFactor: here.findLast((event) => event.limits !== undefined)?.limits ?? 1,
            othersShare: here.findLast((event) => event.others !== undefined)?.others ?? others,
          },
        ]
  })
}

const at = (time: string | number): number => STARTS_AT + durationMs(time)

const spanOf = ({ from, until }: Pick<ScenarioEvent, 'from' | 'until'>) => ({
  from: at(from),
  until: until === undefined ? Number.POSITIVE_INFINITY : at(until),
})
