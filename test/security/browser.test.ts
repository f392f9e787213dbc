/**
 * Pages that mean ill, in a real Chromium: one on another origin, and one whose name is re-bound to the box while it is open. Whatever
 * they try, nothing is changed and nothing can be read.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, layer } from '@effect/vitest'
import Chromium from '@sparticuz/chromium'
import { Context, Effect, Layer, Schedule, type Scope } from 'effect'
import { type Browser, chromium, type Page } from 'playwright-core'
import { ADMIN_TOKEN, type RunningBox, startBox } from '#test/server.ts'
import { scratchFolder } from '#test/signalbox-process.ts'
import { callBody, startProviders } from '#test/simulator.ts'

/** Names that lead to this machine, as a stranger's DNS may say. */
const NAMES = ['evil.test', 'ops.test', 'rebound.test']

class Chrome extends Context.Service<Chrome, Browser>()('signalbox/test/security/Chrome') {
  static readonly layer = Layer.effect(
    Chrome,
    Effect.acquireRelease(
      // The first use unpacks the browser; who comes meanwhile finds half of it, and tries again.
      Effect.tryPromise(async () =>
        chromium.launch({
          executablePath: await Chromium.executablePath(),
          args: [
            '--no-sandbox',
            '--disable-gpu',
            `--host-resolver-rules=${NAMES.map((name) => `MAP ${name} 127.0.0.1`).join(', ')}`,
            // What the browser itself does against pages that reach into networks is not what is tested.
            '--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessSendPreflights',
          ],
        }),
      ).pipe(Effect.retry({ schedule: Schedule.spaced(500), times: 40 }), Effect.orDie),
      (browser) => Effect.promise(() => browser.close()),
    ),
  )
}

/** A box with all that a page could want, and a page at one of the names. */
const setUp = (name: string) =>
  Effect.gen(function* () {
    const folder = yield* scratchFolder
    mkdirSync(join(folder, 'assets'))
    writeFileSync(join(folder, 'index.html'), '<!doctype html><title>dashboard</title>')
    const { sim } = yield* startProviders({ sim: {} })
    const port = yield* pageServer
    const box = yield* startBox({
      admin: { corsOrigins: [`http://ops.test:${port}`] },
      operator: true,
      providers: { sim: { url: sim.url } },
      server: { dashboard: folder },
    })
    const page = yield* pageAt(`http://${name}:${port}/`)
    const before = (yield* box.events).length
    /** Nothing was asked of the provider, nothing written into the log. */
    const isUntouched = Effect.gen(function* () {
      expect(sim.requests).toEqual([])
      expect((yield* box.events).slice(before)).toEqual([])
    })
    return { sim, box, page, isUntouched }
  })

/** An empty page, whatever is asked. */
const pageServer: Effect.Effect<number, never, Scope.Scope> = Effect.gen(function* () {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>a page</title>')
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, '127.0.0.1', () => resume(Effect.void))),
    () =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      }),
  )
  return (server.address() as AddressInfo).port
})

const pageAt = (url: string) =>
  Effect.gen(function* () {
    const context = yield* Effect.acquireRelease(
      Effect.flatMap(Chrome, (browser) => Effect.promise(() => browser.newContext())),
      (opened) => Effect.promise(() => opened.close()),
    )
    const page = yield* Effect.promise(() => context.newPage())
    yield* Effect.promise(() => page.goto(url))
    return page
  })

/** Of `fetch`. */
interface Init {
  readonly method?: string
  readonly body?: string
  readonly headers?: { readonly [name: string]: string }
  readonly mode?: 'no-cors'
  readonly credentials?: 'include'
  readonly keepalive?: boolean
}

interface Try {
  readonly path: string
  readonly init: Init
}

interface Got {
  /** As the page sees it: `opaque` cannot be read, `error` is none. */
  readonly type: string
  readonly status: number
  readonly text: string
}

/** A fetch from inside the page. */
const fetchIn = (page: Page, base: string, { path, init }: Try): Effect.Effect<Got> =>
  Effect.promise(() =>
    page.evaluate(
      async ([url, options]) => {
        try {
          const response = await fetch(url, options)
          return { type: response.type, status: response.status, text: await response.text() }
        } catch {
          return { type: 'error', status: 0, text: '' }
        }
      },
      [`${base}${path}`, init] as const,
    ),
  )

const BODY = JSON.stringify(callBody())
const DRAIN = '/admin/providers/sim/drain'
const PATHS = [
  '/',
  '/health',
  '/metrics',
  '/readyz',
  '/v1/models',
  '/admin/stats',
  '/admin/openapi.json',
  '/admin/docs',
]
const bearer = { authorization: `Bearer ${ADMIN_TOKEN}` }
const json = { 'content-type': 'application/json' }
const text = { 'content-type': 'text/plain' }

