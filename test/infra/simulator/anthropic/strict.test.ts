import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import * as fc from 'fast-check'
import { isSimulatedSignature, makeSignature } from '#infra/simulator/anthropic/signature.ts'
import { answer } from '#infra/simulator/script.ts'
import type { SimulatorOptions } from '#infra/simulator/simulator.ts'
import { loadCaptures } from '#test/captures.ts'
import { callBody, postJson, startProviders } from '#test/simulator.ts'

const signed = makeSignature(1, 1)
const user = { role: 'user', content: 'hi' }
const thought = (signature?: string) => ({
  type: 'thinking',
  thinking: 't',
  ...(signature === undefined ? {} : { signature }),
})
const use = (id: string) => ({ type: 'tool_use', id, name: 'Read', input: {} })
const result = (id: string) => ({ type: 'tool_result', tool_use_id: id, content: 'x' })
const said = (...content: readonly object[]) => ({ role: 'assistant', content })
const told = (...content: readonly object[]) => ({ role: 'user', content })
const saying = (...messages: readonly object[]) => callBody({ messages })

const ask = (body: object, more: Partial<SimulatorOptions> = {}, headers: Record<string, string> = {}) =>
  Effect.gen(function* () {
    const { sim } = yield* startProviders({ sim: { strict: true, ...more } })
    return yield* postJson(`${sim.url}/v1/messages?beta=true`, body, headers)
  })
const wording = (name: string): string =>
  JSON.parse(readFileSync(new URL(`../../../fixtures/anthropic/${name}.json`, import.meta.url), 'utf8')).body.error
    .message

const ID_PATTERN = "String should match pattern '^[a-zA-Z0-9_-]+$'"
const NO_RESULT =
  'messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: a. Each `tool_use` block must have a corresponding `tool_result` block in the next message.'
const NO_CALL = (at: string, id: string): string =>
  `${at}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${id}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`
const NO_DISABLED =
  '"thinking.type.disabled" is not supported for this model. Use "output_config.effort" to control thinking behavior.'

const refused: readonly (readonly [string, object, string])[] = [
  [
    'thinking that another vendor has signed',
    saying(user, said(thought('signalbox.v1.abc')), user),
    wording('400.thinking_signature'),
  ],
  ['a signature that is empty', saying(user, said(thought('')), user), wording('400.thinking_signature')],
  [
    'a signature with one character changed',
    saying(user, said(thought(signed.replace(/.==$/, 'A=='))), user),
    wording('400.thinking_signature'),
  ],
  [
    'a signature that lacks',
    saying(user, said(thought()), user),
    'messages.1.content.0.thinking.signature: Field required',
  ],
  [
    'an id that another vendor has invented',
    saying(user, said(use('functions.Bash:0')), told(result('functions.Bash:0'))),
    wording('400.tool_id'),
  ],
  [
    'such an id in a result',
    saying(user, said(use('a')), told(result('call_x|fc_y'))),
    `messages.2.content.0.tool_result.tool_use_id: ${ID_PATTERN}`,
  ],
  ['a result of no call', saying(told(result('a'))), NO_CALL('messages.0.content.0', 'a')],
  [
    'a result of an earlier call',
    saying(user, said(use('a')), told(result('a')), said(use('b')), told(result('b'), result('a'))),
    NO_CALL('messages.4.content.1', 'a'),
  ],
  ['a call without a result', saying(user, said(use('a')), user), NO_RESULT],
  [
    'two calls of one id',
    saying(user, said(use('a'), use('a')), told(result('a'))),
    'messages.1.content.1: `tool_use` ids must be unique',
  ],
  ['an empty text block', saying(told({ type: 'text', text: '' })), 'messages: text content blocks must be non-empty'],
  [
    'an empty text block of the system',
    callBody({ system: [{ type: 'text', text: '' }] }),
    'system: text content blocks must be non-empty',
  ],
  [
    'a message without content',
    saying(user, said(), user),
    'messages.1: all messages must have non-empty content except for the optional final assistant message',
  ],
  [
    'thinking with a budget, from 4.7 on',
    callBody({ model: 'claude-opus-4-7', thinking: { type: 'enabled', budget_tokens: 2_000 } }),
    '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.',
  ],
  [
    'adaptive thinking, up to 4.5',
    callBody({ model: 'claude-haiku-4-5-20251001', thinking: { type: 'adaptive' } }),
    'adaptive thinking is not supported on this model',
  ],
  ['no thinking, of Opus 5.5', callBody({ thinking: { type: 'disabled' } }), NO_DISABLED],
  ['no thinking, of Fable 5.1', callBody({ model: 'claude-fable-5-1', thinking: { type: 'disabled' } }), NO_DISABLED],
  ['no thinking, of Mythos', callBody({ model: 'claude-mythos-5-2', thinking: { type: 'disabled' } }), NO_DISABLED],
  [
    'a small budget',
    callBody({ model: 'claude-sonnet-4-5', thinking: { type: 'enabled', budget_tokens: 10 } }),
    'thinking.enabled.budget_tokens: Input should be greater than or equal to 1024',
  ],
  [
    'a budget above the output',
    callBody({ model: 'claude-sonnet-4-5', thinking: { type: 'enabled', budget_tokens: 2_000 } }),
    '`max_tokens` must be greater than `thinking.budget_tokens`.',
  ],
  [
    'a forced tool, of Opus 5.5',
    callBody({ tools: [{ name: 'a', input_schema: {} }], tool_choice: { type: 'any' } }),
    'tool_choice: type "tool" and "any" are not supported for this model.',
  ],
  [
    'a system message, up to 4.6',
    callBody({ model: 'claude-sonnet-4-6', messages: [user, { role: 'system', content: 's' }] }),
    "role 'system' is not supported on this model",
  ],
  [
    'a prefill, from 4.6 on',
    saying(user, said({ type: 'text', text: 'And' })),
    'This model does not support assistant message prefill. The conversation must end with a user message.',
  ],
]

