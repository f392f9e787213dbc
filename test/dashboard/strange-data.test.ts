/**
 * What strangers have put into the log, on every view: names of clients, models and sessions, words of providers. It is text there,
 * whatever it looks like. And links that nobody could have made open the page all the same.
 */
import { expect, layer } from '@effect/vitest'
import { Effect } from 'effect'
import { refusalOfType } from '#infra/simulator/refusals.ts'
import { configOf } from '#test/signalbox-process.ts'
import { startProviders } from '#test/simulator.ts'
import { act, asked, Chrome, call, look, startBox } from './browser.ts'

const EVIL = `"><img src=x onerror="window.ran=1"><script>window.ran=2</script><a href="javascript:window.ran=3">x</a>`

interface Requests {
  readonly data: readonly { readonly requestId: string }[]
}

layer(Chrome.layer, { excludeTestServices: true, timeout: 120_000 })('the dashboard', (it) => {
  it.effect(
    'shows what strangers have said as text, on every view',
    () =>
      Effect.gen(function* () {
        const error = {
          ...refusalOfType('invalid_request_error'),
          headers: { 'request-id': 'javascript:window.ran=4' },
        }
        const { alpha } = yield* startProviders({ alpha: { script: [error] } })
        const box = yield* startBox({ config: configOf(alpha) })
        const headers = { 'x-claude-code-session-id': EVIL, 'user-agent': EVIL, 'x-claude-code-agent-id': EVIL }
        for (const model of [`claude-${EVIL}`, 'javascript:window.ran=5', 'claude-opus-5-5']) {
          yield* call(box, headers, { model, metadata: { user_id: EVIL } })
        }
        const { data } = yield* asked<Requests>(box, '/admin/requests')
        expect(data.length).toBe(3)
        const { page, problems, foreign } = yield* look(box)
        const views = ['overview', 'providers', 'requests', 'costs', 'events', 'routing', 'settings']
        const ids = data.map(({ requestId }) => `requests/${requestId}`)
        let shown = 0
        for (const view of [...views, `sessions/${encodeURIComponent(EVIL)}`, ...ids]) {
          yield* act(() => page.evaluate((hash) => location.assign(hash), `#/${view}`))
          yield* act(() => page.locator('h1').waitFor())
          yield* act(() => page.waitForFunction(() => !document.body.innerText.includes('Loading ')))
          const seen = yield* act(() =>
            page.evaluate(() => ({
              ran: Reflect.get(window, 'ran'),
              links: [...document.querySelectorAll('a')].filter(({ origin }) => origin !== location.origin).length,
              images: document.querySelectorAll('img').length,
              says: document.body.innerText.includes('onerror'),
            })),
          )
          expect([view, seen.ran, seen.links, seen.images]).toEqual([view, undefined, 0, 0])
          if (seen.says) shown++
        }
        // The test can fail: it was there to be run.
        expect(shown).toBeGreaterThan(2)
        expect(problems.filter((text) => /Content Security Policy|script/i.test(text))).toEqual([])
        expect(foreign).toEqual([])
      }),
    60_000,
  )

  it.effect(
    'opens at a link that nobody could have made',
    () =>
      Effect.gen(function* () {
        const { alpha } = yield* startProviders({ alpha: {} })
        const box = yield* startBox({ config: configOf(alpha) })
        for (const at of ['#/requests/%', '#/sessions/%E0%A4%A', '#/requests/..%2F..%2Fkeys', '#/nowhere?at=%']) {
          const { page, problems } = yield* look(box, { at })
          yield* act(() => page.locator('h1').first().waitFor())
          expect([at, problems.filter((text) => !/404/.test(text))]).toEqual([at, []])
        }
        const { page } = yield* look(box, { token: '%' })
        yield* act(() => page.getByLabel('Admin token').waitFor())
      }),
    60_000,
  )
})
