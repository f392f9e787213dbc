import { describe, expect, it } from '@effect/vitest'
import { fnvHash } from '#domain/dialect/fnv-hash.ts'
import { lower, refusal, system, text, user } from './lower.ts'

const bodyOf = (body: object, quirks: object = {}) => lower(body, { quirks }).body

describe('a request', () => {
  it('has the model of the server, the messages, the limit, and nothing else', () => {
    expect(lower({})).toEqual({
      body: { model: 'gpt-x', messages: [user('hi')], max_tokens: 100, stream: false },
      names: { tools: new Map(), ids: new Map() },
      dropped: [],
    })
  })

  it('names what it left out', () => {
    const extra = {
      service_tier: 'auto',
      speed: 'fast',
      inference_geo: 'eu',
      container: 'c',
      mcp_servers: [{}],
      context_management: { edits: [] },
      diagnostics: {},
      fallbacks: 'default',
      thread: {},
      billing_policy: {},
      cache_control: { type: 'ephemeral' },
      anything_new: 1,
    }
    const { body, dropped } = lower({ ...extra, container: null })
    expect(Object.keys(body)).toEqual(['model', 'messages', 'max_tokens', 'stream'])
    expect(dropped).toEqual(Object.keys(extra).filter((name) => name !== 'container'))
  })

  it('without any content is refused, as is one for no tokens at all', () => {
    expect(refusal({ messages: [] })).toMatch(/^messages: /)
    expect(refusal({ messages: [user('')] })).toMatch(/^messages: /)
    expect(refusal({ max_tokens: 0 })).toMatch(/^max_tokens: /)
  })
})

describe('a request that is nested', () => {
  const nested = (depth: number) => JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)
  const called = (depth: number) => ({
    messages: [
      user('x'),
      { role: 'assistant', content: [{ type: 'tool_use', id: 'c', name: 'n', input: nested(depth) }] },
    ],
  })

  it('passes as deep as any real one, and is refused before it exhausts the stack', () => {
    expect(lower(called(400)).dropped).toEqual([])
    for (const depth of [1_000, 100_000]) expect(refusal(called(depth))).toMatch(/nested more than 500 deep/)
  })
})

describe('the instructions', () => {
  const first = (given: unknown, quirks: object = {}) =>
    (bodyOf({ system: given }, quirks).messages as readonly unknown[])[0]

  it('are one leading message, in the role the server wants', () => {
    expect(first('be kind')).toEqual(system('be kind'))
    expect(first([text('a'), { ...text('b'), cache_control: { type: 'ephemeral' } }])).toEqual(system('a\n\nb'))
    expect(first('be kind', { systemRole: 'developer' })).toEqual({ role: 'developer', content: 'be kind' })
  })

  it('are left out when blank', () => {
    for (const none of [undefined, null, '', ' ', [], [text('')]]) expect(first(none)).toEqual(user('hi'))
  })

  it("lose Claude Code's line about its version, wherever it stands", () => {
    const line = text('x-anthropic-billing-header: cc_version=2.1.330.440; cc_entrypoint=sdk-cli;')
    expect(first([line, text('a')])).toEqual(system('a'))
    expect(first([text('a'), line])).toEqual(system('a'))
    expect(first([line])).toEqual(user('hi'))
  })
})

describe('the limit of the output', () => {
  it('goes in the field the server knows, cut to what it takes', () => {
    expect(bodyOf({ max_tokens: 32_000 }, { maxTokensField: 'max_completion_tokens' })).toMatchObject({
      max_completion_tokens: 32_000,
    })
    expect(bodyOf({ max_tokens: 32_000 }, { maxOutputTokens: 16_384 })).toMatchObject({ max_tokens: 16_384 })
    expect(bodyOf({ max_tokens: 8 }, { maxOutputTokens: 16_384 })).toMatchObject({ max_tokens: 8 })
    expect(bodyOf({ max_tokens: undefined }, { maxOutputTokens: 16_384 })).not.toHaveProperty('max_tokens')
  })
})

