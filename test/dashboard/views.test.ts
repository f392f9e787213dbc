/**
 * Every view shows the figures that the API and the log give: counted here from the log, read there from the page.
 */
import { expect, layer } from '@effect/vitest'
import { Context, Effect, Layer } from 'effect'
import type { BoxView } from '#actors/views/box-view.ts'
import type { CostReport } from '#domain/books-query.ts'
import type { DomainEvent, EventType } from '#domain/events.ts'
import { overloaded } from '#infra/simulator/refusals.ts'
import { configOf } from '#test/signalbox-process.ts'
import { startProviders } from '#test/simulator.ts'
import { count, milliseconds, percent, usd } from '../../src/dashboard/format.ts'
import { quantile } from '../../src/dashboard/quantile.ts'
import { act, asked, type Box, Chrome, call, cells, expectCalm, figure, look, says, startBox } from './browser.ts'

const SESSION = '6f1d4c1e-0f4e-4d6c-9a53-2f6f0b2f7c11'
const AGENT = 'agent-of-the-test'

/** A box after eight requests: the second falls back, three are of a session, of which one is of its agent. */
class Seeded extends Context.Service<Seeded, Box>()('signalbox/test/Seeded') {
  static readonly layer = Layer.effect(
    Seeded,
    Effect.gen(function* () {
      const { alpha, beta } = yield* startProviders({
        alpha: { script: [{ when: { nth: 2 }, step: overloaded() }] },
        beta: {},
      })
      const box = yield* startBox({ config: { ...configOf(alpha, beta), routing: { strategy: 'intelligent' } } })
      for (let index = 0; index < 5; index++) yield* call(box, { 'x-signalbox-strategy': 'priority' })
      yield* call(box, { 'x-claude-code-session-id': SESSION })
      yield* call(box, { 'x-claude-code-session-id': SESSION })
      yield* call(box, { 'x-claude-code-session-id': SESSION, 'x-claude-code-agent-id': AGENT })
      return box
    }),
  )
}

const eventsOf = <T extends EventType>(box: Box, type: T) =>
  Effect.map(box.events, (all) =>
    all.flatMap(({ event }) => (event._tag === type ? [event as Extract<DomainEvent, { readonly _tag: T }>] : [])),
  )

const costOf = (events: readonly { readonly costNanoUsd?: number }[]): number =>
  events.reduce((sum, { costNanoUsd = 0 }) => sum + costNanoUsd, 0)

