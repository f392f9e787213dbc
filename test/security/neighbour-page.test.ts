/**
 * A page on another port of this machine, in a real Chromium: to browsers it is of the same site as the box, so that much of what
 * holds other sites back does not hold it. And what a page of any origin has fetched in advance, or opened in a window.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, layer } from '@effect/vitest'
import { Effect } from 'effect'
import type { Page } from 'playwright-core'
import { startBox } from '#test/server.ts'
import { scratchFolder } from '#test/signalbox-process.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { Chrome } from '../dashboard/browser.ts'

/** A box, and a page that means ill on another port of the same host. */
const setUp = Effect.gen(function* () {
  const folder = yield* scratchFolder
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>dashboard</title>')
  const { sim } = yield* startProviders({ sim: {} })
  const box = yield* startBox({ admin: {}, providers: { sim: { url: sim.url } }, server: { dashboard: folder } })
  const pages = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>a page</title>')
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void pages.listen(0, '127.0.0.1', () => resume(Effect.void))),
    () =>
      Effect.sync(() => {
        pages.closeAllConnections()
        pages.close()
      }),
  )
  const browser = yield* Chrome
  const context = yield* Effect.acquireRelease(
    Effect.promise(() => browser.newContext()),
    (opened) => Effect.promise(() => opened.close()),
  )
  const page = yield* Effect.promise(() => context.newPage())
  const origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`
  yield* Effect.promise(() => page.goto(`${origin}/`))
  /** Status by request, of what the box was asked. */
  const answered: [request: string, status: number][] = []
  context.on('response', (response) => {
    const url = new URL(response.url())
    if (url.origin === box.url) answered.push([`${response.request().method()} ${url.pathname}`, response.status()])
  })
  const before = (yield* box.events).length
  const isUntouched = Effect.gen(function* () {
    expect(sim.requests).toEqual([])
    expect((yield* box.events).slice(before)).toEqual([])
  })
  return { box, page, answered, isUntouched }
})

/** Everything that a page may load without asking first. */
const loadAll = (page: Page, base: string): Effect.Effect<readonly string[]> =>
  Effect.promise(() =>
    page.evaluate(
      async ([url, body]) => {
        const seen: string[] = []
        const over = (element: HTMLElement): Promise<void> =>
          new Promise((resolve) => {
            const name = element.tagName.toLowerCase()
            element.addEventListener('load', () => resolve(void seen.push(`${name} loads`)))
            element.addEventListener('error', () => resolve())
            document.body.append(element)
          })
        const made = <K extends keyof HTMLElementTagNameMap>(name: K, more: object) =>
          Object.assign(document.createElement(name), more)
        for (const path of ['/', '/health', '/metrics', '/v1/models', '/livez', '/admin/openapi.json']) {
          await fetch(`${url}${path}`, { mode: 'no-cors', credentials: 'include' }).catch(() => undefined)
          await fetch(`${url}${path}`).then(
            async (response) => void seen.push(`read ${await response.text()}`),
            () => undefined,
          )
          await over(made('script', { src: `${url}${path}` }))
          await over(made('link', { rel: 'stylesheet', href: `${url}${path}` }))
          await over(made('img', { src: `${url}${path}` }))
        }
        for (const type of ['text/plain', 'application/json']) {
          const blob = new Blob([body], { type })
          navigator.sendBeacon(`${url}/v1/messages`, blob)
          await fetch(`${url}/v1/messages`, { method: 'POST', body: blob, mode: 'no-cors' }).catch(() => undefined)
        }
        return seen
      },
      [base, JSON.stringify(callBody())] as const,
    ),
  )

layer(Chrome.layer, { excludeTestServices: true, timeout: 120_000 })('a page on another port of this machine', (it) => {
  it.effect(
    'is answered nothing but refusals, and makes nobody be asked, whatever it loads',
    () =>
      Effect.gen(function* () {
        const { box, page, answered, isUntouched } = yield* setUp
        expect(yield* loadAll(page, box.url)).toEqual([])
        expect(answered.filter(([, status]) => status < 400)).toEqual([])
        expect(answered.length).toBeGreaterThan(5)
        yield* isUntouched
      }),
    60_000,
  )

  it.effect(
    'has nothing fetched in advance, as a page from anywhere',
    () =>
      Effect.gen(function* () {
        const { box, page, answered, isUntouched } = yield* setUp
        const other = box.url.replace('127.0.0.1', 'localhost')
        for (const base of [box.url, other]) {
          yield* Effect.promise(() =>
            page.evaluate((url) => {
              const urls = ['/', '/metrics', '/v1/models', '/admin/openapi.json'].map((path) => `${url}${path}`)
              const rules = { prefetch: [{ source: 'list', urls }] }
              const script = Object.assign(document.createElement('script'), { type: 'speculationrules' })
              script.textContent = JSON.stringify(rules)
              document.head.append(script)
              for (const href of urls)
                document.head.append(Object.assign(document.createElement('link'), { rel: 'prefetch', href }))
            }, base),
          )
        }
        yield* Effect.promise(() => expect.poll(() => answered.length, { timeout: 10_000 }).toBeGreaterThan(3))
        yield* Effect.sleep(500)
        expect(answered.filter(([, status]) => status < 400)).toEqual([])
        yield* isUntouched
      }),
    60_000,
  )

  it.effect(
    'has no hold of the dashboard that it opens in a window',
    () =>
      Effect.gen(function* () {
        const { box, page } = yield* setUp
        const opened = yield* Effect.promise(async () => {
          const [popup] = await Promise.all([
            page.waitForEvent('popup'),
            page.evaluate((url) => {
              Reflect.set(window, 'box', window.open(`${url}/`, 'box'))
            }, box.url),
          ])
          await popup.waitForLoadState()
          return { title: await popup.title(), opener: await popup.evaluate(() => window.opener === null) }
        })
        expect(opened).toEqual({ title: 'dashboard', opener: true })
        expect(yield* Effect.promise(() => page.evaluate(() => Reflect.get(window, 'box').closed))).toBe(true)
      }),
    60_000,
  )
})