const accepted: readonly (readonly [string, object])[] = [
  [
    'a signature of any simulated Claude',
    saying(user, said(thought(makeSignature(99, 3)), { type: 'text', text: 'x' }), user),
  ],
  [
    'results in any order, over several user messages, beside a system message',
    saying(user, said(use('a'), use('b')), told(result('b')), told(result('a'), { type: 'text', text: 't' }), {
      role: 'system',
      content: [],
    }),
  ],
  ['a system message among results', saying(user, said(use('a')), { role: 'system', content: 's' }, told(result('a')))],
  ['an empty last assistant message', callBody({ model: 'claude-sonnet-4-5', messages: [user, said()] })],
  [
    'a budget, up to 4.6',
    callBody({ model: 'claude-sonnet-4-6', max_tokens: 9_000, thinking: { type: 'enabled', budget_tokens: 2_000 } }),
  ],
  ['adaptive thinking, from 4.6 on', callBody({ model: 'claude-sonnet-4-6', thinking: { type: 'adaptive' } })],
  ['no thinking, of Sonnet 5.5', callBody({ model: 'claude-sonnet-5-5', thinking: { type: 'disabled' } })],
  ['no thinking, of Fable 5.2', callBody({ model: 'claude-fable-5-2', thinking: { type: 'disabled' } })],
]

describe('a strict Claude', () => {
  it.live.each(refused)('refuses %s', ([, body, message]) =>
    Effect.gen(function* () {
      const { status, json } = yield* ask(body)
      expect(json).toMatchObject({ error: { type: 'invalid_request_error', message } })
      expect(status).toBe(400)
      expect((yield* ask(body, { strict: false })).status).toBe(200)
    }),
  )

  it.live.each(accepted)('takes %s', ([, body]) =>
    Effect.gen(function* () {
      const { status, text } = yield* ask(body)
      expect(status, text).toBe(200)
    }),
  )

  it.live('takes back the thinking that another simulated Claude has said', () =>
    Effect.gen(function* () {
      const script = [
        answer([
          { type: 'thinking', thinking: 't' },
          { type: 'text', text: 'x' },
        ]),
      ]
      const { one, two } = yield* startProviders({ one: { script }, two: { strict: true } })
      const { json } = yield* postJson(`${one.url}/v1/messages`, callBody())
      const body = saying(user, { role: 'assistant', content: json.content }, user)
      expect((yield* postJson(`${two.url}/v1/messages`, body)).status).toBe(200)
    }),
  )

  it.live('counts by the same rules', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { strict: true } })
      const { max_tokens: _, ...body } = saying(told(result('a'))) as { readonly max_tokens: number }
      expect((yield* postJson(`${sim.url}/v1/messages/count_tokens`, body)).status).toBe(400)
    }),
  )

  it.live('takes every history that the real Claude Code has sent, when its thinking is signed', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { strict: true } })
      const bodies = [...capturedHistories()]
      expect(bodies.length).toBeGreaterThan(20)
      for (const body of bodies) {
        const { status, text } = yield* postJson(`${sim.url}/v1/messages`, body)
        expect(status, text).toBe(200)
      }
    }),
  )
})