/** Everything a page may send: with and without asking first, with the token that it should not have, as a form does. */
const TRIES: readonly Try[] = [
  ...PATHS.flatMap((path): readonly Try[] => [
    { path, init: {} },
    { path, init: { mode: 'no-cors' } },
    { path, init: { credentials: 'include' } },
    { path, init: { headers: bearer } },
    { path, init: { method: 'HEAD' } },
  ]),
  ...['/v1/messages', '/v1/messages/count_tokens'].flatMap((path): readonly Try[] => [
    { path, init: { method: 'POST', body: BODY, headers: json } },
    { path, init: { method: 'POST', body: BODY, headers: text } },
    { path, init: { method: 'POST', body: BODY, headers: text, mode: 'no-cors' } },
    { path, init: { method: 'POST', body: BODY, mode: 'no-cors', keepalive: true } },
    { path, init: { method: 'POST', body: BODY, headers: { ...json, 'x-api-key': 'guess' } } },
  ]),
  ...[DRAIN, '/admin/keys', '/admin/route'].flatMap((path): readonly Try[] => [
    { path, init: { method: 'POST', body: '{"name":"mine"}', headers: { ...json, ...bearer } } },
    { path, init: { method: 'POST', body: '{"name":"mine"}', headers: text, mode: 'no-cors' } },
    { path, init: { method: 'POST', body: '{"name":"mine"}', headers: { ...text, ...bearer } } },
  ]),
  { path: '/admin/routing', init: { method: 'PUT', body: '{"strategy":"cost"}', headers: { ...json, ...bearer } } },
]

/** What a page does beside `fetch`, each told by how it ended; `read` is what could be read of it. */
const otherWays = (page: Page, base: string) =>
  Effect.promise(() =>
    page.evaluate(
      async ([url, drain, body]) => {
        const ended = (element: HTMLElement): Promise<string> =>
          new Promise((resolve) => {
            element.addEventListener('load', () => resolve('load'))
            element.addEventListener('error', () => resolve('error'))
            document.body.append(element)
          })
        const made = <K extends keyof HTMLElementTagNameMap>(name: K, more: object) =>
          Object.assign(document.createElement(name), more)

        const image = await ended(made('img', { src: `${url}/metrics` }))
        const script = await ended(made('script', { src: `${url}/admin/openapi.json` }))
        const style = await ended(made('link', { rel: 'stylesheet', href: `${url}/health` }))

        const frame = made('iframe', { src: `${url}/`, name: 'box' })
        await ended(frame)
        let read = ''
        try {
          read += frame.contentDocument?.documentElement.textContent ?? ''
        } catch {
          read += ''
        }

        // A form can send text that is JSON, if the body may end in a `=`.
        for (const path of [drain, '/v1/messages']) {
          for (const enctype of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
            const form = made('form', { action: `${url}${path}`, method: 'POST', enctype, target: 'box' })
            form.append(made('input', { name: body, value: '' }))
            document.body.append(form)
            const answered = new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }))
            form.submit()
            await answered
          }
        }

        const beacon = navigator.sendBeacon(`${url}/v1/messages`, new Blob([body], { type: 'text/plain' }))
        const events = await new Promise<string>((resolve) => {
          const source = new EventSource(`${url}/admin/events/live`)
          source.onerror = () => resolve('error')
          source.onmessage = ({ data }) => resolve(String(data))
        })
        const socket = await new Promise<string>((resolve) => {
          const opened = new WebSocket(url.replace('http', 'ws'))
          opened.onopen = () => resolve('open')
          opened.onerror = () => resolve('error')
        })
        return { image, script, style, read, events, socket, beacon }
      },
      [base, DRAIN, BODY] as const,
    ),
  )

/** What a box tells of itself; its refusals tell nothing of the kind. */
const TELLING = /signalbox_|"providers"|"strategy"|alpha|openapi|claude-|dashboard|"status":"(ok|ready|alive)"/

