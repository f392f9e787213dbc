/**
 * `npm run screenshots`: pictures of the dashboard for README and docs/dashboard.md, from a demo that is the same each time but
 * for its date: some days of a seeded log, then half a minute of live traffic through simulated providers, one of which fails.
 */
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Chromium from '@sparticuz/chromium'
import { Effect, Schedule } from 'effect'
import { chromium, type Page } from 'playwright-core'
import { EventLog } from '#actors/ports.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { serverError } from '#infra/simulator/refusals.ts'
import { startSimulator } from '#infra/simulator/simulator.ts'
import { configOf, scratchFolder, startProcess } from '#test/signalbox-process.ts'
import { callBody } from '#test/simulator.ts'
import { send } from '../test/e2e/http-client.ts'
import { readOptions } from './options.ts'
import { pastDays } from './screenshots/past-days.ts'

const HELP = `npm run screenshots

Writes docs/images/*.png from a seeded demo run, in about a minute.`

const FOLDER = fileURLToPath(new URL('../docs/images', import.meta.url))
const TOKEN = 'the-token-of-the-screenshots'
/** GitHub shows pictures as wide as the text; larger files make a page slow for nothing. */
const MOST_BYTES = 200_000
const BATCH = 500

const world = (median: number, tokensPerSecond: number) => ({
  firstTokenMs: { median, sigma: 0.35 },
  tokensPerSecond: { median: tokensPerSecond, sigma: 0.15 },
  answerTokens: { median: 60, sigma: 0.4 },
  failures: { rateLimitedShare: 0, overloadedShare: 0.02, serverErrorShare: 0, droppedShare: 0 },
})

const startProviders = Effect.gen(function* () {
  const small = { requestsPerMinute: 120, inputTokensPerMinute: 400_000, outputTokensPerMinute: 40_000 }
  const large = { requestsPerMinute: 1_000, inputTokensPerMinute: 2_000_000, outputTokensPerMinute: 400_000 }
  const vertex = yield* startSimulator({ id: 'vertex', seed: 1, world: world(300, 180), limits: small })
  const anthropic = yield* startSimulator({ id: 'anthropic', seed: 2, world: world(450, 140), limits: large })
  const openrouter = yield* startSimulator({ id: 'openrouter', seed: 3, world: world(900, 70), limits: large })
  return [vertex, anthropic, openrouter] as const
})

const seed = (path: string) =>
  EventLog.use((log) =>
    Effect.gen(function* () {
      const events = pastDays(Date.now())
      for (let start = 0; start < events.length; start += BATCH) yield* log.append(events.slice(start, start + BATCH))
    }),
  ).pipe(Effect.provide(layerSqlite({ path }), { local: true }))

const MODELS = ['claude-sonnet-5-5', 'claude-opus-5-5', 'claude-haiku-4-5']

/** One model call of one of four sessions. */
const callNumber = (port: number, n: number) =>
  send(port, {
    body: callBody({
      model: MODELS[n % MODELS.length],
      stream: true,
      messages: [{ role: 'user', content: `Please look at this. ${'word '.repeat(200 + (n % 7) * 80)}` }],
    }),
    headers: [
      ['content-type', 'application/json'],
      ['x-claude-code-session-id', `session-of-the-demo-${n % 4}`],
      ['x-signalbox-project', n % 3 === 0 ? 'backend' : 'website'],
      ...(n % 4 === 1 ? [['x-claude-code-agent-id', 'explore'] as const] : []),
    ],
  })

/** `times` calls, so many at once. */
const traffic = (port: number, from: number, times: number) =>
  Effect.forEach(
    Array.from({ length: times }, (_, index) => from + index),
    (n) => callNumber(port, n),
    { concurrency: 5, discard: true },
  )

const shoot = (page: Page, url: string, name: string, path: string, height: number) =>
  Effect.promise(async () => {
    await page.setViewportSize({ width: 1440, height })
    await page.goto(`${url}/#/${path}`)
    await page.locator('main h1').waitFor()
    await page.waitForFunction(() => !document.body.innerText.includes('Loading '))
    // Charts are drawn in the frame after their data has come.
    await page.waitForTimeout(1_500)
    const file = join(FOLDER, `${name}.png`)
    await page.screenshot({ path: file })
    const { size } = statSync(file)
    if (size > MOST_BYTES) throw new Error(`${name}.png has ${size} bytes, more than ${MOST_BYTES}`)
    console.log(`docs/images/${name}.png  ${Math.round(size / 1_000)} kB`)
  })

const main = Effect.gen(function* () {
  mkdirSync(FOLDER, { recursive: true })
  const folder = yield* scratchFolder
  yield* seed(join(folder, 'log.db'))
  const [vertex, anthropic, openrouter] = yield* startProviders
  const box = yield* startProcess({
    folder,
    config: {
      ...configOf(vertex, anthropic, openrouter),
      routing: { strategy: 'intelligent' },
      budgets: { month: { period: 'month', usd: 400 }, website: { period: 'day', usd: 30, project: 'website' } },
    },
    environment: { SIGNALBOX_ADMIN_TOKEN: TOKEN },
  })
  yield* traffic(box.port, 0, 60)
  const browser = yield* Effect.acquireRelease(
    Effect.promise(async () =>
      chromium.launch({ executablePath: await Chromium.executablePath(), args: ['--no-sandbox', '--disable-gpu'] }),
    ),
    (launched) => Effect.promise(() => launched.close()),
  )
  const page = yield* Effect.promise(() =>
    browser.newPage({ locale: 'en-GB', timezoneId: 'UTC', colorScheme: 'light', reducedMotion: 'reduce' }),
  )
  yield* Effect.promise(() => page.goto(`${box.url}/#token=${TOKEN}`))
  vertex.script([{ times: 6, step: serverError() }])
  const opened = Effect.map(box.events, (all) => all.some(({ event }) => event._tag === 'CircuitOpened'))
  yield* Effect.repeat(traffic(box.port, 60, 5), { schedule: Schedule.recurs(30), until: () => opened })
  // Something is under way on every picture.
  yield* Effect.forkChild(Effect.forever(traffic(box.port, 90, 10)))
  const failed = (yield* box.events).findLast(({ event }) => event._tag === 'AttemptFailed')
  yield* shoot(page, box.url, 'providers', 'providers', 900)
  yield* shoot(page, box.url, 'overview', 'overview', 1_000)
  yield* shoot(page, box.url, 'request', `requests/${failed?.correlation}`, 1_000)
  yield* shoot(page, box.url, 'costs', 'costs', 1_150)
  yield* shoot(page, box.url, 'routing', 'routing', 1_000)
})

readOptions(HELP, {})
await Effect.runPromise(Effect.scoped(main))