layer(Layer.merge(Chrome.layer, Seeded.layer), { excludeTestServices: true, timeout: 60_000 })('the view', (it) => {
  it.effect('overview counts as the log does', () =>
    Effect.gen(function* () {
      const box = yield* Seeded
      const view = yield* look(box)
      const { page } = view
      const admitted = yield* eventsOf(box, 'RequestAdmitted')
      const succeeded = yield* eventsOf(box, 'AttemptSucceeded')
      const failed = yield* eventsOf(box, 'AttemptFailed')
      expect([admitted.length, succeeded.length, failed.length]).toEqual([8, 8, 1])
      yield* says(figure(page, 'requests'), '8')
      yield* says(figure(page, 'success'), percent(1))
      yield* says(page.locator('[data-figure="success"] .note'), '0 failures, 1 fallback')
      yield* says(figure(page, 'spend'), usd(costOf([...succeeded, ...failed])))
      yield* says(
        figure(page, 'ttft'),
        milliseconds(
          quantile(
            succeeded.map(({ ttftMs }) => ttftMs),
            0.5,
          ) ?? -1,
        ),
      )
      yield* says(figure(page, 'lastProvider'), succeeded.at(-1)?.provider ?? '')
      const rows = yield* cells(page, 'Providers, with the last 8 answers')
      for (const [id, , , answers, share] of rows) {
        const own = succeeded.filter(({ provider }) => provider === id).length
        expect([answers, share]).toEqual([count(own), percent(own / succeeded.length)])
      }
      yield* act(() => page.getByText('Requests a minute, last hour as a table').click())
      const minutes = yield* cells(page, 'Requests a minute')
      expect(minutes.reduce((sum, row) => sum + Number(row[1]), 0)).toBe(8)
      expectCalm(view)
    }),
  )

  it.effect('providers shows attempts, limits and scores as they are', () =>
    Effect.gen(function* () {
      const box = yield* Seeded
      const view = yield* look(box, { at: '#/providers' })
      const { providers } = yield* asked<BoxView>(box, '/admin/state')
      const routes = yield* eventsOf(box, 'RouteChosen')
      const started = yield* eventsOf(box, 'AttemptStarted')
      expect(providers.map(({ id }) => String(id))).toEqual(['alpha', 'beta'])
      for (const { id, health, limits, concurrency } of providers) {
        const card = view.page.locator(`[data-provider="${id}"]`)
        yield* says(
          card.locator('[data-fact="attempts"]'),
          count(started.filter(({ provider }) => provider === id).length),
        )
        yield* says(card.locator('[data-fact="successes"]'), count(health.successes))
        yield* says(card.locator('.machine'), /healthy/)
        const first = routes.filter(({ order }) => order[0] === id).length
        yield* says(
          card.getByText('of the last'),
          new RegExp(`First in ${first} of the last ${routes.length} decisions`),
        )
        const last = routes.at(-1)
        const score = last?.factors.score?.[last.order.indexOf(id)] ?? -1
        yield* says(card.getByText('by the strategy').locator('strong'), score.toFixed(3))
        yield* says(card.locator('.meter').first(), new RegExp(`at once0 of ${concurrency.limit}`))
        expect(yield* act(() => card.locator('section').first().locator('.meter').count())).toBe(limits.length + 1)
      }
      expectCalm(view)
    }),
  )

  it.effect('requests lists what the log has, and explains one with its attempts and its decision', () =>
    Effect.gen(function* () {
      const box = yield* Seeded
      const view = yield* look(box, { at: '#/requests' })
      const { page } = view
      const admitted = yield* eventsOf(box, 'RequestAdmitted')
      const rows = yield* cells(page, 'The newest first')
      expect(rows.map(([id]) => id)).toEqual(admitted.toReversed().map(({ requestId }) => requestId.slice(0, 10)))
      expect(rows.map((row) => row[3])).toEqual(admitted.map(() => 'succeeded'))
      const second = admitted[1]?.requestId ?? ''
      yield* act(() => page.locator(`[data-request="${second}"]`).click())
      const attempts = yield* cells(page, 'Attempts in order')
      expect(attempts.map((row) => [row[0], row[1], row[6]])).toEqual([
        ['1', 'alpha', 'overload (529), before it answered'],
        ['2', 'beta', 'succeeded'],
      ])
      const route = (yield* eventsOf(box, 'RouteChosen')).find(({ requestId }) => requestId === second)
      const candidates = yield* cells(page, 'Candidates, in the order')
      expect(candidates.map(([provider]) => provider)).toEqual(route?.order)
      yield* says(page.locator('.route .facts dd').first(), route?.strategy ?? '')
      const draw = admitted[1]?.draw ?? -1
      expect(yield* act(() => page.locator('.route .facts').textContent())).toContain(draw.toFixed(4))
      expectCalm(view)
    }),
  )

  it.effect('requests filters by session, and leads to the tree of its agents', () =>
    Effect.gen(function* () {
      const box = yield* Seeded
      const view = yield* look(box, { at: `#/requests?session=${SESSION}` })
      const { page } = view
      const rows = yield* cells(page, 'The newest first')
      expect(rows.length).toBe(3)
      yield* act(() => page.locator('tbody a[href^="#/sessions/"]').first().click())
      yield* says(page.locator('h1'), `Session ${SESSION}`)
      const succeeded = yield* eventsOf(box, 'AttemptSucceeded')
      const admitted = yield* eventsOf(box, 'RequestAdmitted')
      const of = (agent: string | undefined) => {
        const ids = admitted
          .filter(({ sessionId, agentId }) => sessionId === SESSION && agentId === agent)
          .map(({ requestId }) => requestId)
        return costOf(succeeded.filter(({ requestId }) => ids.includes(requestId)))
      }
      yield* says(page.locator('[data-agent="main"] > .agent .number').first(), usd(of(undefined)))
      yield* says(page.locator(`[data-agent="${AGENT}"] > .agent .number`), usd(of(AGENT)))
      expectCalm(view)
    }),
  )

  it.effect('costs sums to what the log’s attempts cost, by provider and in all', () =>
    Effect.gen(function* () {
      const box = yield* Seeded
      const view = yield* look(box, { at: '#/costs' })
      const succeeded = yield* eventsOf(box, 'AttemptSucceeded')
      const failed = yield* eventsOf(box, 'AttemptFailed')
      const all = [...succeeded, ...failed]
      const { total } = yield* asked<CostReport>(box, '/admin/costs?by=provider')
      expect(total.costNanoUsd).toBe(costOf(all))
      expect(total.costNanoUsd).toBeGreaterThan(0)
      yield* says(figure(view.page, 'cost'), usd(costOf(all)))
      yield* says(figure(view.page, 'costRequests'), count(succeeded.length))
      for (const id of ['alpha', 'beta']) {
        const own = costOf(all.filter(({ provider }) => provider === id))
        yield* says(view.page.locator(`[data-cost="${id}"]`), usd(own))
      }
      expectCalm(view)
    }),
  )

  it.effect('events is the log, filtered, with the content on demand', () =>
    Effect.gen(function* () {
      const box = yield* Seeded
      const view = yield* look(box, { at: '#/events' })
      const { page } = view
      const all = (yield* box.events).toReversed()
      const rows = yield* cells(page, 'The newest first')
      expect(rows.map((row) => [row[0], row[2]])).toEqual(
        all.slice(0, 100).map(({ position, event }) => [String(position), event._tag]),
      )
      yield* act(() => page.getByLabel('Type').selectOption('AttemptFailed'))
      yield* says(page.locator('tbody tr td:nth-child(3)'), 'AttemptFailed')
      expect(yield* act(() => page.locator('tbody tr').count())).toBe(1)
      yield* act(() => page.locator('tbody summary').click())
      const failure = all.find(({ event }) => event._tag === 'AttemptFailed')
      const shown = JSON.parse((yield* act(() => page.locator('tbody pre').textContent())) ?? '')
      expect(shown.event).toEqual(failure?.event)
      expect(page.url()).toContain('type=AttemptFailed')
      expectCalm(view)
    }),
  )

  it.effect('routing shows the policy in force, and what other weights would have done', () =>
    Effect.gen(function* () {
      const box = yield* Seeded
      const view = yield* look(box, { at: '#/routing' })
      const { page } = view
      const { routing } = yield* asked<BoxView>(box, '/admin/state')
      yield* says(figure(page, 'strategy'), routing.strategy)
      yield* says(figure(page, 'policyVersion'), String(routing.policyVersion))
      const weighed = (yield* eventsOf(box, 'RouteChosen')).filter(({ strategy }) => strategy === 'intelligent')
      expect(weighed.length).toBe(3)
      yield* says(figure(page, 'changed'), /^0 decisions of [1-3] would go to another provider first\.$/)
      yield* act(() => page.getByRole('button', { name: 'Decide' }).click())
      const candidates = yield* cells(page, 'Candidates, in the order')
      yield* says(figure(page, 'dryRun'), candidates[0]?.[0] ?? '')
      expect((yield* eventsOf(box, 'RequestAdmitted')).length).toBe(8)
      expectCalm(view)
    }),
  )

  it.effect('settings shows the configuration and the prices in force, and makes and revokes keys', () =>
    Effect.gen(function* () {
      const box = yield* Seeded
      const view = yield* look(box, { at: '#/settings' })
      const { page } = view
      const { version } = yield* asked<{ readonly version: string }>(box, '/admin/config')
      yield* says(figure(page, 'version'), version)
      const policy = (yield* eventsOf(box, 'PolicyChanged')).at(-1)?.policy
      const prices = policy?.providers.flatMap(({ prices = {} }) => Object.keys(prices)) ?? []
      yield* says(page.locator('section[aria-label="Prices"] summary'), new RegExp(`^${count(prices.length)} prices?$`))
      const form = page.getByRole('form', { name: 'New key' })
      yield* act(() => form.getByLabel('Name').fill('laptop'))
      yield* act(() => form.getByRole('button', { name: 'Create key' }).click())
      yield* says(form.locator('.notice'), /^The key of laptop, which is shown only now: sbx_/)
      const keys = yield* cells(page, 'Keys that clients may use')
      expect(keys.map(([name]) => name)).toEqual(['laptop'])
      yield* act(() => page.getByRole('button', { name: 'Revoke laptop' }).click())
      yield* act(() => page.locator('dialog[open] .primary').click())
      yield* says(page.locator('section[aria-label="Client keys"] tbody tr td').last(), /^revoked /)
      const tags = (yield* box.events).map(({ event }) => event._tag)
      expect(tags.filter((tag) => tag.startsWith('ClientKey'))).toEqual(['ClientKeyCreated', 'ClientKeyRevoked'])
      const silencing = page.getByRole('form', { name: 'Silence alerts' })
      yield* act(() => silencing.getByLabel('Kind').selectOption('latency'))
      yield* act(() => silencing.getByRole('button', { name: 'Silence' }).click())
      const silenced = page.locator('table').filter({ has: page.locator('caption', { hasText: 'Silenced' }) })
      yield* says(silenced.locator('tbody tr'), /^latencyanything.*\(in (59 min \d+ s|1 h)\)$/)
      expect((yield* eventsOf(box, 'AlertsSilenced')).map(({ kind }) => kind)).toEqual(['latency'])
      expectCalm(view)
    }),
  )
})
