/**
 * Every sample payload of the fixtures, in one table: what an answer means and how the client hears of it, and what message
 * the official parser builds from a stream, translated where it is not Anthropic's.
 */
import { readdirSync, readFileSync } from 'node:fs'
import Anthropic, { APIError } from '@anthropic-ai/sdk'
import { describe, expect, it } from '@effect/vitest'
import { classifyAnswer } from '#domain/dialect/classify-answer.ts'
import { classifyAnthropicEvent } from '#domain/dialect/classify-anthropic.ts'
import type { FailureReason } from '#domain/failure.ts'
import { answerOptions, translate } from './openai/chat-story.ts'

const FIXTURES = new URL('../../fixtures/', import.meta.url)
const FOLDERS = ['anthropic', 'bedrock', 'github-models', 'openai', 'openrouter', 'vertex']
const at = Date.UTC(2026, 10, 23, 10, 0, 0)

const filesOf = (suffix: string): readonly string[] =>
  FOLDERS.flatMap((folder) => readdirSync(new URL(`${folder}/`, FIXTURES)).map((file) => `${folder}/${file}`))
    .filter((file) => file.endsWith(suffix) && !file.endsWith('.schema.json'))
    .sort()

/** What the client hears in place of the provider's answer. */
type Heard = readonly [status: number, type: string, retryAfter?: string | undefined, shouldRetry?: string | undefined]
const unchanged = 'unchanged'
const success = 'success'

const refused = { _tag: 'CredentialRefused', whose: 'gateway' } as const
const hopeless: Heard = [502, 'api_error', undefined, 'false']
const badRequest: Heard = [400, 'invalid_request_error', undefined, 'false']
const noModel: Heard = [404, 'not_found_error', undefined, 'false']

