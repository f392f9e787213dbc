/**
 * A streamed answer and the whole answer of one story mean the same, in each of the ways that servers are known to stream
 * (providers 5.2, 6.3 and 10), and what the client echoes of it finds back to the server.
 */
import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import type { AnswerOptions } from '#domain/dialect/openai/answer-parts.ts'
import { collectMessage } from '#domain/dialect/openai/collect-message.ts'
import { lowerRequest } from '#domain/dialect/openai/request.ts'
import { type RaisedMessage, raiseMessage } from '#domain/dialect/openai/response.ts'
import { openAiQuirks } from '#domain/dialect/openai/target.ts'
import { decodeChatRequest } from '#test/openai-request.ts'
import { accumulate, answerOptions, call, delta, translate } from './chat-story.ts'

interface Call {
  readonly id: string
  readonly name: string
  readonly input: object
}
interface Story {
  readonly reasoning: readonly string[]
  readonly text: readonly string[]
  readonly calls: readonly Call[]
  readonly finish: string | null
}

/** A word never begins or ends a block with white space alone. */
const word = fc.stringMatching(/^[a-zé<>"{}\\]{1,8}$/)
/** Without backslashes and quotes: V8 of Node 24.21 reads the key `"` as `\` after objects of one shape that had the latter. */
const key = fc.stringMatching(/^[a-zé<>{}]{1,8}$/)
const value = fc.oneof(
  fc.integer(),
  word,
  fc.dictionary(key, fc.boolean(), { maxKeys: 2 }),
  fc.array(word, { maxLength: 2 }),
)
const input = fc.dictionary(key, value, { maxKeys: 3 })
const calls = fc
  .array(fc.record({ name: fc.stringMatching(/^[A-Z][a-z]{0,5}$/), input }), { maxLength: 3 })
  .map((list) => list.map((one, i) => ({ ...one, id: `call_${i}` })))
const stories: fc.Arbitrary<Story> = fc.record({
  reasoning: fc.array(word, { maxLength: 3 }),
  text: fc.array(word, { maxLength: 3 }),
  calls,
  finish: fc.constantFrom('stop', 'tool_calls', 'length', 'content_filter', 'function_call', 'eos', 'end_turn'),
})

const counted = {
  prompt_tokens: 50,
  completion_tokens: 9,
  prompt_tokens_details: { cached_tokens: 8, cache_write_tokens: 2 },
  completion_tokens_details: { reasoning_tokens: 3 },
  cost: 0.25,
}

const wholeOf = (story: Story, usage: object | undefined, options: AnswerOptions): RaisedMessage => {
  const raised = raiseMessage(
    {
      choices: [
        {
          message: {
            content: story.text.length === 0 ? null : story.text.join(''),
            reasoning: story.reasoning.join(''),
            tool_calls: story.calls.map(({ id, name, input }) => ({
              id,
              function: { name, arguments: JSON.stringify(input) },
            })),
          },
          finish_reason: story.finish,
        },
      ],
      ...(usage === undefined ? {} : { usage }),
    },
    options,
  )
  if (!('message' in raised)) throw new Error(JSON.stringify(raised))
  return raised.message
}

/** Cuts a text at shares of its length. */
const cut = (text: string, shares: readonly number[]): readonly string[] => {
  const at = [0, ...shares.map((share) => Math.floor(share * text.length)).sort((a, b) => a - b), text.length]
  return at.slice(1).map((end, i) => text.slice(at[i], end))
}

type Fragments = (one: Call, index: number, shares: readonly number[]) => readonly object[]

/** How servers stream one call. */
const styles: { readonly [name: string]: Fragments } = {
  "OpenAI's pieces": ({ id, name, input }, i, shares) => [
    call(i, id, name, ''),
    ...cut(JSON.stringify(input), shares).map((piece) => call(i, undefined, undefined, piece)),
  ],
  'id and name in each': ({ id, name, input }, i, shares) =>
    cut(JSON.stringify(input), shares).map((piece) => call(i, id, name, piece)),
  'all the arguments so far': ({ id, name, input }, i) => {
    const text = JSON.stringify(input)
    // Each is longer by some; the whole comes again at the end, as it does.
    const ends = [1, Math.ceil(text.length / 2), text.length, text.length]
    return ends.map((end) => call(i, id, name, text.slice(0, end)))
  },
  'an object as arguments': ({ id, name, input }, i) => [call(i, id, name, input)],
  'without index': ({ id, name, input }) => [call(undefined, id, name, JSON.stringify(input))],
  'without index, in pieces': ({ id, name, input }, _, shares) => [
    call(undefined, id, name, ''),
    ...cut(JSON.stringify(input), shares).map((piece) => call(undefined, undefined, undefined, piece)),
  ],
  'all with index 0': ({ id, name, input }) => [call(0, id, name, JSON.stringify(input))],
  'the id after the name': ({ id, name, input }, i) => [
    call(i, undefined, name),
    call(i, id, undefined, ''),
    call(i, undefined, undefined, JSON.stringify(input)),
  ],
  'the name in pieces': ({ id, name, input }, i) => [
    call(i, id, name.slice(0, 1)),
    ...(name.length > 1 ? [call(i, undefined, name.slice(1))] : []),
    call(i, undefined, undefined, JSON.stringify(input)),
  ],
  'encoded twice': ({ id, name, input }, i, shares) => [
    call(i, id, name),
    ...cut(JSON.stringify(JSON.stringify(input)), shares).map((piece) => call(i, undefined, undefined, piece)),
  ],
}

const reasoningFields: { readonly [name: string]: (piece: string) => object } = {
  reasoning_content: (piece) => ({ reasoning_content: piece }),
  reasoning: (piece) => ({ reasoning: piece, reasoning_details: [{ type: 'reasoning.text', text: piece, index: 0 }] }),
  details: (piece) => ({ reasoning_details: [{ type: 'reasoning.text', text: piece, index: 0 }] }),
  thinking_blocks: (piece) => ({ thinking_blocks: [{ type: 'thinking', thinking: piece }] }),
}

/** Where servers put the usage: the chunks that end the stream. */
const ends: { readonly [name: string]: (finish: string | null) => readonly object[] } = {
  'a last chunk without choices': (finish) => [delta({}, finish), { choices: [], usage: counted }],
  'a last chunk that repeats the choice': (finish) => [
    delta({}, finish),
    { ...delta({ content: '' }, finish), usage: counted },
  ],
  'the chunk of the finish reason': (finish) => [{ ...delta({}, finish), usage: counted }],
  'every chunk, growing': (finish) => [
    { ...delta({}), usage: { ...counted, completion_tokens: 1 } },
    { ...delta({}, finish), usage: { ...counted, completion_tokens: 5 } },
    { choices: [], usage: counted },
  ],
  'inside the choice': (finish) => [{ choices: [{ index: 0, delta: {}, finish_reason: finish, usage: counted }] }],
  "Groq's own member": (finish) => [{ ...delta({}, finish), x_groq: { usage: counted } }],
  'beside empty ones': (finish) => [delta({}, finish), { choices: [], usage: counted }, { choices: [], usage: {} }],
}

/** How servers frame events, and what they put between them. */
const framings: { readonly [name: string]: (chunks: readonly object[], done: boolean) => string } = {
  plain: (chunks, done) =>
    lines(chunks, done)
      .map((line) => `data: ${line}\n\n`)
      .join(''),
  CRLF: (chunks, done) =>
    lines(chunks, done)
      .map((line) => `data: ${line}\r\n\r\n`)
      .join(''),
  'without a blank': (chunks, done) =>
    lines(chunks, done)
      .map((line) => `data:${line}\n\n`)
      .join(''),
  comments: (chunks, done) =>
    lines(chunks, done)
      .map((line) => `: OPENROUTER PROCESSING\n\ndata: ${line}\n\n`)
      .join(''),
  'one line feed': (chunks, done) =>
    `${lines(chunks, done)
      .map((line) => `data: ${line}\n`)
      .join('')}\n`,
}
const lines = (chunks: readonly object[], done: boolean): readonly string[] => [
  ...chunks.map((chunk) => JSON.stringify(chunk)),
  ...(done ? ['[DONE]'] : []),
]

const nameOf = (table: object) => fc.constantFrom(...Object.keys(table))
const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 })
const ways = fc.record({
  style: nameOf(styles),
  reasoning: nameOf(reasoningFields),
  end: nameOf(ends),
  framing: nameOf(framings),
  done: fc.boolean(),
  shares,
  size: fc.integer({ min: 1, max: 300 }),
})
type Ways = typeof ways extends fc.Arbitrary<infer T> ? T : never

