import { readFileSync } from 'node:fs'
import Anthropic from '@anthropic-ai/sdk'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import * as refusals from '#infra/simulator/refusals.ts'
import { answer, errorEvent, raw, type Step } from '#infra/simulator/script.ts'
import type { Simulator } from '#infra/simulator/simulator.ts'
import { startProviders } from '#test/simulator.ts'

const clientOf = (simulator: Simulator, apiKey = 'any-key') =>
  new Anthropic({ baseURL: simulator.url, apiKey, maxRetries: 0 })

const call = { model: 'claude-opus-5-5', max_tokens: 500, messages: [{ role: 'user' as const, content: 'hi' }] }

const everyKindOfBlock = answer([
  { type: 'thinking', thinking: 'Let me think about it, simulated as I am.' },
  { type: 'text', text: 'Grüße 👋🏽 from a simulator, with 😀 astral 😀 characters 😀 in it.' },
  { type: 'server_tool_use', name: 'web_search', input: { query: 'q' } },
  { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] },
  { type: 'tool_use', name: 'Read', input: { file_path: '/a/"quoted"/path.ts', limit: 10 } },
  { type: 'tool_use', name: 'ListMcpResources', input: {} },
])

describe('the official SDK reads', () => {
  it.live('a streamed answer as the same message as the answer in one piece', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { script: [everyKindOfBlock, everyKindOfBlock] } })
      const client = clientOf(sim)
      const whole = yield* Effect.promise(() => client.messages.create(call))
      const streamed = yield* Effect.promise(() => client.messages.stream(call).finalMessage())

      expect(whole.content.map((block) => block.type)).toEqual([
        'thinking',
        'text',
        'server_tool_use',
        'web_search_tool_result',
        'tool_use',
        'tool_use',
      ])
      const withoutIds = (message: Anthropic.Message) =>
        message.content.map((block) => ({ ...block, id: '', signature: '', citations: null }))
      expect(withoutIds(streamed)).toEqual(withoutIds(whole))
      expect(whole.stop_reason).toBe('tool_use')
      expect(streamed.stop_reason).toBe('tool_use')
      expect(streamed.usage.output_tokens).toBe(whole.usage.output_tokens)
      expect(whole.usage.output_tokens_details?.thinking_tokens).toBeGreaterThan(0)
      expect(whole.id).toMatch(/^msg_[A-Za-z0-9]{24}$/)
      expect(streamed.id).not.toBe(whole.id)
      const ids = [...whole.content, ...streamed.content].flatMap((block) =>
        block.type === 'tool_use' ? [block.id] : [],
      )
      expect(new Set(ids).size).toBe(4)
      for (const id of ids) expect(id).toMatch(/^toolu_[A-Za-z0-9]{24}$/)
    }),
  )

  it.live('an unscripted answer, which says that a simulator gave it', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: {} })
      const message = yield* Effect.promise(() => clientOf(sim).messages.create(call))
      expect(message.content[0]).toMatchObject({ type: 'text', text: expect.stringContaining("by provider 'sim'") })
      expect(message.stop_reason).toBe('end_turn')
    }),
  )

  it.live('thinking that is not displayed as an empty block with a signature', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { script: [everyKindOfBlock, everyKindOfBlock] } })
      const quiet = { ...call, thinking: { type: 'adaptive' as const, display: 'omitted' as const } }
      const whole = yield* Effect.promise(() => clientOf(sim).messages.create(quiet))
      const streamed = yield* Effect.promise(() => clientOf(sim).messages.stream(quiet).finalMessage())
      for (const { content } of [whole, streamed]) {
        expect(content[0]).toMatchObject({
          type: 'thinking',
          thinking: '',
          signature: expect.stringMatching(/^Eq.+==$/),
        })
      }
    }),
  )

  const kinds: readonly (readonly [string, Step, new (...args: never[]) => Error, number, string | undefined])[] = [
    ['badKey', refusals.badKey(), Anthropic.AuthenticationError, 401, 'authentication_error'],
    ['billing', refusals.billing(), Anthropic.PaymentRequiredError, 402, 'billing_error'],
    ['forbidden', refusals.forbidden(), Anthropic.PermissionDeniedError, 403, 'permission_error'],
    ['unknownModel', refusals.unknownModel('m'), Anthropic.NotFoundError, 404, 'not_found_error'],
    ['promptTooLong', refusals.promptTooLong(9, 1), Anthropic.BadRequestError, 400, 'invalid_request_error'],
    ['bodyTooLarge', refusals.bodyTooLarge(), Anthropic.ContentTooLargeError, 413, 'request_too_large'],
    ['rateLimited', refusals.rateLimited({ retryAfterSeconds: 17 }), Anthropic.RateLimitError, 429, 'rate_limit_error'],
    ['spendCap', refusals.spendCap(), Anthropic.RateLimitError, 429, 'rate_limit_error'],
    ['serverError', refusals.serverError(), Anthropic.InternalServerError, 500, 'api_error'],
    ['htmlBadGateway', refusals.htmlBadGateway(), Anthropic.InternalServerError, 502, undefined],
    ['unavailable', refusals.unavailable(), Anthropic.ServiceUnavailableError, 503, 'api_error'],
    ['gatewayTimeout', refusals.gatewayTimeout(), Anthropic.GatewayTimeoutError, 504, 'timeout_error'],
    ['overloaded', refusals.overloaded(), Anthropic.OverloadedError, 529, 'overloaded_error'],
  ]
  it.live.each(kinds)('the refusal %s as its error class', ([, step, errorClass, status, type]) =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { script: [step] } })
      const error = yield* Effect.flip(Effect.tryPromise(() => clientOf(sim).messages.create(call)))
      const cause = error.cause as InstanceType<typeof Anthropic.APIError>
      expect(cause).toBeInstanceOf(errorClass)
      expect(cause.status).toBe(status)
      expect(cause.type ?? undefined).toBe(type)
      if (type !== undefined) {
        expect(cause.requestID).toBe(sim.requests[0]?.requestId)
        expect(cause.error).toMatchObject({ request_id: sim.requests[0]?.requestId })
      }
    }),
  )

  it.live('an error event in a stream as an error', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { script: [errorEvent(5, 'overloaded_error')] } })
      const error = yield* Effect.flip(Effect.tryPromise(() => clientOf(sim).messages.stream(call).finalMessage()))
      expect((error.cause as InstanceType<typeof Anthropic.APIError>).type).toBe('overloaded_error')
    }),
  )

  it.live('recorded streams that are replayed in odd pieces', () =>
    Effect.gen(function* () {
      const recorded = readFileSync(new URL('../../fixtures/anthropic/stream.thinking_tools.sse', import.meta.url))
      const { sim } = yield* startProviders({
        sim: { script: [raw(recorded, { pace: { bytesPerWrite: [1, 2, 3, 500] } })] },
      })
      const message = yield* Effect.promise(() => clientOf(sim).messages.stream(call).finalMessage())
      expect(message.content.map((block) => block.type)).toEqual(['thinking', 'text', 'tool_use', 'tool_use'])
      expect(sim.requests[0]?.bytesSent).toBe(recorded.length)
    }),
  )

  it.live('token counts, models and single models', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { models: ['claude-a-1', 'claude-b-2', 'claude-c-3'] } })
      const client = clientOf(sim)
      const { input_tokens } = yield* Effect.promise(() =>
        client.messages.countTokens({ model: 'claude-a-1', messages: [{ role: 'user', content: 'x'.repeat(4_000) }] }),
      )
      expect(input_tokens).toBeGreaterThan(1_000)
      expect(input_tokens).toBeLessThan(1_020)
      const ids: string[] = []
      yield* Effect.promise(async () => {
        for await (const model of client.models.list({ limit: 2 })) ids.push(model.id)
      })
      expect(ids).toEqual(['claude-a-1', 'claude-b-2', 'claude-c-3'])
      const one = yield* Effect.promise(() => client.models.retrieve('claude-b-2'))
      expect(one.id).toBe('claude-b-2')
      const unknown = yield* Effect.flip(Effect.tryPromise(() => client.models.retrieve('claude-z')))
      expect(unknown.cause).toBeInstanceOf(Anthropic.NotFoundError)
    }),
  )
})
