import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import * as refusals from '#infra/simulator/refusals.ts'
import { answer, type Step } from '#infra/simulator/script.ts'
import { chatBody, dataOf, postJson, startProviders } from '#test/simulator.ts'

const PATH = '/v1/projects/p/locations/global/endpoints/openapi/chat/completions'
const user = { role: 'user', content: 'hi' }
const gemini = (more: object = {}) => chatBody({ model: 'google/gemini-4-argon', max_tokens: 100, ...more })
const two = answer([
  { type: 'tool_use', name: 'Read', input: {} },
  { type: 'tool_use', name: 'Glob', input: {} },
])
const calls = (signature: string | undefined) => ({
  role: 'assistant',
  content: null,
  tool_calls: ['a', 'b'].map((id, nth) => ({
    id,
    type: 'function',
    function: { name: 'Read', arguments: '{}' },
    ...(signature === undefined || nth > 0 ? {} : { extra_content: { google: { thought_signature: signature } } }),
  })),
})
const results = ['a', 'b'].map((id) => ({ role: 'tool', tool_call_id: id, content: 'x' }))

const ask = (body: object, script: readonly Step[] = []) =>
  Effect.gen(function* () {
    const { sim } = yield* startProviders({ sim: { wire: 'vertex', script } })
    return yield* postJson(`${sim.url}${PATH}`, body, { authorization: 'Bearer ya29.any' })
  })
interface Call {
  readonly extra_content?: { readonly google: { readonly thought_signature: string } }
}

describe('Gemini in the OpenAI dialect', () => {
  it.live('signs the first call of an answer, streamed or not, and takes the signature back', () =>
    Effect.gen(function* () {
      const whole = yield* ask(gemini(), [two])
      const said = (whole.json.choices as readonly { readonly message: { readonly tool_calls: readonly Call[] } }[])[0]
      const signatures = said?.message.tool_calls.map((call) => call.extra_content?.google.thought_signature)
      expect(signatures).toEqual([expect.any(String), undefined])
      expect((yield* ask(gemini({ messages: [user, calls(signatures?.[0]), ...results] }))).status).toBe(200)
      const streamed = yield* ask(gemini({ stream: true }), [two])
      const chunks = dataOf(streamed.text).slice(0, -1) as readonly {
        readonly choices: readonly { readonly delta: { readonly tool_calls?: readonly Call[] } }[]
      }[]
      const fragments = chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.tool_calls ?? []))
      expect(fragments.filter((call) => call.extra_content !== undefined)).toEqual([fragments[0]])
    }),
  )

  it.live('refuses a running tool turn whose first call is not signed', () =>
    Effect.gen(function* () {
      const turn = (signature: string | undefined) => ask(gemini({ messages: [user, calls(signature), ...results] }))
      const refused = yield* turn(undefined)
      expect(refused.status).toBe(400)
      expect(refused.json).toMatchObject({
        error: {
          code: 400,
          status: 'INVALID_ARGUMENT',
          message: expect.stringMatching(/^Function call is missing a thought_signature in functionCall parts/),
        },
      })
      expect((yield* turn('bm90IG91cnM=')).status).toBe(400)
      expect((yield* turn('skip_thought_signature_validator')).status).toBe(200)
      const over = [user, calls(undefined), ...results, { role: 'assistant', content: 'ok' }, user]
      expect((yield* ask(gemini({ messages: over }))).status).toBe(200)
      const old = { model: 'google/gemini-2.5-pro', messages: [user, calls(undefined), ...results] }
      expect((yield* ask(gemini(old))).status).toBe(200)
    }),
  )

  const tool = (parameters: object) => [{ type: 'function', function: { name: 'Read', parameters } }]
  it.live.each(['$schema', 'additionalProperties', 'exclusiveMinimum', 'const', 'default'])(
    'refuses a schema with %s, however deep, but not a property of that name',
    (word) =>
      Effect.gen(function* () {
        const inner = { type: 'array', items: { type: 'string', [word]: 'x' } }
        const refused = yield* ask(gemini({ tools: tool({ type: 'object', properties: { a: inner } }) }))
        expect(refused.status).toBe(400)
        expect(refused.text).toContain(`Unknown name \\"${word}\\"`)
        const named = { type: 'object', properties: { [word]: { type: 'string' } } }
        expect((yield* ask(gemini({ tools: tool(named) }))).status).toBe(200)
      }),
  )

  it.live('says when to come back, in the error and not in a header', () =>
    Effect.gen(function* () {
      const refused = yield* ask(gemini(), [refusals.rateLimited({ retryAfterSeconds: 34 })])
      expect(refused.status).toBe(429)
      expect(refused.headers.get('retry-after')).toBeNull()
      expect(refused.json).toMatchObject({
        error: {
          status: 'RESOURCE_EXHAUSTED',
          details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34s' }],
        },
      })
    }),
  )

  it.live('serves Gemini only', () =>
    Effect.gen(function* () {
      expect((yield* ask(gemini({ model: 'claude-opus-5-5' }))).status).toBe(404)
    }),
  )
})
