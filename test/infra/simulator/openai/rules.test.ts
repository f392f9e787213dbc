import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { chatBody, postJson, startProviders } from '#test/simulator.ts'

const tool = (name: string, parameters: object = { type: 'object', properties: {} }) => ({
  type: 'function',
  function: { name, description: 'd', parameters },
})
const user = { role: 'user', content: 'hi' }
const calling = (...ids: readonly string[]) => ({
  role: 'assistant',
  content: null,
  tool_calls: ids.map((id) => ({ id, type: 'function', function: { name: 'Read', arguments: '{}' } })),
})
const result = (id: string, content: unknown = 'done') => ({ role: 'tool', tool_call_id: id, content })
const saying = (...messages: readonly object[]) => chatBody({ messages })
const withTools = (more: object) => chatBody({ tools: [tool('Read')], ...more })

const accepted: readonly (readonly [string, object])[] = [
  ['the smallest', chatBody()],
  [
    'every kind of part',
    saying({
      role: 'user',
      content: [
        { type: 'text', text: 't' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'auto' } },
        { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' } },
      ],
    }),
  ],
  [
    'parallel calls with their answers in any order',
    saying(user, calling('a', 'b'), result('b', ''), result('a', [{ type: 'text', text: 't' }]), user),
  ],
  ['instructions in the middle', saying({ role: 'developer', content: 'd' }, user, { role: 'system', content: 's' })],
  [
    'tools with a choice',
    withTools({ tool_choice: { type: 'function', function: { name: 'Read' } }, parallel_tool_calls: false }),
  ],
  [
    'a reasoning request',
    chatBody({ max_completion_tokens: 9, temperature: 1, reasoning_effort: 'high', stop: ['a', 'b', 'c', 'd'] }),
  ],
  ['a stream with usage', chatBody({ stream: true, stream_options: { include_usage: true } })],
  ['max_tokens for a model of before', chatBody({ model: 'gpt-4.1', max_tokens: 9, temperature: 0.5 })],
  [
    'a schema for the answer',
    chatBody({ response_format: { type: 'json_schema', json_schema: { name: 'out', schema: {}, strict: true } } }),
  ],
]

