import { readFileSync } from 'node:fs'
import Anthropic from '@anthropic-ai/sdk'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import * as fc from 'fast-check'
import OpenAI from 'openai'
import { costOf, modelsObject, PRICED_MODELS } from '#infra/simulator/openrouter/prices.ts'
import * as refusals from '#infra/simulator/refusals.ts'
import { answer, errorEvent, type Step } from '#infra/simulator/script.ts'
import type { Simulator, SimulatorOptions } from '#infra/simulator/simulator.ts'
import { callBody, chatBody, dataOf, eventNames, postJson, startProviders } from '#test/simulator.ts'

const anthropicOf = (simulator: Simulator, authToken = 'sk-or-v1-any') =>
  new Anthropic({ baseURL: `${simulator.url}/api`, authToken, apiKey: null, maxRetries: 0 })
const openaiOf = (simulator: Simulator) =>
  new OpenAI({ baseURL: `${simulator.url}/api/v1`, apiKey: 'sk-or-v1-any', maxRetries: 0 })

const model = 'anthropic/claude-sonnet-5.5'
const call = { model, max_tokens: 500, messages: [{ role: 'user' as const, content: 'hi' }] }
const thinkingAndTool = answer([
  { type: 'thinking', thinking: 'Think first.' },
  { type: 'text', text: 'Hello' },
  { type: 'tool_use', name: 'Read', input: { file_path: '/a' } },
])
const start = (more: Partial<SimulatorOptions> = {}) =>
  startProviders({ sim: { wire: 'openrouter', ...more } }).pipe(Effect.map(({ sim }) => sim))
const get = (url: string, headers: Record<string, string> = {}) =>
  Effect.promise(async () => {
    const response = await fetch(url, { headers })
    return { status: response.status, json: (await response.json()) as { readonly data: unknown } }
  })
