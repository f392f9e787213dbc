import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@effect/vitest'
import type { AnswerOptions } from '#domain/dialect/openai/answer-parts.ts'
import { chatStream, stepChat } from '#domain/dialect/openai/stream.ts'
import { openAiQuirks } from '#domain/dialect/openai/target.ts'
import { cutFrames, frameCutter } from '#domain/dialect/sse-frames.ts'
import { accumulate, answerOptions, type Block, bytesOf, call, delta, translate } from './chat-story.ts'

const sample = (name: string): Buffer => readFileSync(new URL(`../../../fixtures/${name}.sse`, import.meta.url))
const told = (bytes: Uint8Array, options?: AnswerOptions) => accumulate(translate(bytes, options).frames)
const usage = { input_tokens: 176, cache_creation_input_tokens: 0, cache_read_input_tokens: 1024, output_tokens: 64 }
const stop = delta({}, 'stop')
const tool = (id: string, name: string, input: object): Block => ({ type: 'tool_use', id, name, input })

const SAMPLES: {
  readonly [name: string]: { readonly content: readonly Block[]; readonly stop: string; readonly usage: object }
} = {
  'openai/stream.text': { content: [{ type: 'text', text: 'Hello!' }], stop: 'end_turn', usage },
  'openai/stream.parallel_tools': {
    content: [
      { type: 'text', text: 'Reading both.' },
      tool('call_Sample0000000000000000', 'Read', { file_path: '/a.ts' }),
      tool('call_Sample0000000000000001', 'Glob', { pattern: '**/*.ts' }),
    ],
    stop: 'tool_use',
    usage,
  },
  'openai/stream.ollama_toolcall_stop': {
    content: [tool('call_abcd1234', 'Read', { file_path: '/a.ts' })],
    stop: 'tool_use',
    usage: { input_tokens: 777 },
  },
  'openai/stream.reasoning_content_deepseek': {
    content: [
      { type: 'thinking', thinking: 'Let me think.', signature: 'ours:13' },
      tool('call_1', 'Read', {}),
      { type: 'thinking', thinking: 'More thought after the call.', signature: 'ours:28' },
      { type: 'text', text: 'Done.' },
    ],
    stop: 'tool_use',
    usage: { input_tokens: 36, cache_read_input_tokens: 64, output_tokens: 30 },
  },
  'openrouter/chat.stream.text_reasoning': {
    content: [
      { type: 'thinking', thinking: 'Think first.', signature: 'ours:12' },
      { type: 'text', text: 'Hello' },
    ],
    stop: 'end_turn',
    usage: { input_tokens: 94, cache_read_input_tokens: 100, output_tokens: 22, cost: 0.00095 },
  },
}

describe('the sample streams', () => {
  it.each(Object.keys(SAMPLES))('%s, however the bytes break', (name) => {
    const expected = SAMPLES[name]!
    const bytes = sample(name)
    const whole = translate(bytes)
    const result = accumulate(whole.frames)
    expect(result.content).toEqual(expected.content)
    expect(result.ended).toBe(true)
    expect(result.stop).toMatchObject({ stop_reason: expected.stop, stop_sequence: null })
    expect(result.usage).toMatchObject(expected.usage)
    for (const size of [1, 2, 7, 64]) expect(translate(bytes, answerOptions(), size).frames).toEqual(whole.frames)
  })

  it.each(Object.keys(SAMPLES))('%s, cut anywhere before its finish reason, is broken and never ends', (name) => {
    const text = sample(name).toString()
    const finish = Math.max(text.indexOf('"finish_reason":"stop"'), text.indexOf('"finish_reason":"tool_calls"'))
    for (let at = 0; at < finish; at += 13) {
      const { frames, broken } = translate(Buffer.from(text.slice(0, at)))
      expect(broken).toBeTypeOf('string')
      expect(frames.join('')).not.toMatch(/message_stop|message_delta/)
    }
  })
})

