import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import * as refusals from '#infra/simulator/refusals.ts'
import { answer } from '#infra/simulator/script.ts'
import type { SimulatorOptions } from '#infra/simulator/simulator.ts'
import { chatBody, dataOf, postJson, startProviders } from '#test/simulator.ts'

const HEADERS = { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' }
const CHAT = '/inference/chat/completions'
const body = (more: object = {}) => chatBody({ model: 'openai/gpt-4.1', max_tokens: 100, ...more })
const fixture = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../fixtures/github-models/${name}.json`, import.meta.url), 'utf8'))

const ask = (
  send: object = body(),
  more: Partial<SimulatorOptions> = {},
  headers: Record<string, string> = HEADERS,
  path = CHAT,
) =>
  Effect.gen(function* () {
    const { sim } = yield* startProviders({ sim: { wire: 'github-models', ...more } })
    return yield* postJson(`${sim.url}${path}`, send, headers)
  })

describe('GitHub Models', () => {
  it.live('answers for a user and for an organization, without quota headers', () =>
    Effect.gen(function* () {
      const user = yield* ask()
      expect(user.status).toBe(200)
      for (const [name] of user.headers) expect(name).not.toContain('ratelimit')
      const organization = yield* ask(
        body({ stream: true }),
        { script: [answer('Hello')] },
        HEADERS,
        `/orgs/acme${CHAT}`,
      )
      expect(dataOf(organization.text).at(-1)).toBe('[DONE]')
      expect(organization.text).toContain('Hello')
    }),
  )

  it.live('lists its catalogue', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { wire: 'github-models', models: ['openai/gpt-4.1'] } })
      const list = yield* Effect.promise(async () =>
        (await fetch(`${sim.url}/catalog/models`, { headers: HEADERS })).json(),
      )
      expect(list).toMatchObject([{ id: 'openai/gpt-4.1', publisher: 'openai' }])
    }),
  )

  const wrong: readonly (readonly [string, object, Record<string, string>, number])[] = [
    ['without the version of the API', body(), { accept: HEADERS.accept }, 400],
    ['with another version', body(), { ...HEADERS, 'x-github-api-version': '2020-01-01' }, 400],
    ['that accepts no answer of GitHub', body(), { ...HEADERS, accept: 'text/html' }, 400],
    ['without the publisher of the model', body({ model: 'gpt-4.1' }), HEADERS, 404],
    ['for Claude', body({ model: 'anthropic/claude-opus-5.5' }), HEADERS, 404],
    ['with max_tokens for a reasoning model', body({ model: 'openai/gpt-5' }), HEADERS, 400],
    ['with an unknown field', body({ top_k: 4 }), HEADERS, 400],
  ]
  it.live.each(wrong)('refuses a request %s', ([, send, headers, status]) =>
    Effect.gen(function* () {
      expect((yield* ask(send, {}, headers)).status).toBe(status)
    }),
  )

  it.live('checks the token', () =>
    Effect.gen(function* () {
      const apiKeys = ['right']
      expect((yield* ask(body(), { apiKeys })).json).toMatchObject({ error: { code: 'unauthorized' } })
      expect((yield* ask(body(), { apiKeys }, { ...HEADERS, authorization: 'Bearer right' })).status).toBe(200)
    }),
  )

  it.live('takes prompts of 8,000 tokens at most', () =>
    Effect.gen(function* () {
      const long = (tokens: number) =>
        body({ model: 'openai/gpt-4o', messages: [{ role: 'user', content: 'x'.repeat(tokens * 4) }] })
      expect((yield* ask(long(7_900))).status).toBe(200)
      const refused = yield* ask(long(8_100))
      const real = fixture('413.historical')
      expect(refused.status).toBe(real.status)
      expect(refused.json).toEqual(real.body)
      expect((yield* ask(long(8_100), { maxInputTokens: 16_000 })).status).toBe(200)
    }),
  )

  it.live('refuses what is above its limits, by minute and by day', () =>
    Effect.gen(function* () {
      const real = fixture('429.historical')
      const daily = yield* ask(body(), { script: [refusals.rateLimited({ perMinute: 50, retryAfterSeconds: 5_631 })] })
      expect(daily.status).toBe(429)
      expect(daily.json).toEqual(real.body)
      for (const header of ['retry-after', 'x-ratelimit-type'])
        expect(daily.headers.get(header)).toBe(real.headers[header])

      const limits = { requestsPerMinute: 1, inputTokensPerMinute: 9_000, outputTokensPerMinute: 9_000 }
      const { sim } = yield* startProviders({ sim: { wire: 'github-models', limits } })
      yield* postJson(sim.url + CHAT, body(), HEADERS)
      const minute = yield* postJson(sim.url + CHAT, body(), HEADERS)
      expect(minute.headers.get('x-ratelimit-type')).toBe('UserByModelByMinute')
      expect(minute.json).toMatchObject({
        error: {
          message: expect.stringMatching(
            /^Rate limit of 1 per 60s exceeded for UserByModelByMinute\. Please wait \d+ seconds/,
          ),
        },
      })
    }),
  )

  it.live('is gone: 410 with the words of the brownout, on every path', () =>
    Effect.gen(function* () {
      const real = fixture('410.retired')
      for (const path of [CHAT, '/catalog/models']) {
        const gone = yield* ask(body(), { retired: true }, {}, path)
        expect(gone.status).toBe(410)
        expect(gone.json).toEqual(real.body)
      }
    }),
  )

  it.live('announces its end to strangers: an empty 403 that its headers explain', () =>
    Effect.gen(function* () {
      const refused = yield* ask(body(), { retired: 'forbidden' })
      expect([refused.status, refused.text]).toEqual([403, ''])
      expect(refused.headers.get('deprecation')).toBe('@1777939200')
      expect(refused.headers.get('sunset')).toBe('Thu, 30 Jul 2026 00:00:00 GMT')
      expect(refused.headers.get('link')).toMatch(/^<https:.*>; rel="deprecation"$/)
    }),
  )
})
