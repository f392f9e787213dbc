import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import OpenAI from 'openai'
import * as refusals from '#infra/simulator/refusals.ts'
import { answer, errorEvent, type Step } from '#infra/simulator/script.ts'
import type { Simulator } from '#infra/simulator/simulator.ts'
import { chatBody, dataOf, postJson, startProviders } from '#test/simulator.ts'

const clientOf = (simulator: Simulator, apiKey = 'any-key') =>
  new OpenAI({ baseURL: `${simulator.url}/v1`, apiKey, maxRetries: 0 })

const tool = (name: string) => ({
  type: 'function' as const,
  function: { name, parameters: { type: 'object', properties: {} } },
})
const call = {
  model: 'gpt-6-luna',
  messages: [{ role: 'user' as const, content: 'hi' }],
  tools: [tool('Read'), tool('Glob')],
}
const twoCalls = answer([
  { type: 'thinking', thinking: 'Both at once, thinks the simulator.' },
  { type: 'text', text: 'Grüße 👋🏽, I read both 😀 astral 😀 files.' },
  { type: 'tool_use', name: 'Read', input: { file_path: '/a/"quoted"/path.ts', limit: 10 } },
  { type: 'tool_use', name: 'Glob', input: {} },
])
const openai = { wire: 'openai' } as const