const long = 'x'.repeat(41)
/** Description, body, `param` and `code` of the error. */
const refused: readonly (readonly [string, unknown, string | null, string | null])[] = [
  ['that is not JSON', '{', null, null],
  ['that is an array', [], null, null],
  ['without a model', { messages: [user] }, 'model', 'missing_required_parameter'],
  ['with a model that is not served', chatBody({ model: 'claude-opus-5-5' }), null, 'model_not_found'],
  ['without messages', { model: 'gpt-4o' }, 'messages', 'missing_required_parameter'],
  ['with no message', saying(), 'messages', 'empty_array'],
  ['with a field of another vendor', chatBody({ top_k: 5 }), 'top_k', 'unknown_parameter'],
  ['with a role of another vendor', saying({ role: 'model', content: 'x' }), 'messages[0].role', 'invalid_value'],
  [
    'with a member of another vendor',
    saying({ ...user, cache_control: {} }),
    'messages[0].cache_control',
    'unknown_parameter',
  ],
  [
    'with reasoning sent back',
    saying(user, { role: 'assistant', content: 'x', reasoning_content: 'r' }),
    'messages[1].reasoning_content',
    'unknown_parameter',
  ],
  [
    'with a marked part',
    saying({ role: 'user', content: [{ type: 'text', text: 't', cache_control: {} }] }),
    'messages[0].content[0].cache_control',
    'unknown_parameter',
  ],
  ['with a message without content', saying({ role: 'user' }), 'messages[0].content', 'invalid_type'],
  ['with an empty message', saying({ role: 'user', content: '' }), 'messages[0].content', 'empty_string'],
  [
    'with an assistant that says nothing',
    saying(user, { role: 'assistant', content: null }),
    'messages[1].content',
    'invalid_type',
  ],
  ['with no part', saying({ role: 'user', content: [] }), 'messages[0].content', 'empty_array'],
  [
    'with an empty part',
    saying({ role: 'user', content: [{ type: 'text', text: '' }] }),
    'messages[0].content[0].text',
    'empty_string',
  ],
  [
    'with a block of the Messages API',
    saying({ role: 'user', content: [{ type: 'tool_result' }] }),
    'messages[0].content[0].type',
    'invalid_value',
  ],
  [
    'with an image in a tool message',
    saying(user, calling('a'), result('a', [{ type: 'image_url', image_url: { url: 'https://x/y.png' } }])),
    'messages[2].content[0].type',
    'invalid_value',
  ],
  [
    'with an image without data',
    saying({ role: 'user', content: [{ type: 'image_url', image_url: { url: 'AA==' } }] }),
    'messages[0].content[0].image_url.url',
    'invalid_value',
  ],
  ['with an answer to nothing', saying(user, result('a')), 'messages.[1].role', null],
  ['with an answer to another call', saying(user, calling('a'), result('b')), 'messages.[2].role', null],
  ['with one answer twice', saying(user, calling('a'), result('a'), result('a')), 'messages.[3].role', null],
  ['with an unanswered call', saying(user, calling('a', 'b'), result('a'), user), 'messages', null],
  ['with an unanswered last call', saying(user, calling('a')), 'messages', null],
  ['with two calls of one id', saying(user, calling('a', 'a'), result('a')), 'messages', null],
  ['with an answer after other words', saying(user, calling('a'), user, result('a')), 'messages', null],
  [
    'with a long call id',
    saying(user, calling(long), result(long)),
    'messages[1].tool_calls[0].id',
    'string_above_max_length',
  ],
  [
    'with arguments as an object',
    saying(
      user,
      { role: 'assistant', tool_calls: [{ id: 'a', type: 'function', function: { name: 'R', arguments: {} } }] },
      result('a'),
    ),
    'messages[1].tool_calls[0].function.arguments',
    'invalid_type',
  ],
  [
    'with an illegal name in a call',
    saying(
      user,
      { role: 'assistant', tool_calls: [{ id: 'a', type: 'function', function: { name: 'a.b', arguments: '' } }] },
      result('a'),
    ),
    'messages[1].tool_calls[0].function.name',
    'invalid_value',
  ],
  ['with an illegal tool name', chatBody({ tools: [tool('a.b')] }), 'tools[0].function.name', 'invalid_value'],
  [
    'with a long tool name',
    chatBody({ tools: [tool('x'.repeat(65))] }),
    'tools[0].function.name',
    'string_above_max_length',
  ],
  [
    'with a tool of the Messages API',
    chatBody({ tools: [{ name: 'Read', input_schema: {} }] }),
    'tools[0].type',
    'invalid_value',
  ],
  [
    'with parameters of no object',
    chatBody({ tools: [tool('Read', { type: 'string' })] }),
    'tools[0].function.parameters',
    'invalid_function_parameters',
  ],
  [
    'with parameters without properties',
    chatBody({ tools: [tool('Read', { type: 'object' })] }),
    'tools[0].function.parameters',
    'invalid_function_parameters',
  ],
  [
    'with alternatives as parameters',
    chatBody({ tools: [tool('Read', { type: 'object', properties: {}, anyOf: [] })] }),
    'tools[0].function.parameters',
    'invalid_function_parameters',
  ],
  ['with no tool', chatBody({ tools: [] }), 'tools', 'empty_array'],
  [
    'with 129 tools',
    chatBody({ tools: Array.from({ length: 129 }, (_, i) => tool(`t${i}`)) }),
    'tools',
    'array_above_max_length',
  ],
  ['with a choice without tools', chatBody({ tool_choice: 'auto' }), 'tool_choice', null],
  ['with parallel calls without tools', chatBody({ parallel_tool_calls: false }), 'parallel_tool_calls', null],
  [
    'with an unknown choice',
    withTools({ tool_choice: { type: 'function', function: { name: 'Write' } } }),
    'tool_choice',
    'invalid_value',
  ],
  ['with a choice of the Messages API', withTools({ tool_choice: { type: 'any' } }), 'tool_choice', 'invalid_value'],
  ['with five stops', chatBody({ stop: ['a', 'b', 'c', 'd', 'e'] }), 'stop', 'array_above_max_length'],
  ['with a stop for a model that has none', chatBody({ model: 'o4-mini', stop: 'a' }), 'stop', 'unsupported_parameter'],
  [
    'with max_tokens for an o model',
    chatBody({ model: 'o4-mini', max_tokens: 9 }),
    'max_tokens',
    'unsupported_parameter',
  ],
  ['with max_tokens for GPT-5', chatBody({ model: 'gpt-5.5', max_tokens: 9 }), 'max_tokens', 'unsupported_parameter'],
  [
    'with max_tokens for GPT-6',
    chatBody({ model: 'gpt-6.1-sol', max_tokens: 9 }),
    'max_tokens',
    'unsupported_parameter',
  ],
  ['with no output', chatBody({ max_completion_tokens: 0 }), 'max_completion_tokens', 'integer_below_min_value'],
  [
    'with both bounds',
    chatBody({ model: 'gpt-4o', max_tokens: 9, max_completion_tokens: 9 }),
    null,
    'invalid_parameter_combination',
  ],
  ['with a temperature for a reasoning model', chatBody({ temperature: 0.5 }), 'temperature', 'unsupported_value'],
  ['with top_p for a reasoning model', chatBody({ top_p: 0.9 }), 'top_p', 'unsupported_value'],
  [
    'with a temperature out of range',
    chatBody({ model: 'gpt-4o', temperature: 2.1 }),
    'temperature',
    'decimal_above_max_value',
  ],
  [
    'with stream options without a stream',
    chatBody({ stream_options: { include_usage: true } }),
    'stream_options',
    null,
  ],
  ['with an unknown effort', chatBody({ reasoning_effort: 'huge' }), 'reasoning_effort', 'invalid_value'],
  ['with an effort for a model that has none', chatBody({ model: 'gpt-4.1', reasoning_effort: 'high' }), null, null],
  [
    'with a long user',
    chatBody({ safety_identifier: 'x'.repeat(129) }),
    'safety_identifier',
    'string_above_max_length',
  ],
  [
    'with a schema without a name',
    chatBody({ response_format: { type: 'json_schema', json_schema: { schema: {} } } }),
    'response_format.json_schema.name',
    'missing_required_parameter',
  ],
]

