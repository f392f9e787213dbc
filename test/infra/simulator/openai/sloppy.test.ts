import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import * as fc from 'fast-check'
import type { Block } from '#infra/simulator/content.ts'
import type { Sloppy } from '#infra/simulator/openai/sloppy.ts'
import * as refusals from '#infra/simulator/refusals.ts'
import { answer, type Step } from '#infra/simulator/script.ts'
import { chatBody, dataOf, postJson, startProviders } from '#test/simulator.ts'

const blocks: readonly Block[] = [
  { type: 'thinking', thinking: 'Let me think.' },
  { type: 'text', text: 'Reading both.' },
  { type: 'tool_use', name: 'Read', input: { file_path: '/a.ts' } },
  { type: 'tool_use', name: 'Glob', input: { pattern: '**/*.ts' } },
  { type: 'thinking', thinking: 'And again.' },
]
interface Fragment {
  readonly index?: number
  readonly id?: string
  readonly type?: string
  readonly function?: { readonly name?: string; readonly arguments?: string | object }
}
interface Chunk {
  readonly choices: readonly {
    readonly delta: {
      readonly content?: string | null
      readonly tool_calls?: readonly Fragment[]
      readonly reasoning_content?: string
      readonly reasoning?: string
    }
    readonly finish_reason: string | null
  }[]
  readonly usage?: object | null
}

const ask = (sloppy: Sloppy, more: object, step: Step) =>
  Effect.gen(function* () {
    const { sim } = yield* startProviders({ sim: { wire: 'openai', sloppy, script: [step] } })
    return yield* postJson(`${sim.url}/v1/chat/completions`, chatBody(more))
  })
const streamOf = (sloppy: Sloppy, more: object = { stream_options: { include_usage: true } }) =>
  ask(sloppy, { stream: true, ...more }, answer(blocks)).pipe(
    Effect.map(({ text }) => ({ text, chunks: dataOf(text).filter((data): data is Chunk => data !== '[DONE]') })),
  )
const fragmentsOf = (chunks: readonly Chunk[]): readonly Fragment[] =>
  chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.tool_calls ?? []))
const argumentsOf = (chunks: readonly Chunk[], index: number): readonly unknown[] =>
  fragmentsOf(chunks).flatMap((one) => (one.index === index ? [one.function?.arguments] : []))
const wholeOf = (sloppy: Sloppy) =>
  ask(sloppy, {}, answer(blocks)).pipe(
    Effect.map(
      ({ json }) =>
        json as unknown as {
          readonly choices: readonly [
            {
              readonly message: Record<string, unknown> & { readonly tool_calls: readonly Fragment[] }
              readonly finish_reason: string
            },
          ]
          readonly usage?: object
        },
    ),
  )

const READ = '{"file_path":"/a.ts"}'
const GLOB = '{"pattern":"**/*.ts"}'

