/**
 * What Claude Code hears of quotas: the serving provider's own words, or else ours, from budgets.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { startBox } from '#test/server.ts'
import { startProviders } from '#test/simulator.ts'

const USD = 1e9
const budgets = [{ name: 'daily', period: 'day' as const, limitNanoUsd: 5 * USD }]

const unified = (headers: Headers): { readonly [name: string]: string } =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('anthropic-ratelimit-unified-')))

const ask = (url: string, stream: boolean) =>
  Effect.promise(async () => {
    const answer = await fetch(`${url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ model: 'claude-sonnet-5-5', max_tokens: 50, stream },
        messages: [{ role: 'user', content: 'Hello' }],
      }),
    })
    await answer.text()
    return unified(answer.headers)
  })

describe('an answer of a provider that says nothing of quotas', () => {
  it.live.each([true, false])('tells how much of the budget is used (streamed: %s)', (stream) =>
    Effect.gen(function* () {
      const { plain } = yield* startProviders({ plain: {} })
      const box = yield* startBox({ providers: { plain: { url: plain.url } }, budgets })
      const heard = yield* ask(box.url, stream)
      expect(heard).toMatchObject({
        'anthropic-ratelimit-unified-status': 'allowed',
        'anthropic-ratelimit-unified-5h-utilization': '0',
      })
      const resetAt = Number(heard['anthropic-ratelimit-unified-reset']) * 1_000
      expect(resetAt % 86_400_000).toBe(0)
    }),
  )

  it.live('says nothing without a budget, and nothing when that is switched off', () =>
    Effect.gen(function* () {
      const { plain } = yield* startProviders({ plain: {} })
      const providers = { plain: { url: plain.url } }
      expect(yield* ask((yield* startBox({ providers })).url, true)).toEqual({})
      const features = { modelDiscovery: true, countTokens: true, quotaHeaders: false }
      expect(yield* ask((yield* startBox({ providers, budgets, server: { features } })).url, true)).toEqual({})
    }),
  )
})
