import { describe, expect, it } from '@effect/vitest'
import { readUsage } from '#domain/dialect/anthropic-usage.ts'
import { raiseMessage } from '#domain/dialect/openai/response.ts'
import { openAiQuirks } from '#domain/dialect/openai/target.ts'
import { noUsage } from '#domain/usage.ts'
import { answerOptions } from './chat-story.ts'

const completion = (message: object, finish_reason: string | null = 'stop', usage?: object) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason }],
  ...(usage === undefined ? {} : { usage }),
})
const raised = (message: object, finish?: string | null, usage?: object, options = answerOptions()) => {
  const result = raiseMessage(completion(message, finish, usage), options)
  if (!('message' in result)) throw new Error(JSON.stringify(result))
  return result.message
}
const withCall = (args: unknown) => ({ tool_calls: [{ id: 'a', function: { name: 'Read', arguments: args } }] })

describe('a whole answer', () => {
  it('becomes a message', () => {
    expect(raised({ content: 'Hello' }, 'stop', { prompt_tokens: 10, completion_tokens: 3 })).toEqual({
      id: `msg_${'A'.repeat(23)}1`,
      type: 'message',
      role: 'assistant',
      model: 'claude-opus-5-5',
      content: [{ type: 'text', text: 'Hello' }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      stop_details: null,
      container: null,
      usage: {
        input_tokens: 10,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 0,
        output_tokens: 3,
        output_tokens_details: null,
        server_tool_use: null,
      },
    })
  })

  it('tells of the searches that the server ran, and of what it charged', () => {
    const { usage } = raised({ content: 'x' }, 'stop', {
      prompt_tokens: 10,
      completion_tokens: 3,
      server_tool_use: { web_search_requests: 2 },
      cost: 0.021,
    })
    expect(usage).toMatchObject({
      server_tool_use: { web_search_requests: 2, web_fetch_requests: 0 },
      cost: 0.021,
      output_tokens: 3,
    })
    expect(readUsage(usage)).toEqual({ ...noUsage, inputTokens: 10, outputTokens: 3, webSearches: 2 })
  })

  it.each<[unknown, object]>([
    ['{"f":1}', { f: 1 }],
    [{ f: 1 }, { f: 1 }],
    ['"{\\"f\\":1}"', { f: 1 }],
    ['', {}],
    [undefined, {}],
    ['null', {}],
    ['{"f":', { _raw: '{"f":' }],
    ['[1]', { _raw: '[1]' }],
  ])('with arguments %j', (args, input) => {
    expect(raised(withCall(args)).content).toEqual([{ type: 'tool_use', id: 'a', name: 'Read', input }])
  })

  it.each<[string | null, object, string]>([
    ['stop', {}, 'end_turn'],
    ['', {}, 'end_turn'],
    [null, withCall('{}'), 'tool_use'],
    ['stop', withCall('{}'), 'tool_use'],
    ['tool_calls', {}, 'end_turn'],
    ['length', withCall('{"f'), 'max_tokens'],
    ['content_filter', {}, 'refusal'],
    ['stop', { refusal: 'No.' }, 'refusal'],
  ])('finish %j with %j stops as %s', (finish, message, reason) => {
    expect(raised(message, finish).stop_reason).toBe(reason)
  })

  it('takes the old form of a function call', () => {
    expect(raised({ function_call: { name: 'Read', arguments: '{}' } }, 'function_call')).toMatchObject({
      content: [{ type: 'tool_use', name: 'Read', input: {} }],
      stop_reason: 'tool_use',
    })
  })

  it.each([{ content: null }, { content: '' }, { content: ' \n' }, { content: [] }])(
    '%j is an empty message',
    (message) => {
      expect(raised(message)).toMatchObject({ content: [], stop_reason: 'end_turn' })
    },
  )
})

describe('usage', () => {
  it('takes cached tokens out of the prompt, and never below zero', () => {
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 5,
      prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 30 },
    }
    expect(raised({}, 'stop', usage).usage).toMatchObject({
      input_tokens: 10,
      cache_read_input_tokens: 60,
      cache_creation_input_tokens: 30,
    })
    expect(raised({}, 'stop', { prompt_tokens: 5, prompt_tokens_details: { cached_tokens: 9 } }).usage).toMatchObject({
      input_tokens: 0,
      cache_read_input_tokens: 5,
    })
  })

  it('adds reasoning tokens only where they are apart', () => {
    const usage = { prompt_tokens: 1, completion_tokens: 5, completion_tokens_details: { reasoning_tokens: 20 } }
    const apart = answerOptions({ quirks: { ...openAiQuirks, reasoningTokensApart: true } })
    expect(raised({}, 'stop', usage).usage.output_tokens).toBe(5)
    expect(raised({}, 'stop', usage, apart).usage).toMatchObject({
      output_tokens: 25,
      output_tokens_details: { thinking_tokens: 20 },
    })
  })

  it.each([undefined, {}, { prompt_tokens: null }, 'none'])('is estimated where the server reports %j', (usage) => {
    const { usage: told } = raised({ content: 'four'.repeat(10) }, 'stop', usage as object)
    expect(told).toMatchObject({ input_tokens: 777, output_tokens: 10 })
  })

  it.each<[string, object]>([
    ["OpenAI's details", { prompt_tokens_details: { cached_tokens: 60 } }],
    ["DeepSeek's hits", { prompt_cache_hit_tokens: 60, prompt_cache_miss_tokens: 40 }],
    ["Kimi's count", { cached_tokens: 60 }],
  ])('knows cached tokens from %s', (_, told) => {
    expect(raised({}, 'stop', { prompt_tokens: 100, completion_tokens: 1, ...told }).usage).toMatchObject({
      input_tokens: 40,
      cache_read_input_tokens: 60,
    })
  })

  it('passes on what the server charged, in USD, and nothing that is no amount', () => {
    const cost = (value: unknown) =>
      raised({}, 'stop', { prompt_tokens: 1, completion_tokens: 1, cost: value }).usage.cost
    expect([0, 0.00095, '0.1', -1, Number.NaN, null].map(cost)).toEqual([0, 0.00095, ...Array(4).fill(undefined)])
  })
})

describe('what is no answer', () => {
  it.each([
    null,
    'x',
    [],
    {},
    { choices: [] },
    { choices: [{}] },
    completion({ tool_calls: [{ id: 'a', function: { arguments: '{}' } }] }),
  ])('%j is malformed', (json) => {
    expect(raiseMessage(json, answerOptions())).toHaveProperty('malformed')
  })

  it.each<[object, string]>([
    [{ error: { code: 429, message: 'slow down' } }, 'RateLimited'],
    [{ choices: [{ finish_reason: 'error', error: { code: 503, message: 'x' } }] }, 'Overloaded'],
    [completion({ content: 'half' }, 'insufficient_system_resource'), 'ServerError'],
    [{ object: 'error', message: "This model's maximum context length is 9 tokens.", code: 400 }, 'ContextTooLong'],
  ])('%j holds an error', (json, tag) => {
    expect(raiseMessage(json, answerOptions())).toMatchObject({ error: { reason: { _tag: tag } } })
  })
})