describe('a server that deviates', () => {
  it.live('says stop although it calls tools', () =>
    Effect.gen(function* () {
      const { chunks } = yield* streamOf({ toolCallFinishStop: true })
      expect(chunks.flatMap(({ choices }) => choices.flatMap((one) => one.finish_reason ?? []))).toEqual(['stop'])
      expect((yield* wholeOf({ toolCallFinishStop: true })).choices[0].finish_reason).toBe('stop')
    }),
  )

  it.live('tells no usage', () =>
    Effect.gen(function* () {
      expect((yield* streamOf({ noUsage: true })).text).not.toContain('usage')
      expect(yield* wholeOf({ noUsage: true })).not.toHaveProperty('usage')
      expect((yield* streamOf({})).text).toContain('"prompt_tokens"')
    }),
  )

  it.live('ends without [DONE]', () =>
    Effect.gen(function* () {
      expect((yield* streamOf({ noDone: true })).text).not.toContain('[DONE]')
      expect((yield* streamOf({})).text.endsWith('data: [DONE]\n\n')).toBe(true)
    }),
  )

  it.live('sends each call whole and without an index', () =>
    Effect.gen(function* () {
      const fragments = fragmentsOf((yield* streamOf({ noIndex: true })).chunks)
      expect(fragments.map((one) => one.function)).toEqual([
        { name: 'Read', arguments: READ },
        { name: 'Glob', arguments: GLOB },
      ])
      for (const fragment of fragments) expect(fragment).not.toHaveProperty('index')
    }),
  )

  it.live('gives calls no ids', () =>
    Effect.gen(function* () {
      const { chunks } = yield* streamOf({ noIds: true })
      for (const one of fragmentsOf(chunks)) expect(one).not.toHaveProperty('id')
      expect((yield* wholeOf({ noIds: true })).choices[0].message.tool_calls[0]).not.toHaveProperty('id')
    }),
  )

  it.live('repeats id, type and name in every fragment', () =>
    Effect.gen(function* () {
      const fragments = fragmentsOf((yield* streamOf({ repeatedIdAndName: true })).chunks)
      expect(fragments.length).toBeGreaterThan(4)
      for (const one of fragments) {
        expect(one.id).toMatch(/^call_/)
        expect(one.type).toBe('function')
        expect(one.function?.name).toBe(one.index === 0 ? 'Read' : 'Glob')
      }
      const usual = fragmentsOf((yield* streamOf({})).chunks)
      expect(usual.filter((one) => one.id !== undefined)).toHaveLength(2)
    }),
  )

  it.live('cuts a name in two', () =>
    Effect.gen(function* () {
      const names = fragmentsOf((yield* streamOf({ splitName: true })).chunks).flatMap(
        (one) => one.function?.name ?? [],
      )
      expect(names).toEqual(['Re', 'ad', 'Gl', 'ob'])
    }),
  )

  it.live('sends the arguments from their beginning each time', () =>
    Effect.gen(function* () {
      const { chunks } = yield* streamOf({ wholeArgumentsEachTime: true })
      const inputs = argumentsOf(chunks, 0)
      expect(inputs.at(-1)).toBe(READ)
      for (const [index, input] of inputs.slice(1).entries()) {
        expect(input).toSatisfy((text: string) => text.startsWith(inputs[index] as string))
      }
      expect(argumentsOf((yield* streamOf({})).chunks, 0).join('')).toBe(READ)
    }),
  )

  it.live('sends arguments as an object', () =>
    Effect.gen(function* () {
      const { chunks } = yield* streamOf({ objectArguments: true })
      expect(argumentsOf(chunks, 1)).toEqual([{ pattern: '**/*.ts' }])
      const whole = yield* wholeOf({ objectArguments: true })
      expect(whole.choices[0].message.tool_calls[0]?.function?.arguments).toEqual({ file_path: '/a.ts' })
    }),
  )

  it.live('lets the fragments of parallel calls take turns', () =>
    Effect.gen(function* () {
      const { chunks } = yield* streamOf({ interleavedCalls: true })
      expect(fragmentsOf(chunks).map((one) => one.index)).toEqual([0, 1, 0, 1, 0, 1])
      expect(argumentsOf(chunks, 0).join('')).toBe(READ)
      expect(argumentsOf(chunks, 1).join('')).toBe(GLOB)
      expect(fragmentsOf((yield* streamOf({})).chunks).map((one) => one.index)).toEqual([0, 0, 0, 1, 1, 1])
    }),
  )

  it.live.each(['reasoning_content', 'reasoning'] as const)('thinks in %s, again after a tool call', (field) =>
    Effect.gen(function* () {
      const { chunks } = yield* streamOf({ reasoningContent: field })
      const kinds = chunks.flatMap(({ choices }) =>
        choices.flatMap(({ delta }) => (delta[field] !== undefined ? 'r' : delta.tool_calls !== undefined ? 't' : [])),
      )
      expect(kinds.join('')).toMatch(/^r+t+r+$/)
      expect(chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta[field] ?? [])).join('')).toBe(
        'Let me think.And again.',
      )
      expect((yield* wholeOf({ reasoningContent: field })).choices[0].message[field]).toBe('Let me think.And again.')
      expect((yield* streamOf({})).text).not.toContain('Let me')
    }),
  )

  it.live('thinks in tags', () =>
    Effect.gen(function* () {
      const { chunks } = yield* streamOf({ thinkTags: true })
      const content = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? '')).join('')
      expect(content).toBe('<think>Let me think.</think>Reading both.<think>And again.</think>')
      expect((yield* wholeOf({ thinkTags: true })).choices[0].message.content).toContain('<think>Let me think.</think>')
    }),
  )

  it.live('keeps the connection alive with comments and blank lines', () =>
    Effect.gen(function* () {
      const { text } = yield* streamOf({ keepAliveComments: true })
      expect(text.startsWith(': keep-alive\n\n')).toBe(true)
      expect(text.match(/^: keep-alive$/gm)?.length).toBeGreaterThan(2)
      expect(text).toContain('\n\n\n')
      expect((yield* streamOf({})).text).not.toContain('keep-alive')
    }),
  )

  it.live('sends deltas that say nothing', () =>
    Effect.gen(function* () {
      const empty = (chunks: readonly Chunk[]) =>
        chunks.filter(
          ({ choices }) => choices[0]?.finish_reason === null && Object.values(choices[0].delta).join('') === '',
        )
      expect(empty((yield* streamOf({ emptyDeltas: true })).chunks).length).toBeGreaterThan(4)
      expect(empty((yield* streamOf({})).chunks)).toHaveLength(0)
    }),
  )

  it.live('repeats a choice beside the usage', () =>
    Effect.gen(function* () {
      const last = (yield* streamOf({ usageWithChoice: true })).chunks.at(-1)
      expect(last?.usage).not.toBeNull()
      expect(last?.choices).toMatchObject([{ delta: { content: '' }, finish_reason: 'tool_calls' }])
      expect((yield* streamOf({})).chunks.at(-1)?.choices).toEqual([])
    }),
  )

  it.live('invents ids that Claude refuses', () =>
    Effect.gen(function* () {
      const ids = fragmentsOf((yield* streamOf({ illegalIds: true })).chunks).flatMap((one) => one.id ?? [])
      expect(ids).toEqual(['functions.Read:0', expect.stringMatching(/^call_\w+\|fc_\w+$/)])
    }),
  )

  it.live('writes null where it has nothing', () =>
    Effect.gen(function* () {
      const { chunks } = yield* streamOf({ nulls: true }, {})
      expect(chunks.at(-1)).toMatchObject({ usage: null, choices: [{ delta: { content: null, tool_calls: null } }] })
      expect(fragmentsOf(chunks)[1]).toMatchObject({ id: null, type: null, function: { name: null } })
      expect((yield* wholeOf({ nulls: true })).choices[0].message).toMatchObject({ function_call: null, audio: null })
    }),
  )

  it.live('refuses stream_options, or max_completion_tokens', () =>
    Effect.gen(function* () {
      const usage = { stream: true, stream_options: { include_usage: true } }
      expect((yield* ask({ noStreamOptions: true }, usage, answer())).status).toBe(400)
      expect((yield* ask({ noStreamOptions: true }, { stream: true }, answer())).status).toBe(200)
      expect((yield* ask({ maxTokensOnly: true }, { max_completion_tokens: 5 }, answer())).status).toBe(400)
      expect((yield* ask({ maxTokensOnly: true }, { model: 'gpt-4o', max_tokens: 5 }, answer())).status).toBe(200)
    }),
  )
})

