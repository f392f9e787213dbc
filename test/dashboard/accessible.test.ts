/**
 * For everybody: axe finds nothing serious on any view, in a confirmation and where the token is asked for, in both sizes and
 * both colour schemes; nothing is wider than a phone; and everything can be reached by keyboard.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { expect, layer } from '@effect/vitest'
import type { AxeResults } from 'axe-core'
import { Context, Effect, Layer } from 'effect'
import type { Page } from 'playwright-core'
import { overloaded } from '#infra/simulator/refusals.ts'
import { configOf } from '#test/signalbox-process.ts'
import { startProviders } from '#test/simulator.ts'
import { act, type Box, Chrome, call, expectCalm, look, says, startBox } from './browser.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const SESSION = '0b9a6a1e-54d2-4a43-8f5e-0c8f5a0c9b11'

class Busy extends Context.Service<Busy, Box>()('signalbox/test/Busy') {
  static readonly layer = Layer.effect(
    Busy,
    Effect.gen(function* () {
      const { alpha, beta } = yield* startProviders({ alpha: { script: [overloaded()] }, beta: {} })
      const box = yield* startBox({ config: configOf(alpha, beta) })
      for (let index = 0; index < 3; index++) yield* call(box, { 'x-claude-code-session-id': SESSION })
      return box
    }),
  )
}

const pathsOf = (box: Box) =>
  Effect.map(box.events, (all) => {
    const request = all.find(({ event }) => event._tag === 'RequestAdmitted')?.correlation
    const views = ['overview', 'providers', 'requests', 'costs', 'events', 'routing', 'settings']
    return [...views, `requests/${request}`, `sessions/${SESSION}`].map((path) => `#/${path}`)
  })

/** What axe finds serious or critical. It is put into the page by the test, past the page's own policy. */
const violationsOn = (page: Page) =>
  act(async () => {
    await page.evaluate(AXE)
    return page.evaluate(async () => {
      const results: AxeResults = await Reflect.get(window, 'axe').run(document, { resultTypes: ['violations'] })
      return results.violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => ({ id, html: nodes.map((node) => node.html).slice(0, 3) }))
    })
  })

const LOOKS = [
  { width: 1440, colourScheme: 'light' },
  { width: 1440, colourScheme: 'dark' },
  { width: 390, colourScheme: 'light' },
  { width: 390, colourScheme: 'dark' },
] as const

layer(Layer.merge(Chrome.layer, Busy.layer), { excludeTestServices: true, timeout: 60_000 })('for everybody:', (it) => {
  for (const options of LOOKS) {
    it.effect(`axe finds nothing serious at ${options.width} px, ${options.colourScheme}`, () =>
      Effect.gen(function* () {
        const box = yield* Busy
        const view = yield* look(box, { ...options, context: { bypassCSP: true } })
        const { page } = view
        for (const path of yield* pathsOf(box)) {
          yield* act(() => page.evaluate((hash) => location.assign(hash), path))
          yield* act(() => page.locator('h1').waitFor())
          yield* act(() => page.waitForFunction(() => !document.body.innerText.includes('Loading ')))
          const violations = yield* violationsOn(page)
          expect(violations, path).toEqual([])
          const wider = yield* act(() => page.evaluate(() => document.documentElement.scrollWidth - innerWidth))
          expect(wider, `${path} is wider than the screen`).toBeLessThanOrEqual(0)
        }
        yield* act(() => page.evaluate(() => location.assign('#/providers')))
        yield* act(() => page.getByRole('button', { name: 'Drain alpha' }).click())
        expect(yield* violationsOn(page), 'a confirmation').toEqual([])
        yield* act(() => page.getByRole('button', { name: 'Cancel' }).click())
        yield* act(() => page.getByRole('button', { name: 'Sign out' }).click())
        yield* act(() => page.getByLabel('Admin token').waitFor())
        expect(yield* violationsOn(page), 'the form that asks for the token').toEqual([])
        expectCalm(view)
      }),
    )
  }

  it.effect('a keyboard leads past the navigation, to every view, and through a confirmation', () =>
    Effect.gen(function* () {
      const box = yield* Busy
      const view = yield* look(box, { at: '#/providers' })
      const { page } = view
      const { keyboard } = page
      const focused = act(() => page.evaluate(() => document.activeElement?.textContent ?? document.activeElement?.id))
      yield* act(() => page.locator('[data-provider="alpha"]').waitFor())
      yield* act(() => keyboard.press('Tab'))
      expect(yield* focused).toContain('Skip to the content')
      yield* act(() => keyboard.press('Enter'))
      expect(yield* act(() => page.evaluate(() => document.activeElement?.id))).toBe('main')
      const button = page.getByRole('button', { name: 'Drain alpha' })
      for (let presses = 0; presses < 20 && !(yield* act(() => isFocused(button))); presses++) {
        yield* act(() => keyboard.press('Tab'))
      }
      expect(yield* act(() => isFocused(button))).toBe(true)
      const outline = yield* act(() => button.evaluate((element) => getComputedStyle(element).outlineStyle))
      expect(outline).toBe('solid')
      yield* act(() => keyboard.press('Enter'))
      expect(yield* act(() => page.locator('dialog[open]').count())).toBe(1)
      yield* act(() => keyboard.press('Escape'))
      expect(yield* act(() => page.locator('dialog[open]').count())).toBe(0)
      expect(yield* act(() => isFocused(button))).toBe(true)
      yield* act(() => page.getByRole('link', { name: 'Routing' }).focus())
      yield* act(() => keyboard.press('Enter'))
      yield* says(page.locator('main:focus h1'), 'Routing')
      expect(yield* act(() => page.title())).toBe('Routing – Signalbox')
      expectCalm(view)
    }),
  )
})

const isFocused = (locator: { readonly evaluate: (run: (element: Element) => boolean) => Promise<boolean> }) =>
  locator.evaluate((element) => element === document.activeElement)