describe('sampling', () => {
  const sampled = { temperature: 0, top_p: 0.9, top_k: 40 }

  it('passes, save top_k where it is not known', () => {
    expect(bodyOf(sampled, { topK: true })).toMatchObject(sampled)
    const { body, dropped } = lower(sampled)
    expect(body).toMatchObject({ temperature: 0, top_p: 0.9 })
    expect(body).not.toHaveProperty('top_k')
    expect(dropped).toEqual(['top_k'])
  })

  it('is left out where it is no number that JSON has', () => {
    const { body } = lower({ temperature: Number.POSITIVE_INFINITY, top_p: 0.9 })
    expect(body).not.toHaveProperty('temperature')
    expect(body).toMatchObject({ top_p: 0.9 })
  })

  it('is dropped for models that reason', () => {
    const { body, dropped } = lower(sampled, { quirks: { noSampling: true } })
    expect(Object.keys(body)).toEqual(['model', 'messages', 'max_tokens', 'stream'])
    expect(dropped).toEqual(['temperature', 'top_p', 'top_k'])
  })
})

describe('stop sequences', () => {
  it('pass up to four; what is lost is told', () => {
    expect(lower({ stop_sequences: ['a', '', 'b'] })).toMatchObject({ body: { stop: ['a', 'b'] }, dropped: [] })
    expect(lower({ stop_sequences: ['a', 'b', 'c', 'd', 'e'] })).toMatchObject({
      body: { stop: ['a', 'b', 'c', 'd'] },
      dropped: ['stop_sequences'],
    })
    const { body, dropped } = lower({ stop_sequences: ['a'] }, { quirks: { noStop: true } })
    expect(body).not.toHaveProperty('stop')
    expect(dropped).toEqual(['stop_sequences'])
    expect(bodyOf({ stop_sequences: [] })).not.toHaveProperty('stop')
  })
})

describe('the stream', () => {
  it('is asked for with usage, by the client or by us', () => {
    const streamed = { stream: true, stream_options: { include_usage: true } }
    expect(bodyOf({ stream: true })).toMatchObject(streamed)
    expect(lower({ stream: false }, { forceStream: true }).body).toMatchObject(streamed)
    expect(bodyOf({ stream: true }, { noStreamOptions: true })).not.toHaveProperty('stream_options')
    expect(bodyOf({ stream: false })).toMatchObject({ stream: false })
  })
})

describe('the user id', () => {
  it('is hashed, for it names device and account', () => {
    const user_id = JSON.stringify({ device_id: 'd'.repeat(64), account_uuid: '', session_id: 'x' })
    for (const userField of ['user', 'safety_identifier'] as const) {
      const { body, dropped } = lower({ metadata: { user_id } }, { quirks: { userField } })
      expect(body[userField]).toMatch(/^[0-9a-f]{16}$/)
      expect(dropped).toEqual([])
    }
    expect(lower({ metadata: { user_id } }).dropped).toEqual(['metadata'])
    expect(lower({ metadata: {} }, { quirks: { userField: 'user' } }).body).not.toHaveProperty('user')
  })

  it('has the hash of the published test vectors', () => {
    // draft-eastlake-fnv, 64-bit FNV-1a.
    expect(['', 'a', 'foobar'].map(fnvHash)).toEqual(['cbf29ce484222325', 'af63dc4c8601ec8c', '85944171f73967e8'])
  })
})