describe('a server that deviates in its errors', () => {
  const overloaded = refusals.overloaded({ retryAfterSeconds: 7 })
  const WORDS = 'The engine is currently overloaded, please try again later.'
  const forms: readonly (readonly [string, Sloppy, unknown])[] = [
    ['a text', { stringErrors: true }, { error: WORDS }],
    ['a detail', { fastapiErrors: true }, { detail: WORDS }],
    [
      'an array',
      { arrayErrors: true },
      [{ error: { message: WORDS, type: 'server_error', param: null, code: 'overloaded' } }],
    ],
  ]
  it.live.each(forms)('sends %s', ([, sloppy, body]) =>
    Effect.gen(function* () {
      const refused = yield* ask(sloppy, {}, overloaded)
      expect(refused.status).toBe(503)
      expect(refused.headers.get('retry-after')).toBe('7')
      expect(refused.json).toEqual(body)
    }),
  )

  it.live('says where a body is wrong, as FastAPI does', () =>
    Effect.gen(function* () {
      const refused = yield* ask({ fastapiErrors: true }, { messages: [{ role: 'user' }] }, answer())
      expect(refused.status).toBe(422)
      expect(refused.json).toMatchObject({ detail: [{ loc: ['body', 'messages', 0, 'content'] }] })
    }),
  )

  it.live('sends the page of a proxy', () =>
    Effect.gen(function* () {
      const refused = yield* ask({ htmlErrors: true }, {}, overloaded)
      expect(refused.status).toBe(503)
      expect(refused.headers.get('content-type')).toBe('text/html')
      expect(refused.text).toMatch(/^<html>/)
    }),
  )

  it.live('puts an error into a stream of status 200, and only there', () =>
    Effect.gen(function* () {
      const streamed = yield* ask({ errorIn200Stream: true }, { stream: true }, overloaded)
      expect(streamed.status).toBe(200)
      expect(streamed.headers.get('content-type')).toMatch(/^text\/event-stream/)
      expect(dataOf(streamed.text)).toEqual([
        { error: { message: WORDS, type: 'server_error', param: null, code: 'overloaded' } },
      ])
      expect((yield* ask({ errorIn200Stream: true }, {}, overloaded)).status).toBe(503)
    }),
  )
})

