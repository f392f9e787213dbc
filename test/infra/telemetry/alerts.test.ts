/** Alerts in the log lines and the metrics: the channels that are always there. */
import { assert, describe, it } from '@effect/vitest'
import { Effect } from 'effect'
import { TestClock } from 'effect/testing'
import { Ledger } from '#actors/ledger.ts'
import { EventLog } from '#actors/ports.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { line } from '#infra/telemetry/event-line.ts'
import { makeMetrics } from '#infra/telemetry/metrics.ts'
import { outside, rounds, startAlertBox } from '#test/alert-box.ts'

describe('the log', () => {
  const alert = { alertId: 'diskSpace', kind: 'diskSpace', subject: '', value: 5e8, threshold: 1e9 } as const

  it.each([
    ['critical', 'Warn'],
    ['warning', 'Warn'],
    ['info', 'Info'],
  ] as const)('tells of an alert that is %s at %s, in words', (severity, level) => {
    assert.deepStrictEqual(line({ _tag: 'AlertRaised', severity, ...alert }), [
      level,
      'alert: 500 MB are free where the event log lies, less than 1 GB. Make room, or move the log (database.url).',
    ])
  })

  it('tells when it is over', () => {
    assert.deepStrictEqual(line({ _tag: 'AlertCleared', alertId: 'providerDown:vertex', value: 0 }), [
      'Info',
      'the alert providerDown:vertex is over',
    ])
  })
})

describe('the metric signalbox_alert_raised', () => {
  it.effect('counts what is raised by kind and severity, and is 0 for the rest', () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2027, 0, 15, 8))
      const log = yield* Effect.provide(EventLog, layerMemory())
      const around = outside()
      const { ledger } = yield* startAlertBox({ log, outside: around })
      const { render } = yield* makeMetrics({ version: 'test', processMetrics: false }).pipe(
        Effect.provideService(Ledger, ledger),
        Effect.provideService(EventLog, log),
      )
      const series = Effect.map(render, ({ text }) =>
        text.split('\n').filter((one) => one.startsWith('signalbox_alert_raised') && !one.endsWith(' 0')),
      )
      around.diskFree = 1
      around.budgetUse = ['a', 'b'].map((name) => ({ name, subject: '', usedShare: 0.6, periodEnd: 0 }))
      yield* rounds()
      assert.sameMembers(
        [...(yield* series)],
        [
          'signalbox_alert_raised{kind="diskSpace",severity="critical"} 1',
          'signalbox_alert_raised{kind="budget",severity="info"} 2',
        ],
      )
      around.diskFree = 9e9
      around.budgetUse = []
      yield* rounds()
      assert.deepStrictEqual(yield* series, [])
      assert.include((yield* render).text, 'signalbox_alert_raised{kind="diskSpace",severity="critical"} 0')
    }),
  )
})