describe('tool calls', () => {
  const twoCalls = [tool('a', 'Read', { f: 1 }), tool('b', 'Glob', { p: 2 })]
  it.each<[string, readonly object[]]>([
    [
      'interleaved',
      [
        call(0, 'a', 'Read', ''),
        call(1, 'b', 'Glob', ''),
        call(0, undefined, undefined, '{"f"'),
        call(1, undefined, undefined, '{"p":'),
        call(0, undefined, undefined, ':1}'),
        call(1, undefined, undefined, '2}'),
      ],
    ],
    [
      'text between the fragments of a call',
      [call(0, 'a', 'Read', '{"f"'), call(1, 'b', 'Glob', '{"p":2}'), call(0, undefined, undefined, ':1}')],
    ],
    [
      'names and ids in pieces',
      [
        call(0, 'a', 'Re'),
        call(0, undefined, 'ad'),
        call(0, undefined, undefined, '{"f":1}'),
        call(1, 'b', 'Gl'),
        call(1, 'b', 'Glob', '{"p":2}'),
      ],
    ],
    [
      'names and ids repeated',
      [
        call(0, 'a', 'Read', '{"f"'),
        call(0, 'a', 'Read', ':1}'),
        call(1, 'b', 'Glob', '{"p'),
        call(1, 'b', 'Glob', '":2}'),
      ],
    ],
    [
      'all the arguments in each chunk',
      [
        call(0, 'a', 'Read', '{"f"'),
        call(0, 'a', 'Read', '{"f":1'),
        call(0, 'a', 'Read', '{"f":1}'),
        call(0, 'a', 'Read', '{"f":1}'),
        call(0, 'a', 'Read', '{"f":1}'),
        call(1, 'b', 'Glob', '{"p":2}'),
        call(1, 'b', 'Glob', '{"p":2}'),
      ],
    ],
    [
      'no index',
      [
        call(undefined, 'a', 'Read', '{"f":1}'),
        call(undefined, 'b', 'Glob', '{"p":'),
        call(undefined, undefined, undefined, '2}'),
      ],
    ],
    ['all with index 0', [call(0, 'a', 'Read', '{"f":1}'), call(0, 'b', 'Glob', '{"p":2}')]],
    ['arguments as objects', [call(0, 'a', 'Read', { f: 1 }), call(1, 'b', 'Glob', { p: 2 })]],
    ['arguments encoded twice', [call(0, 'a', 'Read', '"{\\"f\\":1}"'), call(1, 'b', 'Glob', '{"p":2}')]],
    [
      'an id that comes late',
      [call(0, undefined, 'Read'), call(0, 'a', undefined, '{"f":1}'), call(1, 'b', 'Glob', '{"p":2}')],
    ],
  ])('%s', (_, chunks) => {
    const result = told(bytesOf(...chunks, stop, '[DONE]'))
    expect(result.content).toEqual(twoCalls)
    expect(result.stop).toMatchObject({ stop_reason: 'tool_use' })
  })

  it('that are all number 0 and have no ids are told apart by what they say', () => {
    const read = (args: string) => call(0, '', 'Read', args)
    const inputs = (...chunks: readonly object[]) =>
      told(bytesOf(...chunks, stop)).content.map((block) => [block.name, block.input])
    expect(inputs(read('{"f":1}'), call(0, '', 'Glob', '{"p":2}'), read('{"f":3}'))).toEqual([
      ['Read', { f: 1 }],
      ['Glob', { p: 2 }],
      ['Read', { f: 3 }],
    ])
    expect(inputs(read('{"f":1}'), read('{"f":1}'))).toEqual([['Read', { f: 1 }]])
    expect(inputs(read('{"f":1}'), call(0, '', 'Glob', ''), call(0, '', undefined, '{"f":1}'))).toEqual([
      ['Read', { f: 1 }],
      ['Glob', { f: 1 }],
    ])
  })

  it('an object that repeats its own beginning inside is no repetition', () => {
    const result = told(bytesOf(call(0, 'a', 'Read', '{"a":'), call(0, undefined, undefined, '{"a":1}}'), stop))
    expect(result.content).toEqual([tool('a', 'Read', { a: { a: 1 } })])
  })

  it('without arguments get an empty object', () => {
    expect(told(bytesOf(call(0, 'a', 'Now', ''), stop)).content).toEqual([tool('a', 'Now', {})])
    expect(told(bytesOf(call(0, 'a', 'Now'), stop)).content).toEqual([tool('a', 'Now', {})])
  })

  it('get new ids where theirs are missing, doubled, illegal or known from the history', () => {
    const names = { tools: new Map([['short', 'mcp__long__name']]), ids: new Map([['old', 'toolu_old']]) }
    const chunks = ['', 'x', 'x', 'functions.Bash:0', 'old'].map((id, i) => call(i, id, 'short', '{}'))
    const { content } = told(bytesOf(...chunks, stop), answerOptions({ names }))
    expect(content.map((block) => block.name)).toEqual(Array(5).fill('mcp__long__name'))
    expect(new Set(content.map((block) => block.id)).size).toBe(5)
    expect(content[1]?.id).toBe('x')
    for (const i of [0, 2, 3, 4]) expect(content[i]?.id).toMatch(/^toolu_[A-Z0-9]{24}$/)
  })

  it('without a name break the stream', () => {
    expect(translate(bytesOf(call(0, 'a', undefined, '{}'), stop)).broken).toBe('a tool call has no name')
  })

  it('that are cut by the length keep that reason', () => {
    const { frames } = translate(bytesOf(call(0, 'a', 'Read', '{"f'), delta({}, 'length')))
    expect(frames.join('')).toContain('"stop_reason":"max_tokens"')
  })

  it('are sent live, not at the end', () => {
    const { frames } = translate(bytesOf(call(0, 'a', 'Read', '{"f"'), call(0, undefined, undefined, ':1')))
    expect(frames.filter((frame) => frame.includes('input_json_delta'))).toHaveLength(2)
  })
})