const answers: { readonly [file: string]: typeof success | readonly [FailureReason, typeof unchanged | Heard] } = {
  'anthropic/200.message.json': success,
  'anthropic/400.beta_header.json': [{ _tag: 'InvalidRequest', status: 400 }, unchanged],
  'anthropic/400.invalid_request.json': [{ _tag: 'InvalidRequest', status: 400 }, unchanged],
  'anthropic/400.prompt_too_long.json': [{ _tag: 'ContextTooLong', status: 400 }, unchanged],
  'anthropic/400.thinking_prefix.json': [{ _tag: 'InvalidRequest', status: 400 }, unchanged],
  'anthropic/400.thinking_signature.json': [{ _tag: 'InvalidRequest', status: 400 }, unchanged],
  'anthropic/400.tool_id.json': [{ _tag: 'InvalidRequest', status: 400 }, unchanged],
  'anthropic/401.json': [{ ...refused, status: 401 }, unchanged],
  'anthropic/402.json': [{ _tag: 'QuotaExhausted', status: 402 }, unchanged],
  'anthropic/403.json': [{ ...refused, status: 403 }, unchanged],
  'anthropic/404.json': [{ _tag: 'InvalidRequest', status: 404 }, unchanged],
  'anthropic/413.json': [{ _tag: 'InvalidRequest', status: 413 }, unchanged],
  'anthropic/429.input_tokens.json': [{ _tag: 'RateLimited', status: 429, until: at + 17_000 }, unchanged],
  'anthropic/429.requests.json': [{ _tag: 'RateLimited', status: 429, until: at + 1_000 }, unchanged],
  'anthropic/429.spend_cap.json': [{ _tag: 'QuotaExhausted', status: 429, until: Date.UTC(2026, 11, 1) }, unchanged],
  'anthropic/429.unified_subscription.json': [{ _tag: 'RateLimited', status: 429, until: at + 2_094_000 }, unchanged],
  'anthropic/500.json': [{ _tag: 'ServerError', status: 500 }, unchanged],
  'anthropic/529.json': [{ _tag: 'Overloaded', status: 529 }, unchanged],
  'anthropic/count_tokens.200.json': success,
  'anthropic/models.200.json': success,

  'bedrock/429.invoke.json': [{ _tag: 'RateLimited', status: 429 }, [429, 'rate_limit_error', '1', 'true']],
  'bedrock/503.json': [{ _tag: 'Overloaded', status: 503 }, [529, 'overloaded_error', '1', 'true']],

  'github-models/410.retired.json': [{ _tag: 'Retired', status: 410 }, hopeless],
  'github-models/413.historical.json': [{ _tag: 'ContextTooLong', status: 413, limit: 'provider' }, badRequest],
  'github-models/429.historical.json': [
    { _tag: 'RateLimited', status: 429, until: at + 5_631_000 },
    [429, 'rate_limit_error', '5631', 'false'],
  ],

  'openai/400.context_length.json': [{ _tag: 'ContextTooLong', status: 400, limit: 'provider' }, badRequest],
  'openai/400.max_tokens_unsupported.json': [{ _tag: 'InvalidRequest', status: 400 }, badRequest],
  'openai/400.tool_id_length.json': [{ _tag: 'InvalidRequest', status: 400 }, badRequest],
  'openai/401.json': [{ ...refused, status: 401 }, hopeless],
  'openai/429.rate_limit.json': [
    { _tag: 'RateLimited', status: 429, until: at + 56_000 },
    [429, 'rate_limit_error', '56', 'true'],
  ],
  'openai/500.json': [{ _tag: 'ServerError', status: 500 }, [500, 'api_error']],
  'openai/503.json': [{ _tag: 'Overloaded', status: 503, until: at + 3_000 }, [529, 'overloaded_error', '3', 'true']],
  'openai/variants.fastapi.422.json': [{ _tag: 'InvalidRequest', status: 422 }, badRequest],
  'openai/variants.groq.429.json': [
    { _tag: 'RateLimited', status: 429, until: at + 2_000 },
    [429, 'rate_limit_error', '2', 'true'],
  ],
  'openai/variants.ollama.404.json': [{ _tag: 'InvalidRequest', status: 404 }, noModel],
  'openai/variants.ollama.string_error.json': [{ _tag: 'ServerError', status: 500 }, [500, 'api_error']],
  'openai/variants.vllm.400.json': [{ _tag: 'ContextTooLong', status: 400, limit: 'provider' }, badRequest],

  'openrouter/chat.401.json': [{ ...refused, status: 401 }, hopeless],
  'openrouter/chat.402.json': [{ _tag: 'QuotaExhausted', status: 402 }, [402, 'billing_error', undefined, 'false']],
  'openrouter/chat.404.no_endpoints.json': [{ _tag: 'InvalidRequest', status: 404 }, noModel],
  'openrouter/chat.429.platform.json': [
    { _tag: 'RateLimited', status: 429, until: 1_795_478_400_000 },
    [429, 'rate_limit_error', '50400', 'false'],
  ],
  'openrouter/chat.429.provider.json': [
    { _tag: 'RateLimited', status: 429, until: at + 40_000 },
    [429, 'rate_limit_error', '40', 'true'],
  ],
  'openrouter/chat.502.json': [{ _tag: 'ServerError', status: 502 }, [500, 'api_error']],
  'openrouter/chat.503.json': [
    { _tag: 'Overloaded', status: 503, until: at + 5_000 },
    [529, 'overloaded_error', '5', 'true'],
  ],
  'openrouter/key.200.json': success,
  'openrouter/messages.401.json': [{ ...refused, status: 401 }, unchanged],
  'openrouter/messages.429.json': [{ _tag: 'RateLimited', status: 429, until: at + 40_000 }, unchanged],
  'openrouter/models.200.json': success,

  'vertex/400.anthropic_envelope.json': [{ _tag: 'ContextTooLong', status: 400 }, unchanged],
  'vertex/400.failed_precondition.json': [{ _tag: 'InvalidRequest', status: 404 }, noModel],
  'vertex/401.json': [{ ...refused, status: 401 }, hopeless],
  'vertex/403.json': [{ ...refused, status: 403 }, hopeless],
  'vertex/404.json': [{ _tag: 'InvalidRequest', status: 404 }, noModel],
  'vertex/429.capacity.json': [{ _tag: 'RateLimited', status: 429 }, [429, 'rate_limit_error', '1', 'true']],
  'vertex/429.quota.json': [{ _tag: 'RateLimited', status: 429 }, [429, 'rate_limit_error', '1', 'true']],
  'vertex/429.retryinfo_gemini.json': [
    { _tag: 'RateLimited', status: 429, until: at + 34_000 },
    [429, 'rate_limit_error', '34', 'true'],
  ],
  'vertex/503.json': [{ _tag: 'Overloaded', status: 503 }, [529, 'overloaded_error', '1', 'true']],
  'vertex/529.json': [{ _tag: 'Overloaded', status: 529 }, unchanged],
  'vertex/token.200.json': success,
}

