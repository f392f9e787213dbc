/**
 * The scenarios that come with Signalbox, in virtual time: what each says must come of it comes, whatever chance does. A seed that
 * misses is shown again by the command in the failure.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { readScenario } from '#infra/simulator/scenario/read-scenario.ts'
import { shippedScenarios } from '#infra/simulator/scenario/shipped-scenarios.ts'
import { missed, simulate } from '#infra/simulator/scenario/simulation.ts'

const SEEDS = [1, 2, 3, 4, 5]
const names = shippedScenarios()

const outcomeOf = (name: string, seed: number) =>
  Effect.map(readScenario(name), ({ scenario }) => ({ scenario, outcome: simulate(scenario, { seed }) }))

describe('the shipped scenarios', () => {
  it('are these', () => {
    expect(names).toEqual([
      'limit-squeeze',
      'noisy-neighbour',
      'price-change',
      'regional-outage',
      'steady',
      'sub-agent-storm',
    ])
  })

  for (const name of names) {
    it.effect.each(SEEDS)(`${name} comes out as it says, with seed %i`, (seed) =>
      Effect.gen(function* () {
        const { scenario, outcome } = yield* outcomeOf(name, seed)
        expect(scenario.expect).toBeDefined()
        expect(missed(scenario.expect ?? {}, outcome), `again: signalbox simulate ${name} --seed ${seed}`).toEqual([])
        expect(outcome.figures.turns).toBeGreaterThan(500)
      }),
    )
  }
})

describe('a regional outage', () => {
  it.effect('opens circuits, and goes by without a turn in a thousand being lost', () =>
    Effect.gen(function* () {
      const { outcome } = yield* outcomeOf('regional-outage', 1)
      expect(outcome.figures.servedShare).toBeGreaterThanOrEqual(0.999)
      expect(outcome.opened).toContain('east-1')
      expect(outcome.stillOpen).not.toContain('east-1')
    }),
  )

  it.effect('would be noticed if nobody else could serve', () =>
    Effect.gen(function* () {
      const { scenario } = yield* readScenario('regional-outage')
      const { west: _, ...others } = scenario.providers
      const outcome = simulate({ ...scenario, providers: others }, { seed: 1 })
      expect(missed(scenario.expect ?? {}, outcome)[0]).toMatch(
        /^the share that was served is 0\.\d+, at least 0\.999 was expected$/,
      )
    }),
  )
})

describe('a squeeze of limits', () => {
  it.effect('moves turns away that the same limits would have let stay', () =>
    Effect.gen(function* () {
      const { scenario } = yield* readScenario('limit-squeeze')
      const { cheap, ...others } = scenario.providers
      const calm = { ...scenario, providers: { cheap: { ...cheap, events: [] }, ...others } }
      const served = (which: typeof scenario) => simulate(which, { seed: 1 }).figures.servedBy.list ?? 0
      expect(served(scenario)).toBeGreaterThan(1.2 * served(calm))
    }),
  )
})

describe('a change of price', () => {
  it.effect('turns the traffic from the hour on', () =>
    Effect.gen(function* () {
      const { scenario } = yield* readScenario('price-change')
      const { fickle, ...others } = scenario.providers
      const served = (events: NonNullable<typeof fickle>['events']) => {
        const { figures } = simulate(
          { ...scenario, providers: { fickle: { ...fickle, events: events ?? [] }, ...others } },
          { seed: 1 },
        )
        return (figures.servedBy.fickle ?? 0) / figures.turns
      }
      const [never, afterAnHour, atOnce] = [served([]), served(fickle?.events), served([{ from: 0, price: 1.6 }])]
      expect(never).toBeGreaterThan(0.9)
      expect(afterAnHour).toBeGreaterThan(0.2)
      expect(afterAnHour).toBeLessThan(0.8)
      expect(atOnce).toBeLessThan(0.1)
    }),
  )
})

describe('a simulation', () => {
  it.effect('comes out the same for the same seed, and otherwise for another', () =>
    Effect.gen(function* () {
      const { scenario } = yield* readScenario('steady')
      const run = (seed: number) => simulate(scenario, { seed, hours: 0.5 })
      expect(run(7)).toEqual(run(7))
      expect(run(7)).not.toEqual(run(8))
    }),
  )

  it.effect('is more than a thousand times as fast as the world that it plays', () =>
    Effect.gen(function* () {
      const { scenario } = yield* readScenario('steady')
      const startedAt = performance.now()
      const { virtualMs } = simulate(scenario, { seed: 1 })
      expect(virtualMs / (performance.now() - startedAt)).toBeGreaterThan(1_000)
    }),
  )
})
