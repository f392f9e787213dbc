/**
 * A real Chromium on the dashboard of a real Signalbox process. Whatever a page complains about, and whatever it asks of
 * anybody but its box, is noted, so that every test can say that there was nothing.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import Chromium from '@sparticuz/chromium'
import { Context, Effect, Layer, Schedule, type Scope } from 'effect'
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core'
import { expect } from 'vitest'
import { ask } from '#test/admin.ts'
import { type ProcessOptions, startProcess } from '#test/signalbox-process.ts'
import { callBody } from '#test/simulator.ts'
import { send } from '../e2e/http-client.ts'

export const TOKEN = 'the-token-of-the-dashboard-tests'

const BUILD = fileURLToPath(new URL('../../scripts/build-dashboard.mjs', import.meta.url))

export type Box = Effect.Success<ReturnType<typeof startBox>>

/** A process with the dashboard as its sources are now. */
export const startBox = (options: ProcessOptions) =>
  Effect.gen(function* () {
    const built = spawnSync(process.execPath, [BUILD], { stdio: ['ignore', 'ignore', 'inherit'] })
    if (built.status !== 0) return yield* Effect.die(new Error('the dashboard does not build'))
    return yield* startProcess({
      ...options,
      environment: {
        SIGNALBOX_ADMIN_TOKEN: TOKEN,
        ...options.environment,
      },
    })
  })

/** What the admin API answers. */
export const asked = <A>(box: Box, path: string): Effect.Effect<A> =>
  Effect.map(ask(box, path, { token: TOKEN }), ({ status, body }) => {
    expect(status, path).toBe(200)
    return body as A
  })

/** The answer to a model call, as a conversation of Claude Code makes it. */
export const call = (box: Box, headers: Readonly<Record<string, string>> = {}, body: object = {}) =>
  Effect.map(
    send(box.port, {
      body: callBody({ stream: true, ...body }),
      headers: [['content-type', 'application/json'], ...Object.entries(headers)],
    }),
    (answer) => ({ ...answer, provider: answer.headers.find(([name]) => name === 'x-signalbox-provider')?.[1] }),
  )

export class Chrome extends Context.Service<Chrome, Browser>()('signalbox/test/Chrome') {
  static readonly layer = Layer.effect(
    Chrome,
    Effect.acquireRelease(
      // The first use unpacks the browser; who comes meanwhile finds half of it, and tries again.
      Effect.tryPromise(async () =>
        chromium.launch({ executablePath: await Chromium.executablePath(), args: ['--no-sandbox', '--disable-gpu'] }),
      ).pipe(Effect.retry({ schedule: Schedule.spaced(500), times: 40 }), Effect.orDie),
      (browser) => Effect.promise(() => browser.close()),
    ),
  )
}

export interface View {
  readonly page: Page
  /** Errors in the console and in scripts, by text. */
  readonly problems: readonly string[]
  /** URLs of requests to other origins. */
  readonly foreign: readonly string[]
}

export interface Look {
  /** With its leading `#/`; default: the overview. */
  readonly at?: string
  /** Null: without one. */
  readonly token?: string | null
  readonly width?: 390 | 1440
  readonly colourScheme?: 'light' | 'dark'
  readonly context?: BrowserContextOptions
}

/** A page in a context of its own, as after a click on the link that the process printed. */
export const look = (box: Box, options: Look = {}): Effect.Effect<View, never, Chrome | Scope.Scope> =>
  Effect.gen(function* () {
    const browser = yield* Chrome
    const { at = '#/', token = TOKEN, width = 1440, colourScheme = 'light' } = options
    const context = yield* Effect.acquireRelease(
      Effect.promise(() =>
        browser.newContext({
          viewport: { width, height: 900 },
          colorScheme: colourScheme,
          locale: 'en-GB',
          timezoneId: 'UTC',
          reducedMotion: 'reduce',
          ...options.context,
        }),
      ),
      (opened) => Effect.promise(() => opened.close()),
    )
    context.setDefaultTimeout(8_000)
    const page = yield* Effect.promise(() => context.newPage())
    const problems: string[] = []
    const foreign: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text())
    })
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('request', (request) => {
      const { origin, protocol } = new URL(request.url())
      if (origin !== box.url && protocol !== 'data:') foreign.push(request.url())
    })
    const link = token === null ? at : `${at}${at.includes('?') ? '&' : '?'}token=${token}`
    yield* Effect.promise(() => page.goto(`${box.url}/${link}`))
    return { page, problems, foreign }
  })

/** The figure of a tile or a sentence. */
export const figure = (page: Page, name: string): Locator =>
  page.locator(`[data-figure="${name}"] .value, :not(.tile)[data-figure="${name}"]`)

/** Waits until it says so. */
export const says = (locator: Locator, text: string | RegExp): Effect.Effect<void> =>
  Effect.promise(async () => {
    await expect
      .poll(async () => (await locator.first().textContent())?.replaceAll(/\s+/g, ' ').trim(), {
        timeout: 8_000,
        interval: 50,
      })
      [typeof text === 'string' ? 'toBe' : 'toMatch'](text)
  })

export const act = <A>(step: () => Promise<A>): Effect.Effect<A> => Effect.promise(step)

/** The cells of a table by its caption, row by row, as they are read. */
export const cells = (page: Page, caption: string | RegExp): Effect.Effect<readonly (readonly string[])[]> =>
  act(async () => {
    const rows = page
      .locator('table')
      .filter({ has: page.locator('caption', { hasText: caption }) })
      .locator('tbody tr')
    await rows.first().waitFor()
    return rows.evaluateAll((all) =>
      all.map((row) =>
        [...row.querySelectorAll('th, td')].map((cell) => (cell.textContent ?? '').replaceAll(/\s+/g, ' ').trim()),
      ),
    )
  })

/** To be said at the end of every look. */
export const expectCalm = ({ problems, foreign }: View): void => {
  expect(problems).toEqual([])
  expect(foreign).toEqual([])
}