layer(Chrome.layer, { excludeTestServices: true, timeout: 120_000 })('in a real browser', (it) => {
  describe('a page on another origin', () => {
    it.effect(
      'reads nothing and changes nothing by whatever it fetches, with the admin token too',
      () =>
        Effect.gen(function* () {
          const { box, page, isUntouched } = yield* setUp('evil.test')
          for (const base of [box.url, `http://localhost:${box.port}`, `http://0.0.0.0:${box.port}`]) {
            for (const attempt of TRIES) {
              const got = yield* fetchIn(page, base, attempt)
              expect([base, attempt, got]).toEqual([base, attempt, { type: got.type, status: 0, text: '' }])
              expect(['error', 'opaque']).toContain(got.type)
            }
          }
          yield* isUntouched
        }),
      60_000,
    )

    it.effect(
      'reads nothing and changes nothing by images, scripts, frames, forms, beacons, event streams and sockets',
      () =>
        Effect.gen(function* () {
          const { box, page, isUntouched } = yield* setUp('evil.test')
          const got = yield* otherWays(page, box.url)
          expect(got).toMatchObject({ image: 'error', script: 'error', read: '', events: 'error', socket: 'error' })
          yield* isUntouched
        }),
      60_000,
    )

    it.effect(
      'may lead to the page of the dashboard, which asks for a token, and to nothing else',
      () =>
        Effect.gen(function* () {
          const { box, page, isUntouched } = yield* setUp('evil.test')
          const home = page.url()
          /** What a click on a link there leads to. */
          const follow = (path: string) =>
            Effect.promise(async () => {
              const to = `${box.url}${path}`
              await page.goto(home)
              const [response] = await Promise.all([
                page.waitForResponse((one) => one.url() === to),
                page.evaluate((url) => {
                  location.href = url
                }, to),
              ])
              await page.waitForURL(to)
              return response.status()
            })
          for (const path of ['/admin/openapi.json', '/admin/docs', '/metrics', '/health', '/v1/models']) {
            expect([path, yield* follow(path)]).toEqual([path, 403])
          }
          expect(yield* follow('/')).toBe(200)
          yield* isUntouched
        }),
      60_000,
    )

    it.effect(
      'that the operator named may call the admin API with the token, and nothing else: the test can fail',
      () =>
        Effect.gen(function* () {
          const { box, page, sim } = yield* setUp('ops.test')
          const stats = yield* fetchIn(page, box.url, { path: '/admin/stats', init: { headers: bearer } })
          expect([stats.type, stats.status]).toEqual(['cors', 200])
          const drained = yield* fetchIn(page, box.url, {
            path: DRAIN,
            init: { method: 'POST', body: '{}', headers: { ...json, ...bearer } },
          })
          expect(drained.status).toBe(200)
          const none = yield* fetchIn(page, box.url, { path: '/admin/stats', init: {} })
          expect(none.status).toBe(401)
          for (const path of ['/metrics', '/health', '/v1/models', '/']) {
            expect((yield* fetchIn(page, box.url, { path, init: {} })).type).toBe('error')
          }
          const call = { path: '/v1/messages', init: { method: 'POST', body: BODY, headers: json } }
          expect((yield* fetchIn(page, box.url, call)).type).toBe('error')
          expect(sim.requests).toEqual([])
        }),
      60_000,
    )
  })

  describe('a page whose name is re-bound to the box', () => {
    /** It was loaded from its own server, before its name led here: from then on the box is its own origin. */
    const rebound = (box: RunningBox) =>
      Effect.gen(function* () {
        const page = yield* pageAt('about:blank')
        const own = `http://rebound.test:${box.port}`
        yield* Effect.promise(async () => {
          await page.route(`${own}/page`, (route) =>
            route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>a page</title>' }),
          )
          await page.goto(`${own}/page`)
        })
        return { page, own }
      })

    it.effect(
      'hears of every path that this host is not served, and of nothing else, with the admin token too',
      () =>
        Effect.gen(function* () {
          const { box, isUntouched } = yield* setUp('evil.test')
          const { page, own } = yield* rebound(box)
          for (const attempt of TRIES.filter(({ init }) => init.mode !== 'no-cors')) {
            const got = yield* fetchIn(page, own, attempt)
            expect([attempt, got.type, got.status]).toEqual([attempt, 'basic', 403])
            expect(got.text).not.toMatch(TELLING)
          }
          yield* isUntouched
        }),
      60_000,
    )

    it.effect(
      'gets no further by forms, frames, event streams and sockets of its own origin',
      () =>
        Effect.gen(function* () {
          const { box, isUntouched } = yield* setUp('evil.test')
          const { page, own } = yield* rebound(box)
          const got = yield* otherWays(page, own)
          expect(got).toMatchObject({ image: 'error', script: 'error', events: 'error', socket: 'error' })
          expect(got.read).not.toMatch(TELLING)
          yield* isUntouched
        }),
      60_000,
    )

    it.effect(
      'would be served if it had the name of this machine: the test can fail',
      () =>
        Effect.gen(function* () {
          const { box } = yield* setUp('evil.test')
          const page = yield* pageAt(`${box.url}/livez`)
          const got = yield* fetchIn(page, box.url, { path: '/health', init: {} })
          expect([got.status, TELLING.test(got.text)]).toEqual([200, true])
        }),
      60_000,
    )
  })
})
