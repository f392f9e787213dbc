/**
 * The time slider: an outage is seen later as it was, by whoever has the link.
 */
import { expect, layer } from '@effect/vitest'
import { Effect, Layer } from 'effect'
import { serverError } from '#infra/simulator/refusals.ts'
import { configOf } from '#test/signalbox-process.ts'
import { startProviders } from '#test/simulator.ts'
import { isoSecondOf } from '../../src/dashboard/format.ts'
import { act, Chrome, call, expectCalm, figure, look, says, startBox } from './browser.ts'

const FAILURES = 5

layer(Layer.merge(Chrome.layer, Layer.empty), { excludeTestServices: true, timeout: 60_000 })(
  'the time slider',
  (it) => {
    it.effect('shows a past outage as it was, and the present as it is', () =>
      Effect.gen(function* () {
        const { alpha, beta } = yield* startProviders({
          alpha: { script: [{ times: FAILURES, step: serverError() }] },
          beta: {},
        })
        const box = yield* startBox({ config: configOf(alpha, beta) })
        // A second passes before the first of them, for a look at the time before.
        yield* Effect.sleep(1_100)
        for (let index = 0; index < FAILURES; index++) expect((yield* call(box)).provider).toBe('beta')
        const opened = (yield* box.events).find(({ event }) => event._tag === 'CircuitOpened')
        expect(opened?.event).toMatchObject({ provider: 'alpha', trip: 'consecutive' })
        const during = Math.ceil((opened?.occurredAt ?? 0) / 1_000) * 1_000
        // The slider knows whole seconds: the operator heals it in a later one.
        yield* Effect.sleep(Math.max(0, during + 1_100 - Date.now()))
        const live = yield* look(box, { at: '#/providers' })
        const card = live.page.locator('[data-provider="alpha"]')
        yield* says(card.locator('[data-fact="because"]'), /^a server error \(500\), by failures in a row$/)
        yield* says(card.locator('[data-fact="recovery"]'), /^In \d+ s one request tests it\.$/)
        yield* act(() => card.getByRole('button', { name: 'Reset alpha' }).click())
        yield* act(() => live.page.locator('dialog[open] .primary').click())
        yield* says(card.locator('header .badge'), 'healthy')
        expect((yield* call(box)).provider).toBe('alpha')

        const link = `#/providers?at=${isoSecondOf(during)}`
        const past = yield* look(box, { at: link })
        const was = past.page.locator('[data-provider="alpha"]')
        yield* says(was.locator('header .badge'), 'circuit open')
        yield* says(was.locator('[data-fact="because"]'), /^a server error \(500\), by failures in a row$/)
        yield* says(was.locator('[data-fact="attempts"]'), String(FAILURES))
        expect(yield* act(() => was.getByRole('button', { name: 'Drain alpha' }).isDisabled())).toBe(true)
        yield* says(past.page.locator('.live-mark'), 'past')
        expect(past.page.url()).toBe(`${box.url}/${link}`)

        yield* act(() => past.page.getByRole('link', { name: 'Overview' }).click())
        yield* says(figure(past.page, 'requests'), String(FAILURES))
        yield* act(() => past.page.getByRole('button', { name: 'Back to now' }).click())
        yield* says(figure(past.page, 'requests'), String(FAILURES + 1))
        yield* act(() => past.page.getByRole('slider', { name: 'Moment' }).fill(String(during / 1_000)))
        yield* says(figure(past.page, 'requests'), String(FAILURES))
        expect(past.page.url()).toContain(`at=${isoSecondOf(during)}`)
        const field = past.page.locator('input[type="datetime-local"]')
        const before = Math.ceil(((yield* box.events)[0]?.occurredAt ?? 0) / 1_000) * 1_000
        yield* act(() => field.fill(isoSecondOf(before).slice(0, -1)))
        yield* says(figure(past.page, 'requests'), '0')
        expect(past.page.url()).toContain(`at=${isoSecondOf(before)}`)
        expectCalm(live)
        expectCalm(past)
      }),
    )
  },
)