describe('reasoning', () => {
  it.each<[string, object]>([
    ['reasoning_content', { reasoning_content: 'hm' }],
    ['reasoning', { reasoning: 'hm' }],
    ['both, the same', { reasoning_content: 'hm', reasoning: 'hm' }],
    ['reasoning_details', { reasoning_details: [{ type: 'reasoning.text', text: 'hm' }] }],
    ['a summary', { reasoning_details: [{ type: 'reasoning.summary', summary: 'hm' }] }],
    ['thinking_blocks', { thinking_blocks: [{ type: 'thinking', thinking: 'hm', signature: 's' }] }],
    ['content parts', { content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] }] }],
  ])('as %s', (_, change) => {
    expect(told(bytesOf(delta(change), delta({ content: 'ok' }), stop)).content).toEqual([
      { type: 'thinking', thinking: 'hm', signature: 'ours:2' },
      { type: 'text', text: 'ok' },
    ])
  })

  it('in think tags, wherever the text breaks, by quirk only', () => {
    const content = '\n<think>a < b</think>\n\nSo <think> is a tag.'
    const thinkTags = answerOptions({ quirks: { ...openAiQuirks, thinkTags: true } })
    for (let size = 1; size <= content.length; size++) {
      const pieces = content.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
      const bytes = bytesOf(...pieces.map((piece) => delta({ content: piece })), stop)
      expect(told(bytes, thinkTags).content).toEqual([
        { type: 'thinking', thinking: 'a < b', signature: 'ours:5' },
        { type: 'text', text: 'So <think> is a tag.' },
      ])
      expect(told(bytes).content).toEqual([{ type: 'text', text: content }])
    }
  })
})

