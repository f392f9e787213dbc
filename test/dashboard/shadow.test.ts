/**
 * The panel of the shadow policy: how to start one, what it then shows, and that it is nobody's business but the operator's.
 */
import { expect, layer } from '@effect/vitest'
import { Context, Effect, Layer } from 'effect'
import type { BoxView } from '#actors/views/box-view.ts'
import { configOf } from '#test/signalbox-process.ts'
import { startProviders } from '#test/simulator.ts'
import { milliseconds, percent, usd } from '../../src/dashboard/format.ts'
import { act, asked, type Box, Chrome, call, cells, expectCalm, figure, look, says, startBox } from './browser.ts'

const price = (input: number) => ({
  '*': { input, output: 5 * input, cacheRead: input / 10, cacheWrite5m: 1.25 * input, cacheWrite1h: 2 * input },
})

/** `alpha` comes first by priority, `beta` by cost. */
class Shared extends Context.Service<Shared, Box>()('signalbox/test/Shared') {
  static readonly layer = Layer.effect(
    Shared,
    Effect.gen(function* () {
      const { alpha, beta } = yield* startProviders({ alpha: {}, beta: {} })
      const { routing, providers } = configOf(alpha, beta)
      return yield* startBox({
        config: {
          routing,
          providers: {
            alpha: { ...providers.alpha, prices: price(10) },
            beta: { ...providers.beta, prices: price(1) },
          },
        },
      })
    }),
  )
}

layer(Layer.merge(Chrome.layer, Shared.layer), { excludeTestServices: true, timeout: 60_000 })(
  'the shadow policy on the dashboard',
  (it) => {
    it.effect('explains itself while there is none, and is started by its strategy', () =>
      Effect.gen(function* () {
        const box = yield* Shared
        const view = yield* look(box, { at: '#/routing' })
        const { page } = view
        const panel = page.locator('section[aria-label="Shadow policy"]')
        yield* says(figure(page, 'shadow'), 'No other policy decides beside this one.')
        yield* says(panel.locator('pre'), /^routing: shadow: strategy: cost/)
        yield* act(() => page.getByRole('combobox', { name: 'Decides by' }).selectOption('cost'))
        yield* act(() => page.getByRole('button', { name: 'Start shadow' }).click())
        yield* says(figure(page, 'shadowAgreed'), '–')
        yield* says(panel.locator('tbody tr'), 'No request yet.')
        expect((yield* asked<BoxView>(box, '/admin/state')).routing.shadow).toEqual({ strategy: 'cost' })
        expectCalm(view)
      }),
    )

    it.effect('shows agreement, pairs, and what is expected, as the box counts them', () =>
      Effect.gen(function* () {
        const box = yield* Shared
        const view = yield* look(box, { at: '#/routing' })
        const { page } = view
        // Beta is tried once, so that its speed is known; that client's wish holds for both policies.
        yield* call(box, { 'x-signalbox-strategy': 'cost' })
        expect((yield* call(box)).provider).toBe('alpha')
        expect((yield* call(box)).provider).toBe('alpha')
        yield* says(page.locator('[data-figure="shadowAgreed"] .note'), '1 of 3 requests')
        const { shadow } = yield* asked<BoxView>(box, '/admin/state')
        yield* says(figure(page, 'shadowAgreed'), percent(1 / 3))
        const less = (shadow?.costNanoUsd?.live ?? 0) - (shadow?.costNanoUsd?.shadow ?? 0)
        expect(less).toBeGreaterThan(0)
        yield* says(figure(page, 'shadowCost'), `−${usd(less)}`)
        const { live = 0, shadow: other = 0 } = shadow?.ttftMs ?? {}
        yield* says(
          page.locator('[data-figure="shadowTtft"] .note'),
          `${milliseconds(other)} instead of ${milliseconds(live)}`,
        )
        const rows = yield* cells(page, 'Whom each would ask first')
        expect(rows.map((row) => row.slice(0, 4))).toEqual([
          ['alpha', 'beta', '2', percent(2 / 3)],
          ['beta', 'the same', '1', percent(1 / 3)],
        ])
        yield* says(figure(page, 'shadowForetold'), /^How far expectations hold/)
        expectCalm(view)
      }),
    )

    it.effect('tells of one request what the shadow would have done', () =>
      Effect.gen(function* () {
        const box = yield* Shared
        const answer = yield* call(box)
        const id = answer.headers.find(([name]) => name === 'x-signalbox-request-id')?.[1]
        const view = yield* look(box, { at: `#/requests/${id}` })
        yield* says(figure(view.page, 'shadowChoice'), /^beta, then alpha; \$0\.\d+ instead of \$0\.\d+; first token/)
        expectCalm(view)
      }),
    )

    it.effect('is stopped, after asking, and can still be seen in the past', () =>
      Effect.gen(function* () {
        const box = yield* Shared
        const view = yield* look(box, { at: '#/routing' })
        const { page } = view
        yield* says(page.locator('[data-figure="shadowAgreed"] .note'), '1 of 4 requests')
        const [before] = (yield* box.events).toReversed()
        yield* act(() => page.getByRole('button', { name: 'Stop the shadow policy' }).click())
        yield* act(() => page.locator('dialog[open] .primary').click())
        yield* says(figure(page, 'shadow'), 'No other policy decides beside this one.')
        const at = new Date(before?.occurredAt ?? 0).toISOString()
        const past = yield* look(box, { at: `#/routing?at=${at}` })
        yield* says(past.page.locator('[data-figure="shadowAgreed"] .note'), '1 of 4 requests')
        expect(yield* act(() => past.page.getByRole('button', { name: 'Change shadow' }).isDisabled())).toBe(true)
        expectCalm(view)
        expectCalm(past)
      }),
    )
  },
)
