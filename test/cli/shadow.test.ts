/**
 * The shadow policy on the command line: in the report of a replay, at a moment of the log, and in the explanation of a request.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { TestConsole } from 'effect/testing'
import { EventLog } from '#actors/ports.ts'
import type { ShadowView } from '#actors/views/shadow-view.ts'
import { explained } from '#cli/explain.ts'
import { replay } from '#cli/replay.ts'
import { replayMoment } from '#cli/replay-moment.ts'
import { shadowChoiceLine, shadowLines } from '#cli/shadow-text.ts'
import { providerId } from '#domain/ids.ts'
import type { ShadowRouting } from '#domain/policy.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { readScenario } from '#infra/simulator/scenario/read-scenario.ts'
import { startSimulation } from '#infra/simulator/scenario/simulation.ts'
import { STARTS_AT } from '#infra/simulator/virtual/world.ts'

/** Half an hour of two regions and a third provider, with this shadow. */
const logBeside = Effect.fnUntraced(function* (shadow: ShadowRouting | undefined) {
  const { scenario } = yield* readScenario('regional-outage')
  const routing = shadow === undefined ? {} : { routing: { shadow } }
  const simulation = startSimulation(scenario, { seed: 1, hours: 0.5, keepsEvents: true, ...routing })
  while (simulation.advance());
  const events = simulation.take()
  const log = yield* EventLog
  yield* log.append(events)
  return events
})

const printed = Effect.map(TestConsole.logLines, (lines) => lines.join('\n'))

describe('a replay of a log with a shadow policy', () => {
  it.effect('is identical, and reports how both compare', () =>
    Effect.gen(function* () {
      const events = yield* logBeside({ strategy: 'priority' })
      expect(yield* replay({ json: false })).toBe(0)
      const text = yield* printed
      const routes = events.flatMap(({ event }) => (event._tag === 'RouteChosen' ? [event] : []))
      const compared = routes.filter(({ order }) => order.length > 0)
      const same = compared.filter(({ order, shadow }) => order[0] === shadow?.order[0])
      const count = (some: readonly unknown[]) => some.length.toLocaleString('en')
      expect(text).toContain('Identical: every recorded decision follows from the facts.\nShadow policy\n')
      expect(text).toContain(
        `  strategy priority, since 2026-11-02T08:00:00.000Z: ${count(same)} of ${count(compared)} requests (`,
      )
      expect(same.length).toBeLessThan(compared.length)
      expect(text).toMatch(/^ {2}expected cost \$\d+\.\d{4}, by the shadow \$\d+\.\d{4} \([+-]\$/m)
      expect(text).toMatch(/^ {4}\S+ → \S+ +\d+ +[+-]\$\d/m)
    }).pipe(Effect.provide(layerMemory())),
  )

  it.effect('gives programs the same, up to the moment that they ask for', () =>
    Effect.gen(function* () {
      yield* logBeside({ strategy: 'priority' })
      const answer = Effect.map(printed, (text) => JSON.parse(text.split('\n').at(-1) ?? '') as { shadow: ShadowView })
      yield* replay({ json: true })
      const { shadow: whole } = yield* answer
      yield* replayMoment({ at: STARTS_AT + 10 * 60_000, json: true })
      const { shadow: early } = yield* answer
      expect(early).toMatchObject({ otherwise: { strategy: 'priority' }, since: STARTS_AT })
      expect(early.requests).toBeGreaterThan(0)
      expect(early.requests).toBeLessThan(whole.requests)
      yield* replayMoment({ at: STARTS_AT + 10 * 60_000, json: false })
      expect(yield* printed).toContain(`\nShadow policy\n  strategy priority, since`)
    }).pipe(Effect.provide(layerMemory())),
  )

  it.effect('says nothing of it where there is none', () =>
    Effect.gen(function* () {
      yield* logBeside(undefined)
      yield* replay({ json: false })
      yield* replayMoment({ at: STARTS_AT + 60_000, json: false })
      expect(yield* printed).not.toContain('Shadow policy')
    }).pipe(Effect.provide(layerMemory())),
  )

  it.effect('tells of one request what the shadow would have done', () =>
    Effect.gen(function* () {
      const events = yield* logBeside({ strategy: 'priority' })
      const other = events.find(
        ({ event }) => event._tag === 'RouteChosen' && event.order[0] !== event.shadow?.order[0],
      )
      const own = events.filter(({ correlation }) => correlation === other?.correlation)
      const order = other?.event._tag === 'RouteChosen' ? (other.event.shadow?.order ?? []) : []
      expect(explained(own)).toContainEqual(
        expect.stringContaining(`The shadow policy would have asked ${order.join(', then ')}; expected $`),
      )
    }).pipe(Effect.provide(layerMemory())),
  )
})

const [alpha, beta] = [providerId('alpha'), providerId('beta')]
const view: ShadowView = {
  ...{ otherwise: { strategy: 'cost', explorationShare: 0.1, weights: { cost: 2 } }, since: Date.UTC(2026, 10, 25) },
  ...{ requests: 1_200, agreed: 900, agreedShare: 0.75 },
  costNanoUsd: { requests: 1_200, live: 5_000_000_000, shadow: 4_400_000_000 },
  ttftMs: { requests: 1_100, live: 800.4, shadow: 1_000.2 },
  pairs: [
    { live: alpha, shadow: alpha, requests: 900, costNanoUsd: null, ttftMs: null },
    {
      ...{ live: alpha, shadow: beta, requests: 300, ttftMs: null },
      costNanoUsd: { requests: 300, live: 1_000_000_000, shadow: 400_000_000 },
    },
  ],
  foretold: {
    costNanoUsd: { requests: 890, expected: 3_000_000_000, actual: 3_100_000_000 },
    ttftMs: { requests: 500, expected: 800, actual: 750 },
  },
}

describe('the comparison in words', () => {
  it('says what the shadow does otherwise, how often it agrees, and what is expected', () => {
    expect(shadowLines(view)).toEqual([
      'strategy cost, weights.cost 2, exploration 0.1, since 2026-11-25T00:00:00.000Z: 900 of 1,200 requests (75.0 %) to the same provider first',
      'expected cost $5.0000, by the shadow $4.4000 (-$0.6000)',
      'expected first content after 800 ms on average, by the shadow 1,000 ms (+200 ms)',
      '  alpha → beta  300  -$0.6000',
      'where both agreed it was $3.1000 instead of the expected $3.0000, first content after 750 ms instead of 800 ms',
    ])
  })

  it('says so before the first request', () => {
    const { otherwise, since } = view
    const nothing = { requests: 0, agreed: 0, agreedShare: null, costNanoUsd: null, ttftMs: null, pairs: [] }
    expect(shadowLines({ otherwise, since, ...nothing, foretold: { costNanoUsd: null, ttftMs: null } })).toEqual([
      'strategy cost, weights.cost 2, exploration 0.1, since 2026-11-25T00:00:00.000Z: no request yet',
    ])
  })

  it('says of one request that both agree, or what is known of the other choice', () => {
    const choice = { order: [beta, alpha], isSame: false, costNanoUsd: null, ttftMs: { live: 900, shadow: 700 } }
    expect(shadowChoiceLine(choice)).toBe(
      'The shadow policy would have asked beta, then alpha; expected first content after 700 ms instead of 900 ms.',
    )
    expect(shadowChoiceLine({ ...choice, ttftMs: null })).toBe('The shadow policy would have asked beta, then alpha.')
    expect(shadowChoiceLine({ ...choice, isSame: true })).toBe(
      'The shadow policy would have asked the same provider first.',
    )
  })
})