describe('a Claude that knows only some names', () => {
  it.live('refuses beta values that it does not know, all at once', () =>
    Effect.gen(function* () {
      const betas = ['known-2026-01-01']
      const send = (value: string) => ask(callBody(), { strict: false, betas }, { 'anthropic-beta': value })
      expect((yield* send('known-2026-01-01')).status).toBe(200)
      expect((yield* send('foo-2026-01-01, known-2026-01-01,bar-2026-02-02')).json).toMatchObject({
        error: {
          type: 'invalid_request_error',
          message:
            'Unexpected value(s) `foo-2026-01-01`, `bar-2026-02-02` for the `anthropic-beta` header. Please consult our documentation at https://docs.anthropic.com or try again without the header.',
        },
      })
    }),
  )

  it.live('leaves tools of a type of their own alone', () =>
    Effect.gen(function* () {
      const tools = [{ type: 'web_search_20250305', name: 'web_search', max_uses: 3 }]
      expect((yield* ask(callBody({ tools }), { strict: false, fields: [] })).status).toBe(200)
    }),
  )

  const fields: readonly (readonly [string, object, string])[] = [
    ['context_management', { context_management: { edits: [] } }, 'context_management'],
    [
      'messages.output_config',
      { messages: [{ ...user, output_config: { effort: 'low' } }] },
      'messages.0.output_config',
    ],
    [
      'tools.defer_loading',
      { tools: [{ name: 'a', input_schema: {}, defer_loading: true }] },
      'tools.0.custom.defer_loading',
    ],
    ['thinking.display', { thinking: { type: 'adaptive', display: 'omitted' } }, 'thinking.adaptive.display'],
  ]
  it.live.each(fields)('refuses the field %s unless it is told of it', ([field, more, path]) =>
    Effect.gen(function* () {
      const without = yield* ask(callBody(more), { strict: false, fields: [] })
      expect(without.status).toBe(400)
      expect(without.json).toMatchObject({ error: { message: `${path}: Extra inputs are not permitted` } })
      expect((yield* ask(callBody(more), { strict: false, fields: [field] })).status).toBe(200)
      expect((yield* ask(callBody(more), { strict: true })).status).toBe(200)
    }),
  )
})

describe('a simulated signature', () => {
  it('is base64 that begins and ends like a real one, and differs from block to block', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat({ max: 50 }), (seed, index) => {
        const signature = makeSignature(seed, index)
        expect(signature).toMatch(/^EqQB[A-Za-z0-9+/]+==$/)
        expect(isSimulatedSignature(signature)).toBe(true)
        expect(makeSignature(seed, index + 1)).not.toBe(signature)
      }),
    )
  })

  it('is broken by any change', () => {
    fc.assert(
      fc.property(fc.nat({ max: signed.length - 3 }), fc.constantFrom(...'ABCxyz019+/'), (at, letter) => {
        fc.pre(signed[at] !== letter)
        expect(isSimulatedSignature(signed.slice(0, at) + letter + signed.slice(at + 1))).toBe(false)
      }),
    )
    for (const other of ['', 'EqQB', `${signed}=`, signed.slice(0, -4), 'Eq0SampleAAAA==']) {
      expect(isSimulatedSignature(other)).toBe(false)
    }
  })
})

interface History {
  readonly messages: readonly { readonly content: string | readonly { readonly type: string }[] }[]
}

/** Bodies of the recorded flows; their thinking, which a stand-in had signed, is signed by a simulated Claude. */
function* capturedHistories(): Generator<History> {
  for (const { name, exchanges } of loadCaptures()) {
    if (!name.startsWith('flow-')) continue
    for (const { method, path, body } of exchanges) {
      if (method !== 'POST' || !path.startsWith('/v1/messages?')) continue
      const history: History = JSON.parse(body.toString())
      yield {
        ...history,
        messages: history.messages.map((message) => ({ ...message, content: sign(message.content) })),
      }
    }
  }
}

function sign(content: History['messages'][number]['content']) {
  return typeof content === 'string'
    ? content
    : content.map((block) => (block.type === 'thinking' ? { ...block, signature: signed } : block))
}