const bytesOf = (story: Story, way: Ways): Buffer => {
  const chunks = [
    delta({ role: 'assistant', content: '' }),
    ...story.reasoning.map((piece) => delta(reasoningFields[way.reasoning]!(piece))),
    ...story.text.map((piece) => delta({ content: piece })),
    ...story.calls.flatMap((one, i) => styles[way.style]!(one, i, way.shares)),
    ...ends[way.end]!(story.finish),
  ]
  return Buffer.from(framings[way.framing]!(chunks, way.done))
}

/** What counts of a message: ids of blocks and of the message are counted up alike in both translations. */
const meaning = ({ content, stop_reason, stop_sequence, stop_details, usage, id, model }: RaisedMessage) => ({
  content,
  stop_reason,
  stop_sequence,
  stop_details,
  usage,
  id,
  model,
})

describe('a stream means what the whole answer means', () => {
  it('in every way of streaming, cut anywhere', () => {
    fc.assert(
      fc.property(stories, ways, (story, way) => {
        const { frames, broken } = translate(bytesOf(story, way), answerOptions(), way.size)
        expect(broken).toBeUndefined()
        // The order of events is held by accumulate.
        expect(accumulate(frames).ended).toBe(true)
        const message = collectMessage(frames)
        if (message === undefined) throw new Error('the stream did not end')
        expect(meaning(message)).toEqual(meaning(wholeOf(story, counted, answerOptions())))
      }),
      { numRuns: 1_000 },
    )
  })

  it('with think tags, wherever they break', () => {
    const options = () => answerOptions({ quirks: { ...openAiQuirks, thinkTags: true } })
    const plain = fc.stringMatching(/^[a-z<]{1,12}$/)
    fc.assert(
      fc.property(fc.tuple(plain, plain), shares, ({ 0: thought, 1: said }, cuts) => {
        const content = `<think>${thought}</think>\n\n${said}`
        const chunks = [
          ...cut(content, cuts).map((piece) => delta({ content: piece })),
          ...ends['a last chunk without choices']!('stop'),
        ]
        const message = collectMessage(translate(Buffer.from(framings.plain!(chunks, true)), options()).frames)
        const whole = wholeOf({ reasoning: [], text: [content], calls: [], finish: 'stop' }, counted, options())
        expect(message).toEqual(whole)
        expect(whole.content).toMatchObject([{ thinking: thought }, { text: said }])
      }),
    )
  })

  it('also without any usage: both estimate alike', () => {
    fc.assert(
      fc.property(stories, (story) => {
        const chunks = [
          ...story.text.map((piece) => delta({ content: piece })),
          ...story.calls.flatMap((one, i) => styles["OpenAI's pieces"]!(one, i, [])),
          delta({}, story.finish),
        ]
        const silent = { ...story, reasoning: [] }
        const { frames } = translate(Buffer.from(framings.plain!(chunks, true)))
        expect(collectMessage(frames)?.usage).toEqual(wholeOf(silent, undefined, answerOptions()).usage)
      }),
    )
  })

  it('and is not collected when it broke off or failed', () => {
    const cutOff = translate(Buffer.from(framings.plain!([delta({ content: 'a' })], false)))
    const failed = translate(Buffer.from(framings.plain!([delta({ content: 'a' }), { error: { code: 503 } }], true)))
    expect([collectMessage(cutOff.frames), collectMessage(failed.frames), collectMessage([])]).toEqual(
      Array(3).fill(undefined),
    )
  })
})

