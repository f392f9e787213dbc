/**
 * Every kind of upstream tells the client the same story: the official SDK, old and new, builds the same final message
 * through Signalbox from each wire as straight from a provider of the Anthropic format.
 */
import Anthropic from '@anthropic-ai/sdk'
import { afterEach, describe, expect, it, vi } from '@effect/vitest'
import AnthropicOld from 'anthropic-sdk-0'
import { Effect } from 'effect'
import { isOurs } from '#domain/dialect/provenance.ts'
import type { Block } from '#infra/simulator/content.ts'
import { answer } from '#infra/simulator/script.ts'
import type { Simulator } from '#infra/simulator/simulator.ts'
import { configured } from '#test/configured.ts'
import { startBox } from '#test/server.ts'
import { startProviders } from '#test/simulator.ts'
import { CHAT_KINDS, CLAUDE_KINDS, KINDS, type Kind } from './kinds.ts'

afterEach(() => void vi.unstubAllEnvs())

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='

const tools = ['Read', 'Bash', 'mcp__some-server__a_tool'].map((name) => ({
  name,
  description: `Simulated ${name}.`,
  input_schema: { type: 'object' as const, properties: { file_path: { type: 'string' }, command: { type: 'string' } } },
}))

const call = {
  model: 'claude-opus-5-5',
  max_tokens: 2_000,
  system: 'Be brief.',
  tools,
  messages: [{ role: 'user' as const, content: 'Read two files.' }],
}

/** A turn whose history has parallel calls, one with an image in its result, one that failed. */
const withResults = {
  ...call,
  messages: [
    ...call.messages,
    {
      role: 'assistant' as const,
      content: [
        { type: 'text' as const, text: 'I read.' },
        {
          type: 'tool_use' as const,
          id: 'toolu_01AAAAAAAAAAAAAAAAAAAAAA',
          name: 'Read',
          input: { file_path: 'a.png' },
        },
        { type: 'tool_use' as const, id: 'toolu_01BBBBBBBBBBBBBBBBBBBBBB', name: 'Bash', input: { command: 'false' } },
      ],
    },
    {
      role: 'user' as const,
      content: [
        {
          type: 'tool_result' as const,
          tool_use_id: 'toolu_01AAAAAAAAAAAAAAAAAAAAAA',
          content: [
            { type: 'text' as const, text: 'A picture:' },
            {
              type: 'image' as const,
              source: { type: 'base64' as const, media_type: 'image/png' as const, data: PNG },
            },
          ],
        },
        {
          type: 'tool_result' as const,
          tool_use_id: 'toolu_01BBBBBBBBBBBBBBBBBBBBBB',
          content: 'exit 1',
          is_error: true,
        },
        { type: 'text' as const, text: 'Go on.' },
      ],
    },
  ],
}

const turns: readonly (readonly [string, typeof call, readonly Block[]])[] = [
  ['text', call, [{ type: 'text', text: 'Grüße 👋🏽, one \n\nline and "quotes".' }]],
  [
    'parallel tool calls',
    call,
    [
      { type: 'text', text: 'I read both.' },
      { type: 'tool_use', name: 'Read', input: { file_path: '/a/"b".ts', limit: 10 } },
      { type: 'tool_use', name: 'mcp__some-server__a_tool', input: {} },
      { type: 'tool_use', name: 'Bash', input: { command: 'ls -la | wc -l', nested: { list: [1, 2.5, null, 'ü'] } } },
    ],
  ],
  [
    'thinking before a call',
    call,
    [
      { type: 'thinking', thinking: 'A simulated plan.' },
      { type: 'text', text: 'So.' },
      { type: 'tool_use', name: 'Read', input: { file_path: 'x' } },
    ],
  ],
  ['an answer to images in tool results', withResults as typeof call, [{ type: 'text', text: 'A red dot.' }]],
]

/** What is the same whoever answers: ids, signatures and token counts are each provider's own. */
const comparable = (message: { readonly content: readonly object[]; readonly [member: string]: unknown }) => ({
  role: message.role,
  type: message.type,
  model: message.model,
  stop_reason: message.stop_reason,
  stop_sequence: message.stop_sequence,
  content: message.content.map((block) => {
    const { type, text, name, input, thinking } = block as { [member: string]: unknown }
    return { type, text, name, input, thinking }
  }),
})