describe('errors and ends', () => {
  it.each<[string, object | string, string]>([
    ['a chunk with an error', { error: { message: 'x', type: 'server_error', code: 'server_error' } }, 'api_error'],
    [
      "OpenRouter's",
      {
        error: { code: 503, message: 'x', metadata: { error_type: 'provider_overloaded' } },
        choices: [{ delta: { content: '' }, finish_reason: 'error' }],
      },
      'overloaded_error',
    ],
    ['an error as text', { error: 'no memory' }, 'api_error'],
    ["vLLM's", { object: 'error', message: 'x', type: 'BadRequestError', code: 400 }, 'invalid_request_error'],
    ['finish reason error', delta({}, 'error'), 'api_error'],
    ['an empty account', { error: { code: 'insufficient_quota' } }, 'billing_error'],
    ['a refused key', { error: { code: 'invalid_api_key', message: 'sk-secret' } }, 'api_error'],
  ])('%s becomes an error event, first or in the middle', (_, chunk, type) => {
    for (const before of [[], [delta({ content: 'Par' })]]) {
      const { frames, stream } = translate(bytesOf(...before, chunk, '[DONE]'))
      expect(stream.phase).toBe('failed')
      expect(frames.filter((frame) => frame.startsWith('event: error'))).toHaveLength(1)
      expect(accumulate(frames).error).toMatchObject({ type })
      expect(frames.join('')).not.toMatch(/message_stop|sk-secret/)
    }
  })

  it('comments become pings, also before the answer', () => {
    expect(translate(Buffer.from(': keep-alive\n\n')).frames).toEqual(['event: ping\ndata: {"type":"ping"}\n\n'])
  })

  it.each<[string, string | Buffer, string]>([
    ['HTML', '<html>\n\n</html>\n\n', 'the stream ended before an answer began'],
    ['nothing', '', 'the stream ended before an answer began'],
    ['[DONE] alone', bytesOf('[DONE]'), 'the stream ended before an answer began'],
    ['a chunk cut in half', 'data: {"choices":[{"del\n\n', 'a chunk is not a JSON object'],
  ])('%s is broken', (_, bytes, why) => {
    expect(translate(Buffer.from(bytes)).broken).toBe(why)
  })

  it('[DONE] without a finish reason is an end, and so is a finish reason without [DONE]', () => {
    for (const end of ['[DONE]', stop]) {
      const result = told(bytesOf(delta({ content: 'ok' }), end))
      expect([result.ended, result.stop]).toMatchObject([true, { stop_reason: 'end_turn' }])
    }
  })

  it.each<[string, readonly object[], string]>([
    ['a finish reason waits for the usage', [stop], 'finished'],
    ['the usage after it ends the answer at once', [stop, { choices: [], usage: { prompt_tokens: 1 } }], 'ended'],
    ['the usage beside it may not be the last', [{ ...stop, usage: { prompt_tokens: 1 } }], 'finished'],
  ])('%s', (_, chunks, phase) => {
    const stream = chatStream(answerOptions())
    cutFrames(frameCutter(), bytesOf(delta({ content: 'ok' }), ...chunks), (frame) => void stepChat(stream, frame))
    expect(stream.phase).toBe(phase)
  })

  it('a prompt that was cached as a whole replaces the estimate, which a zero would not', () => {
    const cached = { prompt_tokens: 10, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 10 } }
    const result = told(bytesOf(delta({ content: 'ok' }), stop, { choices: [], usage: cached }))
    expect(result.usage).toMatchObject({ input_tokens: 1, cache_read_input_tokens: 10 })
  })

  it('only the first of several choices is told', () => {
    const choice = (index: number, content: string) => ({ choices: [{ index, delta: { content } }] })
    const result = told(bytesOf(choice(1, 'other'), choice(0, 'ok'), choice(1, 'more'), stop))
    expect(result.content).toEqual([{ type: 'text', text: 'ok' }])
  })

  it('an empty answer has no blocks', () => {
    expect(told(bytesOf(delta({ role: 'assistant', content: ' \n' }), stop))).toMatchObject({
      content: [],
      ended: true,
    })
  })

  it('a refusal, and a filter, are refusals', () => {
    const refusal = told(bytesOf(delta({ refusal: 'No.' }), stop))
    expect(refusal).toMatchObject({
      content: [{ type: 'text', text: 'No.' }],
      stop: { stop_reason: 'refusal', stop_details: { type: 'refusal' } },
    })
    expect(told(bytesOf(delta({}, 'content_filter')))).toMatchObject({ stop: { stop_reason: 'refusal' } })
  })

  it('events of one line each are events', () => {
    const bytes = Buffer.from(
      `data: ${JSON.stringify(delta({ content: 'a' }))}\ndata: ${JSON.stringify(stop)}\ndata: [DONE]\n\n`,
    )
    expect(told(bytes)).toMatchObject({ content: [{ text: 'a' }], ended: true })
  })
})