describe('reasoning, text and calls in any order', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constantFrom('text' as const, 'thinking' as const), text: word }),
    fc.record({ kind: fc.constant('tool' as const), text: input.map((one) => JSON.stringify(one)) }),
  )

  it('are never lost, doubled or put out of order, and every block is closed', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), nameOf(reasoningFields), shares, (steps, field, cuts) => {
        let index = 0
        const chunks = steps.flatMap(({ kind, text }) => {
          if (kind === 'text') return [delta({ content: text })]
          if (kind === 'thinking') return [delta(reasoningFields[field]!(text))]
          const i = index++
          return [call(i, `t${i}`, 'Do', ''), ...cut(text, cuts).map((piece) => call(i, undefined, undefined, piece))]
        })
        const bytes = Buffer.from(framings.plain!([...chunks, delta({}, 'stop')], true))
        const { content, ended } = accumulate(translate(bytes).frames)
        // Neighbours of one kind are one block.
        const expected: { kind: string; text: string }[] = []
        for (const one of steps) {
          const last = expected.at(-1)
          if (last !== undefined && last.kind === one.kind && one.kind !== 'tool') last.text += one.text
          else expected.push({ ...one })
        }
        const got = content.map((block) => ({
          kind: block.type === 'tool_use' ? 'tool' : block.type,
          text: block.text ?? block.thinking ?? JSON.stringify(block.input),
        }))
        expect(ended).toBe(true)
        expect(got).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })

  it('keep each call’s own fragments, however the calls are interleaved', () => {
    fc.assert(
      fc.property(calls, shares, fc.array(fc.nat(), { maxLength: 20 }), (list, cuts, draws) => {
        const rest = list.map((one, i) =>
          cut(JSON.stringify(one.input), cuts).map((piece) => call(i, undefined, undefined, piece)),
        )
        const mixed: object[] = list.map((one, i) => call(i, one.id, one.name, ''))
        for (const draw of draws) {
          const next = rest[draw % Math.max(1, rest.length)]?.shift()
          if (next !== undefined) mixed.push(next)
        }
        const bytes = Buffer.from(framings.plain!([...mixed, ...rest.flat(), delta({}, 'tool_calls')], true))
        const { content } = accumulate(translate(bytes).frames)
        expect(content).toEqual(list.map(({ id, name, input }) => ({ type: 'tool_use', id, name, input })))
      }),
    )
  })
})

