/**
 * /admin/alerts over real sockets: what stands, in words, and silences that are facts with who asked for them.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import type { AlertsView } from '#actors/views/alerts-view.ts'
import type { AlertRaised } from '#domain/operator-facts.ts'
import { ask } from '#test/admin.ts'
import { type RunningBox, startBox } from '#test/server.ts'

const WHO = 'admin 127.0.0.1'
const down: Omit<AlertRaised, '_tag'> = {
  ...{ alertId: 'providerDown:vertex', kind: 'providerDown', subject: 'vertex', severity: 'critical' },
  ...{ value: 130_000, threshold: 120_000 },
}
const spike: Omit<AlertRaised, '_tag'> = {
  ...{ alertId: 'costSpike', kind: 'costSpike', subject: '', severity: 'warning', value: 4, threshold: 3 },
}

const start = Effect.gen(function* () {
  const box = yield* startBox({ admin: {}, operator: true })
  const at = Date.now()
  box.ledger.record({ _tag: 'AlertRaised', ...down }, at)
  box.ledger.record({ _tag: 'AlertRaised', ...spike }, at)
  return { box, at }
})

const view = (box: RunningBox) => Effect.map(ask(box, '/admin/alerts'), ({ body }) => body as AlertsView)
const silence = (box: RunningBox, json: object) => ask(box, '/admin/alerts/silence', { method: 'POST', json })

describe('/admin/alerts', () => {
  it.live('shows what stands until it is cleared, with what to do about it', () =>
    Effect.gen(function* () {
      const { box, at } = yield* start
      expect(yield* view(box)).toEqual({
        raised: [
          {
            ...{ ...down, unit: 'ms', raisedAt: at, silenced: false },
            sentence:
              'The provider vertex has been down for 2.2 min. Others serve if there are any; signalbox doctor says what it answers.',
          },
          { ...spike, unit: 'times', raisedAt: at, silenced: false, sentence: expect.stringContaining('4 times') },
        ],
        silences: [],
      })
      box.ledger.record({ _tag: 'AlertCleared', alertId: down.alertId, value: 0 }, Date.now())
      expect((yield* view(box)).raised.map(({ alertId }) => alertId)).toEqual(['costSpike'])
    }),
  )

  it.live('silences some until a time or for a while, as a fact, and ends that again', () =>
    Effect.gen(function* () {
      const { box } = yield* start
      const until = Date.now() + 60_000
      const first = yield* silence(box, { kind: 'providerDown', subject: 'vertex', until })
      expect(first.status).toBe(200)
      expect(first.body).toMatchObject({
        raised: [{ alertId: down.alertId, silenced: true }, { silenced: false }],
        silences: [{ kind: 'providerDown', subject: 'vertex', until }],
      })
      yield* silence(box, { forMs: 3_600_000 })
      const { raised, silences } = yield* view(box)
      expect(raised.map(({ silenced }) => silenced)).toEqual([true, true])
      expect(silences[1]).toMatchObject({ kind: null, subject: null })
      expect(Math.abs((silences[1]?.until ?? 0) - Date.now() - 3_600_000)).toBeLessThan(60_000)
      yield* silence(box, { forMs: 0 })
      expect((yield* view(box)).silences).toEqual([{ kind: 'providerDown', subject: 'vertex', until }])
      const facts = (yield* box.events).flatMap(({ event }) => (event._tag === 'AlertsSilenced' ? [event] : []))
      expect(facts).toMatchObject([
        { kind: 'providerDown', subject: 'vertex', until, by: WHO },
        { by: WHO },
        { by: WHO },
      ])
    }),
  )

  it.live('refuses a silence without an end, with two, or without sense', () =>
    Effect.gen(function* () {
      const { box } = yield* start
      const before = (yield* box.events).length
      for (const json of [
        {},
        { until: Date.now() + 1, forMs: 1 },
        { forMs: -1 },
        { forMs: 400 * 86_400_000 },
        { kind: 'weather', forMs: 1 },
      ]) {
        expect((yield* silence(box, json)).status).toBe(400)
      }
      expect((yield* box.events).length).toBe(before)
    }),
  )
})