describe('deviations in any combination', () => {
  const flag = fc.constantFrom<true | undefined>(true, undefined)
  const lossless: fc.Arbitrary<{ readonly [K in keyof Sloppy]?: Sloppy[K] | undefined }> = fc.record({
    toolCallFinishStop: flag,
    noUsage: flag,
    noDone: flag,
    noIndex: flag,
    noIds: flag,
    repeatedIdAndName: flag,
    splitName: flag,
    objectArguments: flag,
    interleavedCalls: flag,
    keepAliveComments: flag,
    emptyDeltas: flag,
    usageWithChoice: flag,
    illegalIds: flag,
    nulls: flag,
  })

  it('still stream one text, one end and every argument', async () => {
    await fc.assert(
      fc.asyncProperty(lossless, async (flags) => {
        const sloppy = Object.fromEntries(Object.entries(flags).filter(([, on]) => on)) as Sloppy
        const { text, chunks } = await Effect.runPromise(Effect.scoped(streamOf(sloppy)))
        const choices = chunks.flatMap((chunk) => chunk.choices)
        expect(choices.map(({ delta }) => delta.content ?? '').join('')).toBe('Reading both.')
        const ends = choices.filter(({ finish_reason }) => finish_reason !== null)
        expect(ends).toHaveLength(sloppy.usageWithChoice && !sloppy.noUsage ? 2 : 1)
        const inputs = fragmentsOf(chunks).map((one) => one.function?.arguments)
        const texts = inputs.map((input) => (typeof input === 'object' ? JSON.stringify(input) : input)).join('')
        expect(texts.length).toBe(READ.length + GLOB.length)
        expect(text.includes('[DONE]')).toBe(sloppy.noDone !== true)
      }),
      { numRuns: 40 },
    )
  })
})
