/** Each kind of alert is raised once and cleared once, whatever the number of looks in between, across a restart too. */
import { assert, describe, it } from '@effect/vitest'
import { Effect } from 'effect'
import { TestClock } from 'effect/testing'
import { EventLog } from '#actors/ports.ts'
import type { AlertRules } from '#domain/alerts/rules.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import {
  A,
  type AlertBox,
  alertsIn,
  MODEL,
  type Outside,
  outside,
  POLICY,
  rounds,
  startAlertBox,
} from '#test/alert-box.ts'
import { policyOf, provider } from '#test/box.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** A morning in the middle of a month, UTC. */
const MORNING = Date.UTC(2027, 0, 15, 8)
const USD = 1e9

interface Story {
  readonly kind: string
  /** Their alerts; all are raised, and all are cleared. */
  readonly ids: readonly string[]
  readonly rules?: Partial<AlertRules>
  readonly policy?: typeof POLICY
  readonly begins: (box: AlertBox, outside: Outside) => Effect.Effect<void>
  /** What happens, if it is not time alone that ends it. */
  readonly ends?: (box: AlertBox, outside: Outside) => Effect.Effect<void>
  /** Time that passes until then, with nobody looking: the box is off. */
  readonly lasts?: number
}

const does = (action: () => void) => Effect.sync(action)
const times = (count: number, action: () => void) =>
  does(() => {
    for (let n = 0; n < count; n++) action()
  })

const STORIES: readonly Story[] = [
  {
    kind: 'costPerHour',
    ids: ['costPerHour'],
    rules: { costPerHourUsd: 10, costSpikeTimes: null },
    begins: (box) => does(() => box.serves({ costNanoUsd: 12 * USD })),
    lasts: 2 * HOUR,
  },
  {
    kind: 'costPerDay',
    ids: ['costPerDay'],
    rules: { costPerDayUsd: 10 },
    begins: (box) => times(12, () => box.serves({ costNanoUsd: USD })),
    lasts: 25 * HOUR,
  },
  {
    kind: 'costForecast',
    ids: ['costForecast'],
    rules: { costForecastUsd: 100 },
    begins: (box) =>
      does(() => {
        for (let day = 10; day > 0; day--) box.serves({ costNanoUsd: 10 * USD }, box.now() - day * DAY)
      }),
    // Into a month that begins after a week without spending.
    lasts: 24 * DAY,
  },
  {
    kind: 'costSpike',
    ids: ['costSpike'],
    begins: (box) =>
      does(() => {
        for (let hour = 30; hour > 2; hour--) box.serves({ costNanoUsd: USD }, box.now() - hour * HOUR)
        box.serves({ costNanoUsd: 5 * USD })
      }),
    lasts: 2 * HOUR,
  },
  {
    kind: 'budget',
    ids: ['budget:monthly/team:0.5', 'budget:monthly/team:0.8', 'budget:monthly/team:1'],
    begins: (box, around) =>
      Effect.gen(function* () {
        for (const usedShare of [0.55, 0.85, 1.02]) {
          around.budgetUse = [{ name: 'monthly', subject: 'team', usedShare, periodEnd: box.now() + DAY }]
          yield* rounds(2)
        }
      }),
    ends: (box, around) =>
      does(() => {
        around.budgetUse = [{ name: 'monthly', subject: 'team', usedShare: 0.01, periodEnd: box.now() + 32 * DAY }]
      }),
  },
  {
    kind: 'errorRate',
    ids: ['errorRate', 'errorRate:a'],
    // The breaker would keep the provider down, which is another alert.
    policy: policyOf([
      provider('a', { breaker: { ...provider('a').breaker, consecutiveFailures: 1e6, minimumOutcomes: 1e6 } }),
    ]),
    begins: (box) =>
      Effect.andThen(
        times(15, () => box.serves()),
        times(6, () => box.fails({ _tag: 'ServerError', status: 500 })),
      ),
    lasts: 301_000,
  },
  {
    kind: 'latency',
    ids: ['latency', 'latency:a'],
    rules: { latencyMs: 20_000 },
    begins: (box) => times(20, () => box.serves({ ttftMs: 25_000 })),
    lasts: 301_000,
  },
  {
    kind: 'providerDown',
    ids: ['providerDown:a'],
    rules: { errorRateShare: null },
    begins: (box) =>
      Effect.gen(function* () {
        yield* times(5, () => box.fails({ _tag: 'ServerError', status: 500 }))
        yield* rounds(2)
        // A probe that fails begins another open time, and not another outage.
        box.record({ _tag: 'CooldownElapsed', provider: A })
        box.fails({ _tag: 'ServerError', status: 500 })
        yield* TestClock.adjust(120_000)
      }),
    ends: (box) =>
      Effect.andThen(
        does(() => box.record({ _tag: 'CooldownElapsed', provider: A })),
        times(2, () => box.probes()),
      ),
  },
  {
    kind: 'providerRetired',
    ids: ['providerRetired:a'],
    begins: (box) => does(() => box.fails({ _tag: 'Retired', status: 410 })),
    ends: (box) =>
      does(() => {
        const policy = policyOf([provider('a', { endpoint: 'elsewhere' }), provider('b')])
        box.record({ _tag: 'PolicyChanged', version: 2, policy })
      }),
  },
  {
    kind: 'limitForecast',
    ids: ['limitForecast:a/requests/day'],
    policy: policyOf([provider('a', { limits: { requestsPerDay: 100, window: 'fixed' } }), provider('b')]),
    begins: (box) => times(60, () => box.serves()),
    lasts: 901_000,
  },
  {
    kind: 'priceUnknown',
    ids: ['priceUnknown:a/claude-sonnet-5-5'],
    begins: (box) => does(() => box.servesUnpriced()),
    ends: (box) =>
      does(() => {
        const price = { input: 1, output: 2, cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1 }
        const policy = policyOf([provider('a', { prices: { [MODEL]: price } }), provider('b')])
        box.record({ _tag: 'PolicyChanged', version: 2, policy })
      }),
  },
  {
    kind: 'diskSpace',
    ids: ['diskSpace'],
    begins: (_, around) =>
      does(() => {
        around.diskFree = 900_000_000
      }),
    ends: (_, around) =>
      Effect.gen(function* () {
        // Hardly above the bound is no reason to call it over.
        around.diskFree = 1_050_000_000
        yield* rounds()
        around.diskFree = 2_000_000_000
      }),
  },
]

