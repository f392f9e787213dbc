/**
 * Every kind of upstream tells the client the same story: the official SDK, old and new, builds the same final message
 * through Signalbox from each wire as straight from a provider of the Anthropic format.
 */
import { afterEach, describe, expect, it, vi } from '@effect/vitest'
import { Effect } from 'effect'
import { isOurs } from '#domain/dialect/provenance.ts'
import type { Usage } from '#domain/usage.ts'
import type { Block } from '#infra/simulator/content.ts'
import type { Simulator } from '#infra/simulator/simulator.ts'
import { startProviders } from '#test/simulator.ts'
import { GATEWAY_KEY, type Kind } from './kind.ts'
import { KINDS } from './kinds.ts'
import { VENDOR_SIGNATURE } from './kinds-anthropic.ts'
import { call, clients, modelCalls, optionsFor, saying, setUp } from './kinds-clients.ts'

afterEach(() => void vi.unstubAllEnvs())

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='

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

/** The blocks as a provider of this kind shows them. */
const shown = (kind: Kind, blocks: readonly Block[]): readonly Block[] =>
  kind.thinking === 'none' ? blocks.filter(({ type }) => type !== 'thinking') : blocks

describe.each(Object.values(KINDS))('through $name', (kind) => {
  it.live.each(turns)('%s reads as straight from an Anthropic-format provider', ([, body, blocks]) =>
    Effect.gen(function* () {
      const { straight } = yield* startProviders({ straight: { script: saying(shown(kind, blocks)) } })
      const { simulator, box, google } = yield* setUp(kind, saying(blocks))
      for (const make of Object.values(clients)) {
        const direct = make(optionsFor(kind, straight.url))
        const through = make(optionsFor(kind, box.url))
        const expected = comparable((yield* Effect.promise(() => direct.messages.create(body))) as never)
        const named = { ...expected, model: kind.model ?? expected.model }
        const streamed = yield* Effect.promise(() => through.messages.stream(body).finalMessage())
        expect(comparable(streamed as never)).toEqual(named)
        const whole = yield* Effect.promise(() => through.messages.create(body))
        expect(comparable(whole as never)).toEqual(named)
      }
      // The provider, which is strict, was content with all it got.
      expect(modelCalls(simulator).map(({ status }) => status)).toEqual([200, 200, 200, 200])
      const told = modelCalls(simulator).map(credentialsOf)
      const own = modelCalls(straight).map(credentialsOf)
      expect(told).toEqual(
        kind.client === undefined
          ? told.map(() => credentialOf(kind, google.issued[0]))
          : own.flatMap((one) => [one, one]),
      )
    }),
  )

  it.live('images in tool results reach a model that sees, once', () =>
    Effect.gen(function* () {
      const { simulator, box } = yield* setUp(kind, saying([{ type: 'text', text: 'A red dot.' }]))
      yield* Effect.promise(() =>
        clients['SDK 1.x'](optionsFor(kind, box.url)).messages.create(withResults as typeof call),
      )
      const [sent = ''] = modelCalls(simulator).map(({ body }) => body.toString())
      expect(sent.split(PNG)).toHaveLength(kind.seesImages ? 2 : 1)
      expect(sent.includes('[image omitted]')).toBe(!kind.seesImages)
      const ids = [...sent.matchAll(/"tool_(?:call|use)_id":"([^"]*)"/g)].map(([, id]) => id)
      expect(new Set(ids).size).toBe(2)
      for (const id of ids) expect(id).toMatch(kind.callIds ?? /^toolu_01[AB]{22}$/)
    }),
  )

  it.live('thinking has a signature that tells whose it is', () =>
    Effect.gen(function* () {
      const { box } = yield* setUp(
        kind,
        saying([
          { type: 'thinking', thinking: 'A plan.' },
          { type: 'text', text: 'So.' },
        ]),
      )
      const client = clients['SDK 1.x'](optionsFor(kind, box.url))
      const messages = [
        yield* Effect.promise(() => client.messages.stream(call).finalMessage()),
        yield* Effect.promise(() => client.messages.create(call)),
      ]
      for (const { content } of messages) {
        const signatures = content.flatMap((block) => (block.type === 'thinking' ? [block.signature] : []))
        expect(signatures).toHaveLength(kind.thinking === 'none' ? 0 : 1)
        for (const signature of signatures) {
          // Ours alone may be recognised later, and only a wrapped one holds what the provider said.
          expect(isOurs(signature)).toBe(kind.thinking !== 'own signature')
          expect(signature.endsWith(VENDOR_SIGNATURE)).toBe(kind.thinking === 'wrapped signature')
        }
      }
    }),
  )

  it.live('tokens are told as the provider counted them, and recorded so', () =>
    Effect.gen(function* () {
      const { box } = yield* setUp(kind, saying([{ type: 'text', text: 'Some words to count.' }]))
      const client = clients['SDK 1.x'](optionsFor(kind, box.url))
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
        expect(prompt).toBeGreaterThan(10)
        expect(promptTokensOf(recorded[index]?.usage ?? {})).toBe(prompt)
      }
      expect(yield* box.replayDifference).toBeUndefined()
    }),
  )
})

const promptTokensOf = (usage: Partial<Usage>): number =>
  (usage.inputTokens ?? 0) +
  (usage.cacheReadTokens ?? 0) +
  (usage.cacheWrite5mTokens ?? 0) +
  (usage.cacheWrite1hTokens ?? 0)

const CREDENTIALS = ['x-api-key', 'api-key', 'authorization']

const credentialsOf = ({ headers }: Simulator['requests'][number]) =>
  headers.flatMap(([name, value]) =>
    CREDENTIALS.includes(name.toLowerCase()) ? [`${name.toLowerCase()}: ${value}`] : [],
  )

/** One credential in one header, and nothing that the client said to us. */
const credentialOf = ({ credential, google }: Kind, token: string | undefined): readonly string[] => {
  if (credential === undefined) return []
  const secret = google === true ? token : GATEWAY_KEY
  return [`${credential}: ${credential === 'authorization' ? 'Bearer ' : ''}${secret}`]
}