const fixture = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../fixtures/openrouter/${name}.json`, import.meta.url), 'utf8'))

/** USD per token of a served price list. */
interface Served {
  readonly prompt: string
  readonly completion: string
  readonly input_cache_read: string
  readonly input_cache_write: string
  readonly input_cache_write_1h: string
  readonly overrides?: readonly (Served & { readonly min_prompt_tokens: number })[]
}
const servedPrices = (id: string): Served => {
  const { data } = modelsObject(undefined) as {
    readonly data: readonly { readonly id: string; readonly pricing: Served }[]
  }
  return data.find((one) => one.id === id)!.pricing
}

describe('the official Anthropic SDK at OpenRouter', () => {
  it.live('reads a streamed answer as the one in one piece, cost and provider included', () =>
    Effect.gen(function* () {
      const sim = yield* start({ script: [thinkingAndTool, thinkingAndTool], trailingDone: true })
      const whole = yield* Effect.promise(() => anthropicOf(sim).messages.create(call))
      const streamed = yield* Effect.promise(() => anthropicOf(sim).messages.stream(call).finalMessage())
      expect(whole.content.map((block) => block.type)).toEqual(['thinking', 'text', 'tool_use'])
      expect(streamed.content.map((block) => block.type)).toEqual(['thinking', 'text', 'tool_use'])
      expect(whole).toMatchObject({ model, provider: 'Anthropic', usage: { is_byok: false, inference_geo: null } })
      const { cost } = whole.usage as unknown as { readonly cost: number }
      expect(cost).toBeCloseTo((whole.usage.input_tokens * 2 + whole.usage.output_tokens * 10) / 1e6, 12)
      expect(cost).toBeGreaterThan(0)
    }),
  )

  it.live('is given processing comments, the cost at the end, and a [DONE] only where it is asked for', () =>
    Effect.gen(function* () {
      const body = { ...call, stream: true }
      const quiet = yield* postJson(`${(yield* start()).url}/api/v1/messages?beta=true`, body)
      expect(quiet.text.startsWith(': OPENROUTER PROCESSING\n\n')).toBe(true)
      expect(quiet.text).not.toContain('[DONE]')
      const done = yield* postJson(`${(yield* start({ trailingDone: true })).url}/api/v1/messages`, body)
      expect(done.text.endsWith('data: [DONE]\n\n')).toBe(true)
      const last = dataOf(done.text).at(-3)
      expect(last).toMatchObject({ type: 'message_delta', usage: { cost: expect.any(Number), is_byok: false } })
      expect(done.headers.get('x-generation-id')).toMatch(/^gen-\d+-\w{20}$/)
    }),
  )

  const kinds: readonly (readonly [string, Step, new (...args: never[]) => Error, number, string, string])[] = [
    ['badKey', refusals.badKey(), Anthropic.AuthenticationError, 401, 'authentication_error', 'authentication'],
    ['billing', refusals.billing(), Anthropic.PaymentRequiredError, 402, 'billing_error', 'payment_required'],
    ['unknownModel', refusals.unknownModel('m'), Anthropic.NotFoundError, 404, 'not_found_error', 'not_found'],
    [
      'promptTooLong',
      refusals.promptTooLong(9, 1),
      Anthropic.BadRequestError,
      400,
      'invalid_request_error',
      'context_length_exceeded',
    ],
    [
      'rateLimited',
      refusals.rateLimited({ retryAfterSeconds: 40 }),
      Anthropic.RateLimitError,
      429,
      'rate_limit_error',
      'rate_limit_exceeded',
    ],
    ['serverError', refusals.serverError(), Anthropic.InternalServerError, 500, 'api_error', 'server'],
    ['unavailable', refusals.unavailable(), Anthropic.InternalServerError, 502, 'api_error', 'provider_unavailable'],
    [
      'overloaded',
      refusals.overloaded(),
      Anthropic.ServiceUnavailableError,
      503,
      'overloaded_error',
      'provider_overloaded',
    ],
    ['gatewayTimeout', refusals.gatewayTimeout(), Anthropic.GatewayTimeoutError, 504, 'timeout_error', 'timeout'],
  ]
  it.live.each(kinds)('reads the refusal %s as its error class', ([, step, errorClass, status, type, errorType]) =>
    Effect.gen(function* () {
      const sim = yield* start({ script: [step] })
      const error = yield* Effect.flip(Effect.tryPromise(() => anthropicOf(sim).messages.create(call)))
      const cause = error.cause as InstanceType<typeof Anthropic.APIError>
      expect(cause).toBeInstanceOf(errorClass)
      expect([cause.status, cause.type]).toEqual([status, type])
      const id = cause.headers?.get('x-generation-id')
      expect(id).toMatch(/^gen-/)
      expect(cause.error).toMatchObject({ error: { error_type: errorType }, request_id: status === 401 ? null : id })
    }),
  )

  it.live('reads an error in the middle of a stream', () =>
    Effect.gen(function* () {
      const sim = yield* start({ script: [errorEvent(4, 'overloaded_error')] })
      const { text } = yield* postJson(`${sim.url}/api/v1/messages`, { ...call, stream: true })
      expect(eventNames(text).at(-1)).toBe('error')
      expect(dataOf(text).at(-1)).toEqual({
        type: 'error',
        error: {
          type: 'overloaded_error',
          message: 'Provider is temporarily overloaded',
          error_type: 'provider_overloaded',
        },
      })
    }),
  )

  it.live('finds no models with dashes, and no token count', () =>
    Effect.gen(function* () {
      const sim = yield* start()
      const dashed = yield* postJson(`${sim.url}/api/v1/messages`, { ...call, model: 'anthropic/claude-sonnet-5-5' })
      expect(dashed.status).toBe(404)
      expect(dashed.json).toMatchObject({ error: { type: 'not_found_error', error_type: 'not_found' } })
      const counted = yield* postJson(`${sim.url}/api/v1/messages/count_tokens`, { ...call })
      expect(counted.status).toBe(404)
    }),
  )

  it.live('is held to a strict history where the provider is strict', () =>
    Effect.gen(function* () {
      const sim = yield* start({ strict: true })
      const disabled = { ...callBody({ model: 'anthropic/claude-opus-5.5' }), thinking: { type: 'disabled' } }
      expect((yield* postJson(`${sim.url}/api/v1/messages`, disabled)).text).toContain('thinking.type.disabled')
    }),
  )
})

describe('the official OpenAI package at OpenRouter', () => {
  it.live('reads reasoning with its details, and the cost in a chunk beside an empty choice', () =>
    Effect.gen(function* () {
      const sim = yield* start({ script: [thinkingAndTool, thinkingAndTool] })
      const whole = yield* Effect.promise(() => openaiOf(sim).chat.completions.create(call))
      const message = whole.choices[0]?.message as unknown as Record<string, unknown>
      expect(message).toMatchObject({
        content: 'Hello',
        reasoning: 'Think first.',
        reasoning_details: [
          {
            type: 'reasoning.text',
            text: 'Think first.',
            format: 'anthropic-claude-v1',
            index: 0,
            signature: expect.stringMatching(/^Eq/),
          },
        ],
      })
      expect(whole.choices[0]).toMatchObject({ finish_reason: 'tool_calls', native_finish_reason: 'tool_use' })
      expect(whole).toMatchObject({ provider: 'Anthropic', usage: { cost: expect.any(Number), is_byok: false } })

      const { text, headers } = yield* postJson(`${sim.url}/api/v1/chat/completions`, { ...call, stream: true })
      const chunks = dataOf(text) as readonly {
        readonly id?: string
        readonly usage?: object
        readonly choices: readonly object[]
      }[]
      expect(text.startsWith(': OPENROUTER PROCESSING\n\n')).toBe(true)
      expect(new Set(chunks.slice(0, -1).map(({ id }) => id))).toEqual(new Set([headers.get('x-generation-id')]))
      expect(chunks.at(-2)).toMatchObject({
        usage: { cost: expect.any(Number), prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 } },
        choices: [{ finish_reason: null, delta: { content: '' } }],
      })
      expect(text).toContain('"reasoning":null,"reasoning_details":[{"type":"reasoning.text"')
      const replayed = {
        ...call,
        messages: [
          call.messages[0],
          { role: 'assistant', content: 'Hello', reasoning_details: message.reasoning_details },
          call.messages[0],
        ],
        provider: { order: ['anthropic'] },
      }
      expect((yield* postJson(`${sim.url}/api/v1/chat/completions`, replayed)).status).toBe(200)
    }),
  )

  it.live('pays for cache marks that it sets on parts', () =>
    Effect.gen(function* () {
      const sim = yield* start()
      const part = { type: 'text', text: 'x'.repeat(8_000), cache_control: { type: 'ephemeral', ttl: '1h' } }
      const marked = chatBody({ model, messages: [{ role: 'user', content: [part] }] })
      const usage = () =>
        postJson(`${sim.url}/api/v1/chat/completions`, marked).pipe(
          Effect.map(
            ({ json }) =>
              json.usage as { readonly cost: number; readonly prompt_tokens_details: Record<string, number> },
          ),
        )
      const first = yield* usage()
      const second = yield* usage()
      expect(first.prompt_tokens_details.cache_write_tokens).toBeGreaterThan(2_000)
      expect(second.prompt_tokens_details.cached_tokens).toBe(first.prompt_tokens_details.cache_write_tokens)
      expect(second.cost).toBeLessThan(first.cost)
    }),
  )

  const documented: readonly (readonly [string, Step])[] = [
    ['chat.401', refusals.badKey('User not found.')],
    ['chat.402', refusals.billing()],
    ['chat.502', refusals.unavailable()],
    ['chat.503', refusals.overloaded({ retryAfterSeconds: 5 })],
  ]
  it.live.each(documented)('gets the documented error %s', ([name, step]) =>
    Effect.gen(function* () {
      const sim = yield* start({ script: [step] })
      const asked = chatBody({ model: 'anthropic/claude-opus-5.5' })
      const refused = yield* postJson(`${sim.url}/api/v1/chat/completions`, asked)
      const real = fixture(name)
      expect(refused.status).toBe(real.status)
      expect(refused.json).toEqual(real.body)
      expect(refused.headers.get('retry-after') ?? undefined).toBe(real.headers['retry-after'])
    }),
  )

  it.live('is told who limits it: the providers behind, or OpenRouter itself', () =>
    Effect.gen(function* () {
      const sim = yield* start({
        script: [
          refusals.rateLimited({ limit: 'input-tokens', retryAfterSeconds: 40 }),
          refusals.rateLimited({ retryAfterSeconds: 2 }),
        ],
      })
      const ask = postJson(`${sim.url}/api/v1/chat/completions`, chatBody({ model }))
      const behind = yield* ask
      expect(behind.json).toMatchObject({
        error: {
          message: `All providers for ${model} are at capacity. Retry after 40 seconds.`,
          metadata: fixture('chat.429.provider').body.error.metadata,
          availability: { code: 'capacity_exhausted', retryable: true, retry_after: 40, requested_models: [model] },
        },
      })
      expect(behind.headers.get('x-ratelimit-reset')).toBeNull()
      const itself = yield* ask
      expect(itself.json).toMatchObject({ error: { metadata: { error_type: 'rate_limit_exceeded' } } })
      // Two seconds from when it answered, which is between the arrival of the request and now.
      const answeredAt = Number(itself.headers.get('x-ratelimit-reset')) - 2_000
      expect(answeredAt).toBeGreaterThanOrEqual(sim.requests[1]?.at ?? Number.POSITIVE_INFINITY)
      expect(answeredAt).toBeLessThanOrEqual(yield* Effect.clockWith((clock) => clock.currentTimeMillis))
      expect(itself.headers.get('x-ratelimit-remaining')).toBe('0')
    }),
  )

  it.live('gets an error in the middle of a stream as a chunk that ends its choice', () =>
    Effect.gen(function* () {
      const sim = yield* start({ script: [errorEvent(3, 'overloaded_error')] })
      const { text } = yield* postJson(`${sim.url}/api/v1/chat/completions`, chatBody({ model, stream: true }))
      expect(dataOf(text).at(-1)).toMatchObject({
        error: { code: 503, metadata: { error_type: 'provider_overloaded' } },
        choices: [{ delta: { content: '' }, finish_reason: 'error' }],
      })
      expect(text).not.toContain('[DONE]')
    }),
  )

  it.live('finds no models with dashes', () =>
    Effect.gen(function* () {
      const sim = yield* start()
      const dashed = chatBody({ model: 'anthropic/claude-sonnet-5-5' })
      const refused = yield* postJson(`${sim.url}/api/v1/chat/completions`, dashed)
      expect(refused.status).toBe(400)
      expect(refused.json).toMatchObject({ error: { availability: { code: 'model_not_found', retryable: false } } })
    }),
  )
})

describe('the account at OpenRouter', () => {
  it.live('is charged for what is answered, and refused when its credit is spent', () =>
    Effect.gen(function* () {
      const sim = yield* start({ creditUsd: 0.0005, apiKeys: ['k'] })
      const bearer = { authorization: 'Bearer k' }
      const ask = postJson(`${sim.url}/api/v1/messages`, call, bearer)
      const { json } = yield* ask
      const { cost } = json.usage as { readonly cost: number }
      const key = yield* get(`${sim.url}/api/v1/key`, bearer)
      expect(key.json.data).toMatchObject({ usage: cost, limit: 0.0005, limit_remaining: 0.0005 - cost })
      expect(Object.keys(key.json.data as object)).toEqual(Object.keys(fixture('key.200').body.data))
      let status = 200
      for (let n = 0; n < 10 && status === 200; n++) status = (yield* ask).status
      expect(status).toBe(402)
      expect((yield* get(`${sim.url}/api/v1/key`)).status).toBe(401)
      expect((yield* get(`${sim.url}/api/v1/models`)).status).toBe(200)
    }),
  )

  it('lists models and prices as seen', () => {
    const { data } = modelsObject(['anthropic/claude-haiku-5.5']) as { readonly data: readonly object[] }
    expect(data).toEqual(fixture('models.200').body.data)
  })

  it.each([
    [100_000, 0.01],
    [100_001, 0.0500005],
  ])('pays for a prompt of %i tokens of Haiku %d USD', (inputTokens, usd) => {
    const prompt = { inputTokens, cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 }
    expect(costOf('anthropic/claude-haiku-5.5', prompt, 0).total).toBe(usd)
  })

  it('pays what the served prices say, of the tier that the whole prompt is in', () => {
    const tokens = fc.nat({ max: 200_000 })
    fc.assert(
      fc.property(
        fc.constantFrom(...PRICED_MODELS.map(({ id }) => id)),
        tokens,
        tokens,
        tokens,
        tokens,
        tokens,
        (id, inputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens, output) => {
          const served = servedPrices(id)
          const whole = inputTokens + cacheReadTokens + cacheWrite5mTokens + cacheWrite1hTokens
          const rate = served.overrides?.find(({ min_prompt_tokens }) => whole >= min_prompt_tokens) ?? served
          const { total } = costOf(id, { inputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens }, output)
          expect(total).toBeCloseTo(
            inputTokens * Number(rate.prompt) +
              cacheReadTokens * Number(rate.input_cache_read) +
              cacheWrite5mTokens * Number(rate.input_cache_write) +
              cacheWrite1hTokens * Number(rate.input_cache_write_1h) +
              output * Number(rate.completion),
            9,
          )
        },
      ),
    )
  })
})