const ask = (body: unknown, more: object = {}) =>
  Effect.gen(function* () {
    const { sim } = yield* startProviders({ sim: { wire: 'openai', ...more } })
    return yield* postJson(`${sim.url}/v1/chat/completions`, body)
  })

describe('the OpenAI wire', () => {
  it.live.each(accepted)('takes %s', ([, body]) =>
    Effect.gen(function* () {
      const { status, text } = yield* ask(body)
      expect(status, text).toBe(200)
    }),
  )

  it.live.each(refused)('refuses a request %s', ([, body, param, code]) =>
    Effect.gen(function* () {
      const { status, json } = yield* ask(body)
      expect(status).toBe(code === 'model_not_found' ? 404 : 400)
      expect(json).toMatchObject({ error: { type: 'invalid_request_error', param, code } })
    }),
  )

  it.live('words the refusals of ids and of max_tokens as documented', () =>
    Effect.gen(function* () {
      const id = yield* ask(saying(user, user, calling(long), result(long)))
      expect(id.json).toMatchObject({
        error: {
          message:
            "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string with maximum length 40, but got a string with length 41 instead.",
        },
      })
      const tokens = yield* ask(chatBody({ max_tokens: 1 }))
      expect(tokens.json).toMatchObject({
        error: {
          message:
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        },
      })
    }),
  )

  it.live('takes the fields beyond OpenAI’s that it is told to take, and no others', () =>
    Effect.gen(function* () {
      const accepts = ['top_k', 'messages.reasoning_content']
      const echo = saying(user, { role: 'assistant', content: 'x', reasoning_content: 'r' }, user)
      expect((yield* ask({ ...echo, top_k: 5 }, { accepts })).status).toBe(200)
      expect((yield* ask({ ...echo, min_p: 5 }, { accepts })).status).toBe(400)
      expect((yield* ask({ ...echo, reasoning_content: 'r' }, { accepts })).status).toBe(400)
    }),
  )
})
