/**
 * /admin/state over real sockets and a real file: any moment of the log as it was, from an outage back to before it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { applyRecorded, initialState } from '#actors/gateway-state.ts'
import { type BoxView, boxView } from '#actors/views/box-view.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { ask } from '#test/admin.ts'
import { type RunningBox, startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { send } from '../../e2e/http-client.ts'

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), 'signalbox-state-'))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

/** One provider that serves, then refuses connections until its circuit opens. */
const startOutage = Effect.gen(function* () {
  const { alpha } = yield* startProviders({ alpha: {} })
  const box = yield* startBox({
    admin: {},
    log: layerSqlite({ path: join(yield* folder, 'log.db') }),
    providers: { alpha: { url: alpha.url, breaker: { consecutiveConnectFailures: 2 } } },
  })
  yield* send(box.port, { body: callBody() })
  yield* alpha.refuseConnections
  yield* Effect.sleep(5)
  for (let n = 0; n < 2; n++) yield* send(box.port, { body: callBody() })
  return box
})

const stateAt = (box: RunningBox, at: number | string) =>
  Effect.map(ask(box, `/admin/state?at=${at}`), ({ body }) => body as BoxView)

const asJson = (view: BoxView): unknown => JSON.parse(JSON.stringify(view))

describe('/admin/state', () => {
  it.live('shows every moment of an outage as it was', () =>
    Effect.gen(function* () {
      const box = yield* startOutage
      const events = yield* box.events
      const opened = events.find(({ event }) => event._tag === 'CircuitOpened')
      const at = opened?.occurredAt ?? 0
      expect((yield* stateAt(box, at)).providers).toMatchObject([{ id: 'alpha', state: 'openCircuit', since: at }])
      const before = yield* stateAt(box, at - 1)
      expect(before.providers).toMatchObject([{ id: 'alpha', state: 'healthy', because: null }])
      expect(before.stats.traffic.totals).toMatchObject({ succeeded: 1 })
      expect((yield* stateAt(box, (events[0]?.occurredAt ?? 0) - 1)).providers).toEqual([])
    }),
  )

  it.live('is the fold of the log up to then, at the time of every event', () =>
    Effect.gen(function* () {
      const box = yield* startOutage
      const events = yield* box.events
      for (const { occurredAt } of events) {
        const past = events.slice(0, events.findLastIndex((event) => event.occurredAt <= occurredAt) + 1)
        const state = initialState()
        for (const event of past) applyRecorded(state, event)
        expect(yield* stateAt(box, occurredAt)).toEqual(asJson(boxView(state, occurredAt, past.length)))
      }
      expect(events.length).toBeGreaterThan(8)
    }),
  )

  it.live('takes ISO times, and answers now without one or for what is to come', () =>
    Effect.gen(function* () {
      const box = yield* startOutage
      const { occurredAt } = (yield* box.events)[2] ?? { occurredAt: 0 }
      const iso = new Date(occurredAt).toISOString()
      expect(yield* stateAt(box, iso)).toEqual(yield* stateAt(box, occurredAt))
      const { body } = yield* ask(box, '/admin/state')
      const position = box.ledger.health().committedPosition
      expect(body).toMatchObject({ position, providers: [{ id: 'alpha', state: 'openCircuit' }] })
      expect(yield* stateAt(box, Date.now() + 60_000)).toMatchObject({ position })
      expect((yield* ask(box, '/admin/state?at=soon')).status).toBe(400)
    }),
  )
})
