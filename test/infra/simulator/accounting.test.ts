import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { makePromptCache, wholePromptTokens } from '#infra/simulator/prompt-cache.ts'
import { makeRateLimits } from '#infra/simulator/rate-limits.ts'
import type { MessagesBody } from '#infra/simulator/request-body.ts'
import { promptTokens } from '#infra/simulator/tokens.ts'

const mark = { cache_control: { type: 'ephemeral' } }
const hourMark = { cache_control: { type: 'ephemeral', ttl: '1h' } }
const text = (length: number, more: object = {}) => ({ type: 'text', text: 'x'.repeat(length), ...more })

const conversation = (turns: number): MessagesBody => ({
  model: 'claude-opus-5-5',
  system: [text(40), text(8_000, mark)],
  messages: Array.from({ length: turns }, (_, index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    // As Claude Code does it: only the last message carries the mark, and older ones turn from array to string.
    content: index === turns - 1 ? [text(2_000 + index, mark)] : 'x'.repeat(2_000 + index),
  })),
})

const use = (cache: ReturnType<typeof makePromptCache>, body: MessagesBody, now: number) => {
  const { usage, commit } = cache.quote(body, now)
  commit()
  return usage
}

describe('the prompt cache', () => {
  it('adds up: the whole prompt is uncached input + reads + writes', () => {
    const blocks = fc.array(
      fc.record({ length: fc.integer({ min: 0, max: 9_000 }), ttl: fc.constantFrom(undefined, '5m', '1h') }),
      { maxLength: 6 },
    )
    fc.assert(
      fc.property(fc.array(blocks, { minLength: 1, maxLength: 8 }), (prompts) => {
        const cache = makePromptCache()
        for (const prompt of prompts) {
          const content = prompt.map(({ length, ttl }) =>
            text(length, ttl === undefined ? {} : { cache_control: { type: 'ephemeral', ttl } }),
          )
          const body: MessagesBody = { model: 'm', messages: [{ role: 'user', content }] }
          const usage = use(cache, body, 0)
          const parts = Object.values(usage)
          expect(parts.every((part) => part >= 0)).toBe(true)
          expect(parts.reduce((a, b) => a + b)).toBe(wholePromptTokens(body))
        }
      }),
      { numRuns: 50 },
    )
  })

  it('reads on the next turn what this turn wrote', () => {
    const cache = makePromptCache()
    const first = use(cache, conversation(1), 0)
    expect(first.cacheReadTokens).toBe(0)
    expect(first.cacheWrite5mTokens).toBe(wholePromptTokens(conversation(1)))
    const third = use(cache, conversation(3), 1_000)
    expect(third.cacheReadTokens).toBe(first.cacheWrite5mTokens)
    expect(third.inputTokens).toBe(0)
    expect(use(cache, conversation(3), 2_000).cacheReadTokens).toBe(wholePromptTokens(conversation(3)))
  })

  it('forgets after five minutes without a read, and renews with each read', () => {
    const cache = makePromptCache()
    const whole = wholePromptTokens(conversation(1))
    use(cache, conversation(1), 0)
    expect(use(cache, conversation(1), 299_000).cacheReadTokens).toBe(whole)
    expect(use(cache, conversation(1), 598_000).cacheReadTokens).toBe(whole)
    expect(use(cache, conversation(1), 898_000).cacheReadTokens).toBe(0)
  })

  it('books a write under the lifetime of its mark', () => {
    const body: MessagesBody = {
      model: 'm',
      system: [text(8_000, hourMark)],
      messages: [{ role: 'user', content: [text(4_000, mark)] }],
    }
    const usage = use(makePromptCache(), body, 0)
    expect(usage.cacheWrite1hTokens).toBeGreaterThan(2_000)
    expect(usage.cacheWrite5mTokens).toBeGreaterThan(1_000)
    expect(usage.cacheWrite5mTokens).toBeLessThan(usage.cacheWrite1hTokens)
  })

  it('is per model, needs 1,024 tokens, and books nothing that was only quoted', () => {
    const cache = makePromptCache()
    cache.quote(conversation(1), 0)
    expect(use(cache, conversation(1), 0).cacheReadTokens).toBe(0)
    expect(use(cache, { ...conversation(1), model: 'other' }, 0).cacheReadTokens).toBe(0)
    const small: MessagesBody = { model: 'm', messages: [{ role: 'user', content: [text(1_000, mark)] }] }
    expect(use(cache, small, 0)).toMatchObject({ cacheReadTokens: 0, cacheWrite5mTokens: 0 })
  })

  it('counts an image by the piece, not by its bytes', () => {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'A'.repeat(1_000_000) } }
    expect(promptTokens([image])).toBeLessThan(1_700)
    expect(promptTokens([{ type: 'tool_result', content: [image, image] }])).toBeGreaterThan(3_200)
  })
})

describe('the rate limits', () => {
  const limits = { requestsPerMinute: 60, inputTokensPerMinute: 60_000, outputTokensPerMinute: 6_000 }

  it('never admit more than the size of a bucket and its refill, and keep the promise of retry-after', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 1, max: 20_000 })), { maxLength: 300 }),
        (calls) => {
          const bucket = makeRateLimits(limits)
          let now = 1_000_000
          let requests = 0
          let tokens = 0
          for (const [pause, input] of calls) {
            now += pause
            const exceeded = bucket.admit(input, now)
            if (exceeded !== undefined) {
              now += exceeded.retryAfterSeconds * 1_000
              expect(bucket.admit(input, now)).toBeUndefined()
            }
            requests++
            tokens += input
            const minutes = (now - 1_000_000) / 60_000
            expect(requests).toBeLessThanOrEqual(60 * (1 + minutes) + 0.1)
            expect(tokens).toBeLessThanOrEqual(60_000 * (1 + minutes) + 1)
          }
        },
      ),
      { numRuns: 50 },
    )
  })

  it('show what is left and when it is full again', () => {
    const bucket = makeRateLimits(limits)
    const at = Date.parse('2026-11-23T10:00:00Z')
    bucket.admit(29_600, at)
    bucket.spendOutput(3_000, at)
    expect(Object.fromEntries(bucket.headers(at))).toEqual({
      'anthropic-ratelimit-requests-limit': '60',
      'anthropic-ratelimit-requests-remaining': '59',
      'anthropic-ratelimit-requests-reset': '2026-11-23T10:00:01Z',
      'anthropic-ratelimit-input-tokens-limit': '60000',
      'anthropic-ratelimit-input-tokens-remaining': '30000',
      'anthropic-ratelimit-input-tokens-reset': '2026-11-23T10:00:30Z',
      'anthropic-ratelimit-output-tokens-limit': '6000',
      'anthropic-ratelimit-output-tokens-remaining': '3000',
      'anthropic-ratelimit-output-tokens-reset': '2026-11-23T10:00:30Z',
      'anthropic-ratelimit-tokens-limit': '66000',
      'anthropic-ratelimit-tokens-remaining': '33000',
      'anthropic-ratelimit-tokens-reset': '2026-11-23T10:00:30Z',
    })
  })

  it('name the limit that is in the way for longest', () => {
    const bucket = makeRateLimits(limits)
    bucket.admit(1, 0)
    bucket.spendOutput(7_000, 0)
    // The bucket is 1,000 tokens in debt and needs one more: 1,001 of 100 per second.
    expect(bucket.admit(1, 0)).toEqual({ limit: 'output-tokens', retryAfterSeconds: 11 })
  })
})