describe('what the client echoes of an answer', () => {
  const ids = fc.oneof(
    fc.constantFrom('call_abc', 'functions.Bash:0', 'call_x|fc_y', 'abcDEF123', '', 'x'.repeat(60), 'toolu_01A'),
    fc.string({ maxLength: 50 }),
  )
  const legal = /^[a-zA-Z0-9_-]{1,40}$/

  /** As Claude Code rebuilds it: inputs written anew with a default in front, no more than the signature of a thought. */
  const echo = (message: RaisedMessage) => ({
    role: 'assistant',
    content: message.content.map((block) =>
      block.type === 'tool_use' ? { ...block, input: { replace_all: false, ...block.input } } : block,
    ),
  })

  it('finds back to the server: its own ids where they were legal, and to each call its result', () => {
    const told = fc.array(fc.record({ id: ids, input }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(
        told,
        fc.constantFrom('any40' as const, 'alnum9' as const),
        fc.boolean(),
        (list, toolIds, reverse) => {
          const quirks = { ...openAiQuirks, toolIds, echoReasoning: true } as const
          const story = {
            reasoning: ['hm'],
            text: ['ok'],
            calls: list.map((one, i) => ({ ...one, name: `Tool${i}` })),
            finish: 'tool_calls',
          }
          const message = wholeOf(story, counted, answerOptions())
          const uses = message.content.filter((block) => block.type === 'tool_use')
          expect(new Set(uses.map((use) => use.id)).size).toBe(list.length)
          const results = uses.map((use) => ({ type: 'tool_result', tool_use_id: use.id, content: `of ${use.name}` }))
          const lowered = lowerRequest(
            {
              max_tokens: 9,
              messages: [
                { role: 'user', content: 'go' },
                echo(message),
                { role: 'user', content: reverse ? results.toReversed() : results },
              ],
            },
            { model: 'm', quirks },
          )
          if ('refused' in lowered) throw new Error(lowered.refused)
          const [, assistant, ...answers] = decodeChatRequest(lowered.body).messages
          if (assistant?.role !== 'assistant') throw new Error('no assistant')
          const sent = assistant.tool_calls ?? []
          expect(sent.map((one) => one.function.name)).toEqual(uses.map((use) => use.name))
          expect(sent.map((one) => JSON.parse(one.function.arguments))).toEqual(
            list.map((one) => ({ replace_all: false, ...one.input })),
          )
          expect(answers).toEqual(
            sent.map((one, i) => ({ role: 'tool', tool_call_id: one.id, content: `of Tool${i}` })),
          )
          const taken = toolIds === 'alnum9' ? /^[a-zA-Z0-9]{9}$/ : legal
          for (const [i, { id }] of list.entries()) {
            const isFirst = list.findIndex((one) => one.id === id) === i
            if (taken.test(id) && isFirst) expect(sent[i]?.id).toBe(id)
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})