describe('reasoning', () => {
  const on = { type: 'adaptive' }
  const off = { type: 'disabled' }
  const effort = (value: string) => ({ output_config: { effort: value } })
  const budget = (tokens: number) => ({ thinking: { type: 'enabled', budget_tokens: tokens } })

  it.each([
    [{}, undefined],
    [{ thinking: on }, undefined],
    [effort('medium'), 'medium'],
    [{ thinking: on, ...effort('low') }, 'low'],
    [{ thinking: on, ...effort('max') }, 'high'],
    [{ thinking: on, ...effort('minimal') }, 'low'],
    [{ thinking: on, ...effort('unheard') }, undefined],
    [budget(3_999), 'low'],
    [budget(4_000), 'medium'],
    [budget(16_000), 'high'],
    [{ ...budget(31_999), ...effort('low') }, 'low'],
    [{ thinking: off, ...effort('high') }, undefined],
    [{ ...effort('low'), messages: [user('a'), { ...system('b'), ...effort('high') }] }, 'high'],
  ])('%j is effort %s', (body, expected) => {
    expect(bodyOf(body, { reasoning: 'reasoning_effort' }).reasoning_effort).toBe(expected)
  })

  it('keeps to the efforts that the server lists', () => {
    const with_ = (body: object, efforts: readonly string[]) =>
      bodyOf(body, { reasoning: 'reasoning_effort', efforts }).reasoning_effort
    const efforts = ['none', 'low', 'high', 'max']
    expect(['minimal', 'low', 'medium', 'high', 'xhigh', 'max'].map((one) => with_(effort(one), efforts))).toEqual([
      'low',
      'low',
      'low',
      'high',
      'high',
      'max',
    ])
    expect(with_({ thinking: off }, efforts)).toBe('none')
    expect(with_({ thinking: off }, ['low'])).toBeUndefined()
  })

  it.each([
    [{ thinking: on }, { enabled: true }],
    [{ thinking: off }, { enabled: false }],
    [{ thinking: on, ...effort('high') }, { effort: 'high' }],
    [{}, undefined],
  ])('%j is an object for OpenRouter', (body, expected) => {
    expect(bodyOf(body, { reasoning: 'openrouter' }).reasoning).toEqual(expected)
  })

  it('is switched on and off where it has no efforts; silence is off, as it is for Claude', () => {
    const thinking = (body: object) => bodyOf(body, { reasoning: 'thinking' }).thinking
    expect([thinking({ thinking: on }), thinking({ thinking: off }), thinking({})]).toEqual([
      { type: 'enabled' },
      { type: 'disabled' },
      { type: 'disabled' },
    ])
  })

  it('is switched in the chat template of servers that have it there', () => {
    const kwargs = (body: object) => bodyOf(body, { reasoning: 'enable_thinking' }).chat_template_kwargs
    expect([kwargs({ thinking: on }), kwargs({ thinking: off }), kwargs({})]).toEqual([
      { enable_thinking: true },
      { enable_thinking: false },
      { enable_thinking: false },
    ])
  })

  it('is dropped where there is none', () => {
    const { body, dropped } = lower({ thinking: on, ...effort('high') })
    expect(Object.keys(body)).toEqual(['model', 'messages', 'max_tokens', 'stream'])
    expect(dropped).toEqual(['thinking', 'output_config.effort'])
  })
})

describe('structured output', () => {
  const schema = {
    type: 'object',
    properties: { title: { type: 'string' } },
    required: ['title'],
    additionalProperties: false,
  }
  const format = { type: 'json_schema', schema }

  it('is a response format, strict where the schema allows it', () => {
    const expected = { type: 'json_schema', json_schema: { name: 'output', schema, strict: true } }
    expect(bodyOf({ output_config: { format } }).response_format).toEqual(expected)
    expect(bodyOf({ output_format: format }).response_format).toEqual(expected)
    const open = { ...schema, additionalProperties: true }
    expect(bodyOf({ output_config: { format: { ...format, schema: open } } }).response_format).toEqual({
      type: 'json_schema',
      json_schema: { name: 'output', schema: open, strict: false },
    })
  })

  it('is asked for in words where the server knows no schemas', () => {
    const body = bodyOf({ system: 'be kind', output_config: { format } }, { jsonObjectOnly: true })
    expect(body.response_format).toEqual({ type: 'json_object' })
    expect(body.messages).toEqual([
      system(`be kind\n\nAnswer with one JSON object that fits this JSON Schema:\n${JSON.stringify(schema)}`),
      user('hi'),
    ])
  })
})
