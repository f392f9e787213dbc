/**
 * A hard budget of a whole process over real sockets: what it refuses and how, what a `kill -9` loses of it (nothing), and what a
 * budget knows that the configuration names later.
 */
import { writeFileSync } from 'node:fs'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { stall } from '#infra/simulator/script.ts'
import { configOf, startProcess } from '#test/signalbox-process.ts'
import { startProviders } from '#test/simulator.ts'

/** USD per million tokens, the same for all of them. */
const price = { input: 100, output: 100, cacheRead: 100, cacheWrite5m: 100, cacheWrite1h: 100 }
const body = (maxTokens: number) =>
  JSON.stringify({
    ...{ model: 'claude-sonnet-5-5', stream: true, max_tokens: maxTokens },
    messages: [{ role: 'user', content: 'Hello' }],
  })
const ask = (url: string, maxTokens: number) =>
  Effect.promise(() =>
    fetch(`${url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', authorization: 'Bearer any' },
      body: body(maxTokens),
    }),
  )

const configWith = (provider: { readonly id: string; readonly url: string }, budgets: object) => {
  const { providers, ...rest } = configOf(provider)
  return {
    ...rest,
    healthChecks: { interval: 0 },
    providers: { [provider.id]: { ...providers[provider.id], prices: { '*': price } } },
    budgets,
  }
}

describe('a hard budget', () => {
  it.live(
    'survives kill -9 with a request under way, and refuses what does not fit any more',
    () =>
      Effect.gen(function* () {
        const { slow } = yield* startProviders({ slow: { script: [stall({ events: 1 })] } })
        // 10,000 tokens of output may cost one dollar.
        const config = configWith(slow, { daily: { period: 'day', usd: 1.5, action: 'refuse' } })
        const first = yield* startProcess({ config })
        const hanging = yield* Effect.forkScoped(Effect.result(ask(first.url, 10_000)))
        const reserved = yield* Effect.repeat(first.events, {
          until: (events) => events.some(({ event }) => event._tag === 'AttemptStarted'),
        })
        const started = reserved.map(({ event }) => event).find((event) => event._tag === 'AttemptStarted')
        expect(started?.reservedNanoUsd).toBeGreaterThan(1e9)
        const refused = yield* ask(first.url, 10_000)
        expect(refused.status).toBe(429)
        expect(refused.headers.get('retry-after')).toBe('5')
        first.signal('SIGKILL')
        yield* first.exited
        yield* hanging.pipe((fiber) => Effect.sync(() => fiber.interruptUnsafe()))

        const second = yield* startProcess({ config, folder: first.folder })
        const events = yield* second.events
        const abandoned = events.map(({ event }) => event).find((event) => event._tag === 'RequestAbandoned')
        expect(abandoned?.costNanoUsd).toBe(started?.expectedNanoUsd)
        // What it held back is free again, what it probably cost is spent.
        const served = yield* ask(second.url, 10_000)
        expect(served.status).toBe(200)
        yield* Effect.promise(() => served.text())
        const last = yield* ask(second.url, 15_000)
        expect(last.status).toBe(429)
        expect(last.headers.get('x-should-retry')).toBe('false')
        expect(yield* Effect.promise(() => last.text())).toContain('The budget daily has nothing left')
        expect(yield* second.replayDifference).toBeUndefined()
      }),
    60_000,
  )

  it.live(
    'that the configuration names later starts with what was spent before',
    () =>
      Effect.gen(function* () {
        const { plain } = yield* startProviders({ plain: {} })
        const box = yield* startProcess({ config: configWith(plain, {}) })
        for (const _ of [1, 2, 3])
          yield* Effect.promise(async () => (await ask(box.url, 50).pipe(Effect.runPromise)).text())
        const costs = (yield* box.events).flatMap(({ event }) =>
          event._tag === 'AttemptSucceeded' ? [event.costNanoUsd ?? 0] : [],
        )
        expect(costs).toHaveLength(3)
        writeFileSync(
          box.configFile,
          JSON.stringify(
            configWith(plain, { daily: { period: 'day', usd: 100 }, each: { period: 'day', usd: 9, each: 'session' } }),
          ),
        )
        const seeds = yield* Effect.repeat(Effect.delay(box.events, 100), {
          until: (events) => events.filter(({ event }) => event._tag === 'BudgetSeeded').length >= 2,
        })
        const spent = costs.reduce((sum, one) => sum + one, 0)
        expect(seeds.map(({ event }) => event).filter((event) => event._tag === 'BudgetSeeded')).toMatchObject([
          { budget: 'daily', subject: '', spentNanoUsd: spent },
          { budget: 'each', subject: '', spentNanoUsd: spent },
        ])
        expect(yield* box.replayDifference).toBeUndefined()
      }),
    60_000,
  )
})