const clients = {
  'SDK 1.x': (baseURL: string) => new Anthropic({ baseURL, apiKey: 'any', maxRetries: 0 }),
  // The two versions' types differ in what is not used here.
  'SDK 0.x': (baseURL: string) => new AnthropicOld({ baseURL, apiKey: 'any', maxRetries: 0 }) as unknown as Anthropic,
} as const

/** One provider of a kind with a box in front of it. */
const setUp = (kind: Kind, blocks: readonly Block[]) =>
  Effect.gen(function* () {
    const script = [{ times: 20, step: answer(blocks) }]
    const { straight } = yield* startProviders({ straight: { script } })
    const { provider, simulator } = yield* kind.start(script)
    const box = yield* startBox({ config: yield* configured({ providers: { it: provider } }) })
    return { straight, simulator, box }
  })

describe.each(KINDS)('through $name', (kind) => {
  it.live.each(turns)('%s reads as straight from an Anthropic-format provider', ([, body, blocks]) =>
    Effect.gen(function* () {
      const { straight, simulator, box } = yield* setUp(kind, kind.seesThinking ? blocks : withoutThinking(blocks))
      for (const make of Object.values(clients)) {
        const stream = (url: string) => Effect.promise(() => make(url).messages.stream(body).finalMessage())
        const whole = (url: string) => Effect.promise(() => make(url).messages.create(body))
        const expected = comparable((yield* whole(straight.url)) as never)
        const named = { ...expected, model: kind.model ?? expected.model }
        expect(comparable((yield* stream(box.url)) as never)).toEqual(named)
        expect(comparable((yield* whole(box.url)) as never)).toEqual(named)
      }
      // The provider, which is strict, was content with all it got.
      const statuses = modelCalls(simulator).map(({ status }) => status)
      expect(statuses).toEqual([200, 200, 200, 200])
    }),
  )

  it.live('tokens are told as the provider counted them, and recorded so', () =>
    Effect.gen(function* () {
      const { box } = yield* setUp(kind, [{ type: 'text', text: 'Some words to count.' }])
      const client = clients['SDK 1.x'](box.url)
      const streamed = yield* Effect.promise(() => client.messages.stream(call).finalMessage())
      const whole = yield* Effect.promise(() => client.messages.create(call))
      const recorded = (yield* box.events).flatMap(({ event }) => (event._tag === 'AttemptSucceeded' ? [event] : []))
      expect(recorded.map(({ usage }) => usage.outputTokens)).toEqual([
        streamed.usage.output_tokens,
        whole.usage.output_tokens,
      ])
      for (const [index, { usage }] of [streamed, whole].entries()) {
        const prompt =
          usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0)
        const { inputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens } = recorded[index]?.usage as {
          [name: string]: number
        }
        expect(prompt).toBeGreaterThan(10)
        expect(
          (inputTokens ?? 0) + (cacheReadTokens ?? 0) + (cacheWrite5mTokens ?? 0) + (cacheWrite1hTokens ?? 0),
        ).toBe(prompt)
      }
      expect(yield* box.replayDifference).toBeUndefined()
    }),
  )
})

describe.each(CLAUDE_KINDS)('the signature of thinking through $name', (kind) => {
  it.live('is the one that the provider made', () =>
    Effect.gen(function* () {
      const { box } = yield* setUp(kind, [
        { type: 'thinking', thinking: 'A plan.' },
        { type: 'text', text: 'So.' },
      ])
      const message = yield* Effect.promise(() => clients['SDK 1.x'](box.url).messages.stream(call).finalMessage())
      const [thinking] = message.content
      expect(thinking?.type).toBe('thinking')
      expect(isOurs(thinking?.type === 'thinking' ? thinking.signature : '')).toBe(false)
    }),
  )
})

describe.each(CHAT_KINDS.filter(({ seesThinking }) => seesThinking))(
  'the signature of thinking through $name',
  (kind) => {
    it.live('is our mark', () =>
      Effect.gen(function* () {
        const { box } = yield* setUp(kind, [
          { type: 'thinking', thinking: 'A plan.' },
          { type: 'text', text: 'So.' },
        ])
        const message = yield* Effect.promise(() => clients['SDK 1.x'](box.url).messages.stream(call).finalMessage())
        const [thinking] = message.content
        expect(isOurs(thinking?.type === 'thinking' ? thinking.signature : '')).toBe(true)
      }),
    )
  },
)

const withoutThinking = (blocks: readonly Block[]): readonly Block[] => blocks.filter(({ type }) => type !== 'thinking')

const modelCalls = (simulator: Simulator) =>
  simulator.requests.filter(({ method, path }) => method === 'POST' && !/token/.test(path))
