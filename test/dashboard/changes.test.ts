/**
 * What an operator does with the dashboard, and what then happens on the box.
 */
import { expect, layer } from '@effect/vitest'
import { Context, Effect, Layer } from 'effect'
import type { BoxView } from '#actors/views/box-view.ts'
import { configOf } from '#test/signalbox-process.ts'
import { startProviders } from '#test/simulator.ts'
import {
  act,
  asked,
  type Box,
  Chrome,
  call,
  cells,
  expectCalm,
  figure,
  look,
  says,
  startBox,
  TOKEN,
} from './browser.ts'

/** One box for all, in the order of the tests: it begins empty, and is stopped by the last one. */
class Shared extends Context.Service<Shared, Box>()('signalbox/test/Shared') {
  static readonly layer = Layer.effect(
    Shared,
    Effect.gen(function* () {
      const { alpha, beta } = yield* startProviders({ alpha: {}, beta: {} })
      return yield* startBox({ config: configOf(alpha, beta) })
    }),
  )
}

layer(Layer.merge(Chrome.layer, Shared.layer), { excludeTestServices: true, timeout: 60_000 })(
  'the dashboard',
  (it) => {
    it.effect(
      'says what to do on an empty box, and turns into the overview with the first request, without a reload',
      () =>
        Effect.gen(function* () {
          const box = yield* Shared
          const view = yield* look(box)
          const { page } = view
          yield* says(page.locator('.first-run pre'), `export ANTHROPIC_BASE_URL=${box.url} claude`)
          yield* act(() => page.evaluate(() => Reflect.set(window, 'loadedOnce', true)))
          yield* call(box)
          yield* says(figure(page, 'requests'), '1')
          yield* call(box)
          yield* says(figure(page, 'requests'), '2')
          expect(yield* act(() => page.evaluate(() => Reflect.get(window, 'loadedOnce')))).toBe(true)
          yield* says(page.locator('.live-mark'), 'live')
          expectCalm(view)
        }),
    )

    it.effect('drains a provider and enables it again, after asking', () =>
      Effect.gen(function* () {
        const box = yield* Shared
        const view = yield* look(box, { at: '#/providers' })
        const { page } = view
        expect((yield* call(box)).provider).toBe('alpha')
        const card = page.locator('[data-provider="alpha"]')
        yield* act(() => card.getByRole('button', { name: 'Drain alpha' }).click())
        yield* act(() => page.getByRole('button', { name: 'Cancel' }).click())
        expect((yield* call(box)).provider).toBe('alpha')
        yield* act(() => card.getByRole('button', { name: 'Drain alpha' }).click())
        yield* act(() => page.locator('dialog[open] .primary').click())
        yield* says(card.locator('header'), /drained/)
        expect((yield* call(box)).provider).toBe('beta')
        yield* act(() => card.getByRole('button', { name: 'Enable alpha' }).click())
        yield* act(() => page.locator('dialog[open] .primary').click())
        yield* act(() => card.getByRole('button', { name: 'Drain alpha' }).waitFor())
        expect((yield* call(box)).provider).toBe('alpha')
        const { providers } = yield* asked<BoxView>(box, '/admin/state')
        expect(providers.map(({ enabled }) => enabled)).toEqual([true, true])
        const made = (yield* box.events).flatMap(({ event }) => (event._tag === 'SettingOverridden' ? [event] : []))
        expect(made.every(({ path, by }) => path === 'providers.alpha.enabled' && by.startsWith('admin '))).toBe(true)
        expect(made.length).toBe(2)
        expectCalm(view)
      }),
    )

    it.effect('changes the strategy, and the next request follows it', () =>
      Effect.gen(function* () {
        const box = yield* Shared
        const view = yield* look(box, { at: '#/routing' })
        const { page } = view
        const strategies = Effect.map(box.events, (all) =>
          all.flatMap(({ event }) => (event._tag === 'RouteChosen' ? [event.strategy] : [])),
        )
        yield* call(box)
        yield* act(() => page.getByRole('combobox', { name: 'Strategy' }).selectOption('availability'))
        yield* act(() => page.getByRole('button', { name: 'Apply strategy' }).click())
        yield* says(figure(page, 'strategy'), 'availability')
        yield* call(box)
        expect((yield* strategies).slice(-2)).toEqual(['priority', 'availability'])
        yield* act(() => page.getByLabel(/^cost/).fill('1'))
        yield* act(() => page.getByRole('button', { name: 'Apply weights' }).click())
        yield* says(page.locator('.announcer'), 'The weights are changed.')
        const { routing } = yield* asked<BoxView>(box, '/admin/state')
        expect(routing.weights).toEqual({ headroom: 0.4, performance: 0.3, cost: 1, reliability: 0.1 })
        yield* act(() => page.getByRole('link', { name: 'Settings' }).click())
        const changes = yield* cells(page, 'They stand above the configuration')
        expect(changes.map(([path, value]) => [path, value])).toContainEqual(['routing.strategy', '"availability"'])
        yield* act(() => page.getByRole('button', { name: 'Take back routing.strategy' }).click())
        yield* act(() => page.locator('dialog[open] .primary').click())
        yield* act(() =>
          page.getByRole('button', { name: 'Take back routing.strategy' }).waitFor({ state: 'detached' }),
        )
        yield* call(box)
        expect((yield* strategies).at(-1)).toBe('priority')
        expectCalm(view)
      }),
    )

    it.effect('takes no wrong token, says so, and takes the right one afterwards', () =>
      Effect.gen(function* () {
        const box = yield* Shared
        const view = yield* look(box, { token: 'wrong' })
        const { page } = view
        yield* says(page.getByRole('alert'), 'This token is not the right one.')
        expect(page.url()).not.toContain('wrong')
        yield* act(() => page.getByLabel('Admin token').fill(TOKEN))
        yield* act(() => page.getByRole('button', { name: 'Look' }).click())
        yield* says(page.locator('h1'), 'Overview')
        yield* says(page.locator('.live-mark'), 'live')
        expect(page.url()).toBe(`${box.url}/#/`)
        // The browser itself notes refused answers; nothing else may stand there.
        expect(view.problems.filter((text) => !text.includes('status of 401'))).toEqual([])
        expect(view.foreign).toEqual([])
      }),
    )

    it.effect('connects again when the box was away, and goes on where it was', () =>
      Effect.gen(function* () {
        const first = yield* Shared
        const view = yield* look(first)
        const requests = (yield* first.events).filter(({ event }) => event._tag === 'RequestAdmitted').length
        yield* says(figure(view.page, 'requests'), String(requests))
        first.signal('SIGTERM')
        yield* first.exited
        yield* says(view.page.locator('.live-mark'), 'reconnecting …')
        const args = ['serve', '--port', String(first.port)]
        const environment = { SIGNALBOX_CONFIG: first.configFile }
        const second = yield* startBox({ folder: first.folder, args, environment })
        yield* says(view.page.locator('.live-mark'), 'live')
        yield* call(second)
        yield* says(figure(view.page, 'requests'), String(requests + 1))
      }),
    )
  },
)
