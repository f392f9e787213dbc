import { describe, expect, it } from '@effect/vitest'
import { assistant, call, chat, lower, refusal, result, text, user } from './lower.ts'

const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false }
/** A request that uses every field there is. */
const full = {
  tools: [{ name: 'Read' }],
  tool_choice: { type: 'any', disable_parallel_tool_use: true },
  temperature: 0.5,
  top_p: 0.9,
  top_k: 40,
  stop_sequences: ['x'],
  stream: true,
  thinking: { type: 'adaptive' },
  output_config: { effort: 'high', format: { type: 'json_schema', schema } },
  metadata: { user_id: 'me' },
}
const quirks = { topK: true, reasoning: 'reasoning_effort', userField: 'user' } as const
const without = (...names: string[]) => lower(full, { quirks, without: names.map((name) => `param:${name}`) })

const everything = [
  'model',
  'messages',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'max_tokens',
  'temperature',
  'top_p',
  'top_k',
  'stop',
  'reasoning_effort',
  'response_format',
  'user',
  'stream',
  'stream_options',
]

describe('a field that the server was seen to refuse', () => {
  it('is there until then', () => {
    expect(Object.keys(without().body)).toEqual(everything)
    expect(without().dropped).toEqual([])
  })

  it.each([
    ['temperature', ['temperature']],
    ['top_p', ['top_p']],
    ['top_k', ['top_k']],
    ['stop', ['stop_sequences']],
    ['tool_choice', ['tool_choice']],
    ['parallel_tool_calls', ['tool_choice.disable_parallel_tool_use']],
    ['reasoning_effort', ['thinking', 'output_config.effort']],
    ['user', ['metadata']],
    // Nothing of the client's is lost: usage is estimated, and the schema stands in the instructions.
    ['stream_options', []],
    ['response_format', []],
  ])('%s is left out alone, and the loss is told', (name, dropped) => {
    const lowered = without(name)
    expect(Object.keys(lowered.body)).toEqual(everything.filter((one) => one !== name))
    expect(lowered.dropped).toEqual(dropped)
  })

  it.each([
    ['reasoning', { reasoning: 'openrouter' }],
    ['thinking', { reasoning: 'thinking' }],
    ['chat_template_kwargs', { reasoning: 'enable_thinking' }],
    ['safety_identifier', { userField: 'safety_identifier' }],
  ] as const)('%s is known in its other forms too', (name, form) => {
    const asked = (refused: readonly string[]) => lower(full, { quirks: { ...quirks, ...form }, without: refused }).body
    expect(asked([])).toHaveProperty(name)
    expect(asked([`param:${name}`])).not.toHaveProperty(name)
  })

  it('is swapped where it has another name', () => {
    expect(without('max_tokens').body).toMatchObject({ max_completion_tokens: 100 })
    expect(without('max_tokens').body).not.toHaveProperty('max_tokens')
    const reverse = lower(full, {
      quirks: { maxTokensField: 'max_completion_tokens' },
      without: ['param:max_completion_tokens'],
    })
    expect(reverse.body).toMatchObject({ max_tokens: 100 })
    const neither = without('max_tokens', 'max_completion_tokens')
    expect(Object.keys(neither.body)).toEqual(everything.filter((name) => name !== 'max_tokens'))
  })

  it('of a schema leaves the schema in words', () => {
    expect(JSON.stringify(without('response_format').body.messages)).toContain('fits this JSON Schema')
    expect(JSON.stringify(without().body.messages)).not.toContain('JSON Schema')
  })

  it('that no request can do without is a reason to refuse, and one that is not sent changes nothing', () => {
    expect(refusal(full, { without: ['param:tools'] })).toMatch(/^tools: /)
    expect(lower({}, { without: ['param:tools'] }).body).toEqual(lower({}).body)
    expect(without('model', 'messages', 'stream', 'logit_bias').body).toEqual(without().body)
    expect(lower(full, { quirks, without: ['beta:temperature', 'temperature'] }).body).toEqual(without().body)
  })
})

describe("Gemini's signature of its own calls", () => {
  const escaped = { extra_content: { google: { thought_signature: 'skip_thought_signature_validator' } } }
  const talk = [
    user('a'),
    assistant([call('c1'), call('c2')]),
    user([result('c1', 'r'), result('c2', 'r')]),
    assistant([text('b'), call('c3')]),
    user([result('c3', 'r')]),
  ]
  const signed = (messages: readonly { readonly tool_calls?: readonly object[] }[]) =>
    messages.flatMap((message) => message.tool_calls ?? []).map((one) => ('extra_content' in one ? one : undefined))

  it('is replaced by the escape value on the first call of each message', () => {
    expect(signed(chat(talk, { geminiThoughtSignature: true }) as readonly object[])).toMatchObject([
      escaped,
      undefined,
      escaped,
    ])
  })

  it('is not sent to anybody else', () => {
    expect(JSON.stringify(chat(talk))).not.toContain('extra_content')
  })

  it('leaves the bytes of a message as they were when the conversation goes on', () => {
    const before = chat(talk, { geminiThoughtSignature: true })
    const after = chat([...talk, assistant('done'), user('next')], { geminiThoughtSignature: true })
    expect(after.slice(0, before.length)).toEqual(before)
  })
})