const fixture = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../fixtures/openai/${name}.json`, import.meta.url), 'utf8'))

describe('the official OpenAI package reads', () => {
  it.live('a streamed answer with parallel calls as the same as the answer in one piece', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { ...openai, script: [twoCalls, twoCalls] } })
      const whole = yield* Effect.promise(() => clientOf(sim).chat.completions.create(call))
      const streamed = yield* Effect.promise(() =>
        clientOf(sim)
          .chat.completions.stream({ ...call, stream_options: { include_usage: true } })
          .finalChatCompletion(),
      )
      const [first, second] = [whole.choices[0], streamed.choices[0]]
      expect(first?.finish_reason).toBe('tool_calls')
      expect(second?.finish_reason).toBe('tool_calls')
      expect(first?.message.content).toBe('Grüße 👋🏽, I read both 😀 astral 😀 files.')
      expect(second?.message.content).toBe(first?.message.content)
      const functions = (message: OpenAI.ChatCompletionMessage | undefined) =>
        message?.tool_calls?.map((one) => (one.type === 'function' ? { ...one.function } : one.type))
      expect(functions(first?.message)).toEqual([
        { name: 'Read', arguments: '{"file_path":"/a/\\"quoted\\"/path.ts","limit":10}' },
        { name: 'Glob', arguments: '{}' },
      ])
      expect(functions(second?.message)).toMatchObject(functions(first?.message) ?? [])
      const ids = [first, second].flatMap((choice) => choice?.message.tool_calls?.map(({ id }) => id) ?? [])
      expect(new Set(ids).size).toBe(4)
      for (const id of ids) expect(id).toMatch(/^call_[A-Za-z0-9]{22}$/)
      expect(streamed.usage).toEqual(whole.usage)
      expect(whole.usage?.completion_tokens_details?.reasoning_tokens).toBeGreaterThan(0)
      expect(JSON.stringify([whole, streamed])).not.toContain('thinks the simulator')
    }),
  )

  it.live('the models', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { ...openai, models: ['a', 'b'] } })
      const page = yield* Effect.promise(() => clientOf(sim).models.list())
      expect(page.data.map(({ id }) => id)).toEqual(['a', 'b'])
    }),
  )

  const kinds: readonly (readonly [string, Step, new (...args: never[]) => Error, number, string | null])[] = [
    ['badKey', refusals.badKey(), OpenAI.AuthenticationError, 401, 'invalid_api_key'],
    ['spendCap', refusals.spendCap(), OpenAI.RateLimitError, 429, 'insufficient_quota'],
    ['forbidden', refusals.forbidden(), OpenAI.PermissionDeniedError, 403, null],
    ['unknownModel', refusals.unknownModel('m'), OpenAI.NotFoundError, 404, 'model_not_found'],
    ['promptTooLong', refusals.promptTooLong(9, 1), OpenAI.BadRequestError, 400, 'context_length_exceeded'],
    ['rateLimited', refusals.rateLimited({ retryAfterSeconds: 17 }), OpenAI.RateLimitError, 429, 'rate_limit_exceeded'],
    ['serverError', refusals.serverError(), OpenAI.InternalServerError, 500, null],
    ['overloaded', refusals.overloaded(), OpenAI.InternalServerError, 503, 'overloaded'],
  ]
  it.live.each(kinds)(
    'the refusal %s of a script as its error class, in OpenAI’s words',
    ([, step, errorClass, status, code]) =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: { ...openai, script: [step] } })
        const error = yield* Effect.flip(Effect.tryPromise(() => clientOf(sim).chat.completions.create(call)))
        const cause = error.cause as InstanceType<typeof OpenAI.APIError>
        expect(cause).toBeInstanceOf(errorClass)
        expect(cause.status).toBe(status)
        expect(cause.code).toBe(code)
        expect(cause.requestID).toBe(sim.requests[0]?.requestId)
        expect(cause.headers?.get('x-should-retry')).toBeNull()
        if (status === 429 && code === 'rate_limit_exceeded') {
          expect(cause.headers?.get('retry-after')).toBe('17')
          expect(cause.headers?.get('x-ratelimit-remaining-requests')).toBe('0')
          expect(cause.headers?.get('x-ratelimit-reset-requests')).toBe('17s')
        }
      }),
  )

  it.live('an error event in a stream as an error, and as its status without a stream', () =>
    Effect.gen(function* () {
      const step = errorEvent(2, 'overloaded_error')
      const { sim } = yield* startProviders({ sim: { ...openai, script: [step, step] } })
      const error = yield* Effect.flip(
        Effect.tryPromise(() => clientOf(sim).chat.completions.stream(call).finalChatCompletion()),
      )
      expect(error.cause).toMatchObject({ code: 'overloaded' })
      const notStreamed = yield* Effect.flip(Effect.tryPromise(() => clientOf(sim).chat.completions.create(call)))
      expect(notStreamed.cause).toMatchObject({ status: 503 })
    }),
  )

  it.live('a wrong key as its error class', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { ...openai, apiKeys: ['right'] } })
      const error = yield* Effect.flip(Effect.tryPromise(() => clientOf(sim, 'wrong').models.list()))
      expect(error.cause).toBeInstanceOf(OpenAI.AuthenticationError)
      const page = yield* Effect.promise(() => clientOf(sim, 'right').models.list())
      expect(page.data.length).toBeGreaterThan(0)
    }),
  )
})

describe('the OpenAI wire', () => {
  it.live('streams chunks of the shape that was seen', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({
        sim: { ...openai, script: [answer('Hello!', { pace: { charactersPerDelta: 5 } })] },
      })
      const body = chatBody({ stream: true, stream_options: { include_usage: true } })
      const ours = dataOf((yield* postJson(`${sim.url}/v1/chat/completions`, body)).text)
      const real = dataOf(readFileSync(new URL('../../../fixtures/openai/stream.text.sse', import.meta.url), 'utf8'))
      const shape = (value: unknown): unknown => {
        if (Array.isArray(value)) return value.map(shape)
        if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
        return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]))
      }
      expect(ours.map(shape)).toEqual(real.map(shape))
      expect(ours.at(-1)).toBe('[DONE]')
    }),
  )

  it.live('reports a prefix that it has seen before as cached', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: openai })
      const long = { role: 'user' as const, content: 'x'.repeat(8_000) }
      const usage = (messages: OpenAI.ChatCompletionMessageParam[]) =>
        Effect.promise(async () => (await clientOf(sim).chat.completions.create({ ...call, messages })).usage)
      expect((yield* usage([long]))?.prompt_tokens_details?.cached_tokens).toBe(0)
      const second = yield* usage([long, { role: 'assistant', content: 'ok' }, { role: 'user', content: 'more' }])
      expect(second?.prompt_tokens_details?.cached_tokens).toBeGreaterThan(2_000)
      expect(second?.prompt_tokens).toBeGreaterThan(second?.prompt_tokens_details?.cached_tokens ?? 0)
    }),
  )

  it.live('counts an image as one, whatever its bytes', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: openai })
      const url = `data:image/png;base64,${'A'.repeat(100_000)}`
      const content = [{ type: 'image_url', image_url: { url } }]
      const { json } = yield* postJson(
        `${sim.url}/v1/chat/completions`,
        chatBody({ messages: [{ role: 'user', content }] }),
      )
      expect((json.usage as { readonly prompt_tokens: number }).prompt_tokens).toBeLessThan(1_700)
    }),
  )

  it.live('counts its limits in headers and refuses what is above them', () =>
    Effect.gen(function* () {
      const limits = { requestsPerMinute: 1, inputTokensPerMinute: 50_000, outputTokensPerMinute: 5_000 }
      const { sim } = yield* startProviders({ sim: { ...openai, limits } })
      const first = yield* postJson(`${sim.url}/v1/chat/completions`, chatBody())
      expect(first.headers.get('x-ratelimit-limit-requests')).toBe('1')
      expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('0')
      expect(first.headers.get('x-ratelimit-reset-requests')).toMatch(/^(1m0s|59\.\d+s)$/)
      const second = yield* postJson(`${sim.url}/v1/chat/completions`, chatBody())
      expect(second.status).toBe(429)
      expect(second.json).toMatchObject({ error: { type: 'requests', param: null, code: 'rate_limit_exceeded' } })
    }),
  )

  it.live('is asked under another prefix when it has one', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { ...openai, prefix: '/v1beta/openai' } })
      expect((yield* postJson(`${sim.url}/v1beta/openai/chat/completions`, chatBody())).status).toBe(200)
      expect((yield* postJson(`${sim.url}/v1/chat/completions`, chatBody())).status).toBe(404)
    }),
  )

  it.live('says that a prompt is too long as documented', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { ...openai, maxInputTokens: 10 } })
      const long = chatBody({ messages: [{ role: 'user', content: 'x'.repeat(400) }] })
      const refused = yield* postJson(`${sim.url}/v1/chat/completions`, long)
      const real = fixture('400.context_length')
      expect(refused.status).toBe(real.status)
      expect(refused.json.error).toMatchObject({
        ...real.body.error,
        message: expect.stringMatching(
          /^This model's maximum context length is 10 tokens\. However, your messages resulted in \d+ tokens\./,
        ),
      })
    }),
  )

  it.each(['401', '500', '503'])('has the documented body: %s', (name) => {
    const step = {
      401: refusals.badKey('Incorrect API key provided: sk-****.'),
      500: refusals.serverError(),
      503: refusals.overloaded(),
    }[name]
    return Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const { sim } = yield* startProviders({ sim: { ...openai, script: [step!] } })
          const refused = yield* postJson(`${sim.url}/v1/chat/completions`, chatBody())
          expect(refused.json).toEqual(fixture(name).body)
        }),
      ),
    )
  })
})
