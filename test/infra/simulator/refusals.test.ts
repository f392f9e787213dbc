import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@effect/vitest'
import * as refusals from '#infra/simulator/refusals.ts'
import type { StatusStep } from '#infra/simulator/script.ts'

interface Fixture {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: { readonly type: string; readonly error: { readonly type: string; readonly message: string } }
}
const fixture = (name: string): Fixture =>
  JSON.parse(readFileSync(new URL(`../../fixtures/anthropic/${name}.json`, import.meta.url), 'utf8'))

const pairs: readonly (readonly [string, StatusStep])[] = [
  ['400.invalid_request', refusals.invalidRequest('messages: at least one message is required')],
  ['400.prompt_too_long', refusals.promptTooLong(1_048_999, 1_000_000)],
  ['401', refusals.badKey()],
  ['402', refusals.billing()],
  ['403', refusals.forbidden()],
  ['404', refusals.unknownModel('claude-nope')],
  ['413', refusals.bodyTooLarge()],
  [
    '429.input_tokens',
    refusals.rateLimited({
      retryAfterSeconds: 17,
      limit: 'input-tokens',
      perMinute: 2_000_000,
      organization: '00000000-0000-4000-8000-000000000001',
    }),
  ],
  ['429.spend_cap', refusals.spendCap()],
  ['500', refusals.serverError()],
  ['529', refusals.overloaded()],
]

describe('the ready refusals', () => {
  it.each(pairs)('are the documented answer: %s', (name, step) => {
    const real = fixture(name)
    expect(step.status).toBe(real.status)
    expect(step.body).toEqual({ type: real.body.type, error: real.body.error })
    for (const header of ['retry-after', 'x-should-retry']) expect(step.headers?.[header]).toBe(real.headers[header])
  })
})