const memory = Effect.provide(EventLog, layerMemory())

describe('an alert of the kind', () => {
  it.effect.each(STORIES)('$kind is raised once and cleared once, with a restart in between', (story) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(MORNING)
      const log = yield* memory
      const around = outside(story.rules)
      const plus = story.ids.map((id) => `+${id}`)
      const minus = story.ids.map((id) => `-${id}`)
      const start = startAlertBox({ log, outside: around, policy: story.policy ?? POLICY })

      yield* Effect.scoped(
        Effect.gen(function* () {
          const box = yield* start
          yield* rounds()
          assert.deepStrictEqual(yield* alertsIn(log), [], 'nothing has happened yet')
          yield* story.begins(box, around)
          yield* rounds()
          assert.sameMembers([...(yield* alertsIn(log))], plus)
        }),
      )
      const isTimeAlone = story.ends === undefined
      if (isTimeAlone) yield* TestClock.adjust(story.lasts ?? 0)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const box = yield* start
          if (!isTimeAlone) {
            yield* rounds()
            assert.sameMembers([...(yield* alertsIn(log))], plus, 'the restart raises nothing again')
            yield* story.ends?.(box, around) ?? Effect.void
          }
          yield* rounds()
          assert.sameMembers([...(yield* alertsIn(log))], [...plus, ...minus])
        }),
      )
    }),
  )

  it.effect('logFailing is raised once and cleared once, and written when the log writes again', () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(MORNING)
      let isFull = false
      const log = yield* Effect.provide(
        EventLog,
        layerMemory({ fail: () => (isFull ? { _tag: 'Unavailable', detail: 'disk full' } : undefined) }),
      )
      const box = yield* startAlertBox({ log, outside: outside() })
      yield* rounds()
      isFull = true
      box.serves()
      yield* rounds()
      assert.deepStrictEqual([...box.ledger.state.projections.alerts.raised.keys()], ['logFailing'])
      isFull = false
      yield* rounds()
      yield* box.ledger.committed
      assert.deepStrictEqual(yield* alertsIn(log), ['+logFailing', '-logFailing'])
    }),
  )
})

describe('the watcher', () => {
  it.effect('clears what is not asked for any more', () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(MORNING)
      const log = yield* memory
      const around = outside()
      around.diskFree = 1
      yield* startAlertBox({ log, outside: around })
      yield* rounds()
      around.rules = { ...around.rules, diskSpaceBytes: null }
      yield* rounds()
      assert.deepStrictEqual(yield* alertsIn(log), ['+diskSpace', '-diskSpace'])
    }),
  )

  it.effect('raises one alert for a value that dances on its bound', () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(MORNING)
      const log = yield* memory
      const around = outside()
      yield* startAlertBox({ log, outside: around })
      for (let n = 0; n < 10; n++) {
        around.diskFree = n % 2 === 0 ? 999_000_000 : 1_001_000_000
        yield* rounds(1)
      }
      assert.deepStrictEqual(yield* alertsIn(log), ['+diskSpace'])
    }),
  )

  it.effect('goes on after a bug of what it asks', () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(MORNING)
      const log = yield* memory
      const around = outside()
      let isBroken = true
      Object.defineProperty(around, 'diskFree', {
        get: () => {
          if (isBroken) throw new Error('statfs')
          return 1
        },
      })
      yield* startAlertBox({ log, outside: around })
      yield* rounds()
      isBroken = false
      yield* rounds()
      assert.deepStrictEqual(yield* alertsIn(log), ['+diskSpace'])
    }),
  )
})