interface Sample {
  readonly status: number
  readonly headers: { readonly [name: string]: string }
  readonly body: unknown
}

describe('the sample answers', () => {
  it('are all in the table', () => {
    expect(filesOf('.json')).toEqual(Object.keys(answers))
  })

  it.each(Object.entries(answers))('%s', (file, expected) => {
    const { status, headers, body } = JSON.parse(readFileSync(new URL(file, FIXTURES), 'utf8')) as Sample
    const failed = classifyAnswer(status, Object.entries(headers), JSON.stringify(body), at, 'gateway')
    if (expected === success) {
      expect(failed).toBeUndefined()
      return
    }
    const [reason, heard] = expected
    expect(failed?.reason).toEqual(reason)
    if (heard === unchanged) {
      expect(failed?.raised).toBeUndefined()
      return
    }
    if (failed?.raised === undefined) throw new Error('nothing was raised')
    const { raised } = failed
    const envelope = JSON.parse(raised.body) as { readonly type: string; readonly error: { [name: string]: string } }
    const told = new Map(raised.headers)
    expect([envelope.type, told.get('content-type')]).toEqual(['error', 'application/json'])
    expect([raised.status, envelope.error.type, told.get('retry-after'), told.get('x-should-retry')]).toEqual([
      ...heard,
      ...Array<undefined>(4 - heard.length),
    ])
    expect(envelope.error.message).not.toBe('')
    // No account of Signalbox's, and for a prompt that is too long the words that the client acts upon.
    expect(raised.body).not.toMatch(/my-project|000000000000`|org-sample|sk-\*/)
    if (reason._tag === 'ContextTooLong') expect(envelope.error.message).toMatch(/^prompt is too long/)
  })
})

interface Built {
  readonly content: readonly object[]
  readonly stop: string
  readonly usage: object
}
/** The parser fails: with the provider's error, or for want of an end. */
type Broken = { readonly reason: FailureReason } | 'truncated'

const usage = { input_tokens: 12, output_tokens: 9 }
const openAiUsage = { input_tokens: 176, cache_read_input_tokens: 1_024, output_tokens: 64 }
const text = (value: string) => ({ type: 'text', text: value })
const tool = (id: string, name: string, input: object) => ({ type: 'tool_use', id, name, input })

const streams: { readonly [file: string]: Built | Broken } = {
  'anthropic/stream.empty_end_turn.sse': {
    content: [],
    stop: 'end_turn',
    usage: { input_tokens: 12, output_tokens: 2 },
  },
  'anthropic/stream.error_first.sse': { reason: { _tag: 'Overloaded' } },
  'anthropic/stream.refusal.sse': { content: [text('I can')], stop: 'refusal', usage },
  'anthropic/stream.text.sse': { content: [text('Hello!')], stop: 'end_turn', usage },
  'anthropic/stream.thinking_omitted_redacted.sse': {
    content: [
      { type: 'thinking', thinking: '', signature: 'EqQBSAMPLE==' },
      { type: 'redacted_thinking', data: 'EmwKAhgBSAMPLE' },
      text('Done.'),
    ],
    stop: 'end_turn',
    usage,
  },
  'anthropic/stream.thinking_tools.sse': {
    content: [
      { type: 'thinking', thinking: 'I should read two files.', signature: 'EqQBSAMPLE==' },
      text('Reading both.'),
      tool('toolu_01SampleBBBBBBBBBBBBBBBB', 'Read', { file_path: '/a.ts' }),
      tool('toolu_01SampleCCCCCCCCCCCCCCCC', 'ListMcpResources', {}),
    ],
    stop: 'tool_use',
    usage: {
      input_tokens: 42,
      cache_creation_input_tokens: 3_000,
      cache_read_input_tokens: 18_000,
      output_tokens: 96,
    },
  },
  'anthropic/stream.truncated.sse': 'truncated',

  'openai/stream.ollama_toolcall_stop.sse': {
    content: [tool('call_abcd1234', 'Read', { file_path: '/a.ts' })],
    stop: 'tool_use',
    // No usage was told: the estimate of the prompt, and about four characters to a token.
    usage: { input_tokens: 777, output_tokens: 7 },
  },
  'openai/stream.parallel_tools.sse': {
    content: [
      text('Reading both.'),
      tool('call_Sample0000000000000000', 'Read', { file_path: '/a.ts' }),
      tool('call_Sample0000000000000001', 'Glob', { pattern: '**/*.ts' }),
    ],
    stop: 'tool_use',
    usage: openAiUsage,
  },
  'openai/stream.reasoning_content_deepseek.sse': {
    content: [
      { type: 'thinking', thinking: 'Let me think.', signature: 'ours:13' },
      tool('call_1', 'Read', {}),
      { type: 'thinking', thinking: 'More thought after the call.', signature: 'ours:28' },
      text('Done.'),
    ],
    stop: 'tool_use',
    usage: { input_tokens: 36, cache_read_input_tokens: 64, output_tokens: 30 },
  },
  'openai/stream.text.sse': { content: [text('Hello!')], stop: 'end_turn', usage: openAiUsage },

  'openrouter/chat.stream.text_reasoning.sse': {
    content: [{ type: 'thinking', thinking: 'Think first.', signature: 'ours:12' }, text('Hello')],
    stop: 'end_turn',
    usage: { input_tokens: 94, cache_read_input_tokens: 100, output_tokens: 22 },
  },
  'openrouter/messages.stream.error_midway.sse': { reason: { _tag: 'Overloaded' } },
  'openrouter/messages.stream.text.sse': { content: [text('Hello')], stop: 'end_turn', usage },

  'vertex/stream.text.sse': { content: [text('Hello from Vertex')], stop: 'end_turn', usage },
}

/** The official parser, fed with these bytes. */
const parse = (bytes: string): Promise<Anthropic.Message> =>
  new Anthropic({
    apiKey: 'none',
    maxRetries: 0,
    fetch: async () => new Response(bytes, { headers: { 'content-type': 'text/event-stream' } }),
  }).messages
    .stream({ model: 'claude-opus-5-5', max_tokens: 100, messages: [{ role: 'user', content: 'x' }] })
    .finalMessage()

describe('the sample streams', () => {
  it('are all in the table', () => {
    expect(filesOf('.sse')).toEqual(Object.keys(streams))
  })

  it.each(Object.entries(streams))('%s', async (file, expected) => {
    const bytes = readFileSync(new URL(file, FIXTURES))
    const isChat = /^openai\/|\/chat\./.test(file)
    const heard = isChat ? translate(bytes, answerOptions()).frames.join('') : bytes.toString()
    if (expected === 'truncated') {
      await expect(parse(heard)).rejects.toThrow('without producing a Message')
    } else if ('reason' in expected) {
      const error: unknown = await parse(heard).catch((cause: unknown) => cause)
      if (!(error instanceof APIError)) throw new Error(`no API error: ${error}`)
      expect(classifyAnthropicEvent(JSON.stringify(error.error))).toEqual(expected.reason)
    } else {
      const message = await parse(heard)
      expect(message.content).toMatchObject(expected.content)
      expect(message.content).toHaveLength(expected.content.length)
      expect([message.stop_reason, message.stop_sequence]).toEqual([expected.stop, null])
      expect(message.usage).toMatchObject(expected.usage)
    }
  })
})
