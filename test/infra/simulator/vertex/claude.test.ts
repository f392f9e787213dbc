import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { startGoogleTokens } from '#infra/simulator/google-tokens.ts'
import * as refusals from '#infra/simulator/refusals.ts'
import { answer, errorEvent, type StatusStep } from '#infra/simulator/script.ts'
import type { SimulatorOptions } from '#infra/simulator/simulator.ts'
import { dataOf, eventNames, postJson, startProviders } from '#test/simulator.ts'

const MODELS = '/v1/projects/my-project/locations/global/publishers/anthropic/models'
const bearer = { authorization: 'Bearer ya29.any' }
const body = (more: object = {}) => ({
  anthropic_version: 'vertex-2023-10-16',
  max_tokens: 64,
  messages: [{ role: 'user', content: 'hi' }],
  ...more,
})
const fixture = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../fixtures/vertex/${name}.json`, import.meta.url), 'utf8'))

const ask = (
  {
    path = `${MODELS}/claude-opus-5-5:rawPredict`,
    send = body() as object,
    headers = bearer as Record<string, string>,
  },
  more: Partial<SimulatorOptions> = {},
) =>
  Effect.gen(function* () {
    const { sim } = yield* startProviders({ sim: { wire: 'vertex', ...more } })
    return yield* postJson(`${sim.url}${path}`, send, headers)
  })

describe('Claude on Vertex', () => {
  it.live('answers in one piece, streams, and counts, each at its own path', () =>
    Effect.gen(function* () {
      const script = [
        answer([
          { type: 'text', text: 'Hello' },
          { type: 'tool_use', name: 'Read', input: {} },
        ]),
      ]
      const whole = yield* ask({}, { script })
      expect(whole.headers.get('content-type')).toBe('application/json; charset=UTF-8')
      expect(whole.headers.get('request-id')).toMatch(/^req_vrtx_/)
      expect(whole.json).toMatchObject({
        id: expect.stringMatching(/^msg_vrtx_/),
        model: 'claude-opus-5-5',
        content: [{ text: 'Hello' }, { id: expect.stringMatching(/^toolu_vrtx_/) }],
      })
      for (const [name] of whole.headers) expect(name).not.toMatch(/ratelimit|retry-after/)

      const streamed = yield* ask({ path: `${MODELS}/claude-opus-5-5:streamRawPredict`, send: body({ stream: true }) })
      expect(eventNames(streamed.text).at(-1)).toBe('message_stop')
      expect(dataOf(streamed.text)[0]).toMatchObject({ message: { usage: { speed: null, inference_geo: null } } })

      const { max_tokens: _, ...rest } = body({ model: 'claude-opus-5-5' })
      const counted = yield* ask({ path: `${MODELS}/count-tokens:rawPredict`, send: rest })
      expect(counted.json.input_tokens).toBeGreaterThan(0)
    }),
  )

  it.live('counts for the model that the body names, and for no body without one', () =>
    Effect.gen(function* () {
      const count = (more: object) => {
        const { max_tokens: _, ...send } = body(more)
        return ask({ path: `${MODELS}/count-tokens:rawPredict`, send })
      }
      expect((yield* count({})).json).toMatchObject({ error: { message: 'model: Field required' } })
      expect((yield* count({ model: 'claude-haiku-4-5-20251001' })).status).toBe(404)
      expect((yield* count({ model: 'claude-haiku-4-5@20251001' })).status).toBe(200)
    }),
  )

  it.live('serves what is scripted for a model call, whatever the path of the model', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({
        sim: { wire: 'vertex', script: [{ when: { nth: 2 }, step: answer('second') }, answer('first')] },
      })
      const said = (model: string) => postJson(`${sim.url}${MODELS}/${model}:rawPredict`, body(), bearer)
      expect((yield* said('claude-opus-5-5')).text).toContain('first')
      expect((yield* said('claude-haiku-4-5%4020251001')).text).toContain('second')
    }),
  )

  const anthropicShaped: readonly (readonly [string, Parameters<typeof ask>[0], string])[] = [
    ['a body with a model', { send: body({ model: 'claude-opus-5-5' }) }, 'model: Extra inputs are not permitted'],
    ['a body without a version', { send: body({ anthropic_version: undefined }) }, 'anthropic_version: Field required'],
    [
      'an unknown version',
      { send: body({ anthropic_version: '2023-06-01' }) },
      "anthropic_version: Input should be 'vertex-2023-10-16' or '2026-10-21'",
    ],
    [
      'the version as a header',
      { headers: { ...bearer, 'anthropic-version': '2023-06-01' } },
      'anthropic-version: header is not supported, use the `anthropic_version` field of the body',
    ],
    [
      'a stream at the path for whole answers',
      { send: body({ stream: true }) },
      'stream: must not be true for rawPredict',
    ],
    [
      'a whole answer at the path for streams',
      { path: `${MODELS}/claude-opus-5-5:streamRawPredict` },
      'stream: must be true for streamRawPredict',
    ],
    [
      'a beta that it does not know',
      { headers: { ...bearer, 'anthropic-beta': 'claude-code-20250219,advanced-tool-use-2025-11-20' } },
      'Unexpected value(s) `advanced-tool-use-2025-11-20` for the `anthropic-beta` header. Please consult our documentation at https://docs.anthropic.com or try again without the header.',
    ],
    ['fast mode', { send: body({ speed: 'fast' }) }, 'speed: Extra inputs are not permitted'],
    [
      'automatic caching',
      { send: body({ cache_control: { type: 'ephemeral' } }) },
      'cache_control: Extra inputs are not permitted',
    ],
    ['a container', { send: body({ container: 'c' }) }, 'container: Extra inputs are not permitted'],
    ['MCP servers', { send: body({ mcp_servers: [] }) }, 'mcp_servers: Extra inputs are not permitted'],
    ['fallbacks', { send: body({ fallbacks: 'default' }) }, 'fallbacks: Extra inputs are not permitted'],
    [
      'a task budget',
      { send: body({ output_config: { task_budget: 1 } }) },
      'output_config.task_budget: Extra inputs are not permitted',
    ],
    [
      'web fetch',
      { send: body({ tools: [{ type: 'web_fetch_20250910', name: 'web_fetch' }] }) },
      "tools.0: Input tag 'web_fetch_20250910' found using 'type' does not match any of the expected tags",
    ],
    [
      'a newer web search',
      { send: body({ tools: [{ type: 'web_search_20260318', name: 'web_search' }] }) },
      "tools.0: Input tag 'web_search_20260318' found using 'type' does not match any of the expected tags",
    ],
    [
      'programmatic tool calls',
      { send: body({ tools: [{ name: 'a', input_schema: {}, allowed_callers: [] }] }) },
      'tools.0.custom.allowed_callers: Extra inputs are not permitted',
    ],
    [
      'an image to fetch',
      {
        send: body({
          messages: [
            {
              role: 'user',
              content: [
                {
                  type: 'tool_result',
                  tool_use_id: 'a',
                  content: [{ type: 'image', source: { type: 'url', url: 'https://x/' } }],
                },
              ],
            },
          ],
        }),
      },
      "messages.0.content.0.content.0.image.source: Input tag 'url' found using 'type' does not match any of the expected tags: 'base64'",
    ],
    ['a body of the wrong shape', { send: body({ messages: [] }) }, 'messages: at least one message is required'],
  ]
  it.live.each(anthropicShaped)('refuses %s, in the Anthropic envelope', ([, request, message]) =>
    Effect.gen(function* () {
      const { status, json } = yield* ask(request)
      expect(status).toBe(400)
      expect(json).toEqual({
        type: 'error',
        error: { type: 'invalid_request_error', message },
        request_id: expect.stringMatching(/^req_vrtx_/),
      })
    }),
  )

  const region = MODELS.replace('global', 'us-east5')
  const googleShaped: readonly (readonly [string, Parameters<typeof ask>[0], number, string])[] = [
    ['a model with a suffix', { path: `${MODELS}/claude-opus-5-5%5B1m%5D:rawPredict` }, 404, 'NOT_FOUND'],
    ['a date behind a dash', { path: `${MODELS}/claude-haiku-4-5-20251001:rawPredict` }, 404, 'NOT_FOUND'],
    ['a model of another vendor', { path: `${MODELS}/gpt-4o:rawPredict` }, 404, 'NOT_FOUND'],
    ['a new model in a region', { path: `${region}/claude-opus-5-5:rawPredict` }, 404, 'NOT_FOUND'],
    ['another method', { path: `${MODELS}/claude-opus-5-5:predict` }, 404, 'NOT_FOUND'],
    ['the path of the Anthropic API', { path: '/v1/messages' }, 404, 'NOT_FOUND'],
    ['no token', { headers: {} }, 401, 'UNAUTHENTICATED'],
    ['a key instead of a token', { headers: { 'x-api-key': 'k' } }, 401, 'UNAUTHENTICATED'],
  ]
  it.live.each(googleShaped)('refuses %s, as Google does', ([, request, code, status]) =>
    Effect.gen(function* () {
      const refused = yield* ask(request)
      expect(refused.status).toBe(code)
      expect(refused.json).toEqual({ error: { code, status, message: expect.any(String) } })
      expect(refused.headers.get('www-authenticate') !== null).toBe(code === 401)
    }),
  )

  it.live('refuses a query that Google does not know', () =>
    Effect.gen(function* () {
      const refused = yield* ask({ path: `${MODELS}/claude-opus-5-5:rawPredict?beta=true` })
      expect(refused.status).toBe(400)
      expect(refused.text).toContain('Unknown name')
    }),
  )

  it.live('serves older models in a region, with their date behind an @', () =>
    Effect.gen(function* () {
      expect((yield* ask({ path: `${region}/claude-sonnet-4-5@20250929:rawPredict` })).status).toBe(200)
      expect((yield* ask({ path: `${region}/claude-sonnet-4-6:rawPredict` })).status).toBe(200)
    }),
  )

  it.live('accepts exactly the tokens that have been issued and are still alive', () =>
    Effect.gen(function* () {
      const accessTokens = yield* startGoogleTokens()
      const other = yield* startGoogleTokens()
      const issued = (url: string) =>
        Effect.promise(async () => {
          const path = '/computeMetadata/v1/instance/service-accounts/default/token'
          const response = await fetch(`${url}${path}`, { headers: { 'metadata-flavor': 'Google' } })
          return ((await response.json()) as { readonly access_token: string }).access_token
        })
      const { sim } = yield* startProviders({ sim: { wire: 'vertex', accessTokens } })
      const status = (token: string) =>
        postJson(`${sim.url}${MODELS}/claude-opus-5-5:rawPredict`, body(), { authorization: `Bearer ${token}` }).pipe(
          Effect.map((response) => response.status),
        )
      const token = yield* issued(accessTokens.url)
      expect(yield* status(token)).toBe(200)
      expect(yield* status(yield* issued(other.url))).toBe(401)
      expect(yield* status('ya29.made-up')).toBe(401)
      accessTokens.revoke()
      expect(yield* status(token)).toBe(401)
    }),
  )

  it.live('asks of a strict history what Claude asks', () =>
    Effect.gen(function* () {
      const orphan = body({ messages: [{ role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a' }] }] })
      expect((yield* ask({ send: orphan }, { strict: true })).text).toContain('unexpected `tool_use_id`')
      expect((yield* ask({ send: orphan })).status).toBe(200)
    }),
  )

  const documented: readonly (readonly [string, StatusStep])[] = [
    ['401', { ...refusals.badKey(), refusal: { _tag: 'BadKey' } }],
    ['403', refusals.forbidden()],
    ['503', refusals.unavailable()],
    ['529', refusals.overloaded()],
    ['429.quota', refusals.rateLimited({ limit: 'input-tokens' })],
    ['400.anthropic_envelope', refusals.promptTooLong(1_048_999, 1_000_000)],
  ]
  it.live.each(documented)('has the documented answer: %s', ([name, step]) =>
    Effect.gen(function* () {
      const real = fixture(name)
      const refused = yield* ask({}, { script: [step] })
      expect(refused.status).toBe(real.status)
      const { request_id: ours, ...answered } = refused.json
      const { request_id: theirs, ...expected } = real.body
      expect(answered).toEqual(expected)
      expect(typeof ours).toBe(typeof theirs)
      for (const header of ['content-type', 'server', 'vary', 'www-authenticate', 'retry-after']) {
        expect(refused.headers.get(header) ?? undefined).toBe(real.headers[header])
      }
    }),
  )

  it.live('sends the quota refusal of a stream as an array when it is told to', () =>
    Effect.gen(function* () {
      const limits = { requestsPerMinute: 1, inputTokensPerMinute: 9_000, outputTokensPerMinute: 9_000 }
      const { sim } = yield* startProviders({ sim: { wire: 'vertex', limits, quotaAsArray: true } })
      const url = `${sim.url}${MODELS}/claude-opus-5-5`
      yield* postJson(`${url}:rawPredict`, body(), bearer)
      expect((yield* postJson(`${url}:rawPredict`, body(), bearer)).json).toMatchObject({ error: { code: 429 } })
      const streamed = yield* postJson(`${url}:streamRawPredict`, body({ stream: true }), bearer)
      expect(streamed.json).toMatchObject([
        {
          error: {
            status: 'RESOURCE_EXHAUSTED',
            message: expect.stringContaining('global_online_prediction_requests'),
          },
        },
      ])
      expect(streamed.headers.get('retry-after')).toBeNull()
    }),
  )

  it.live('breaks off a stream with the API’s own error event', () =>
    Effect.gen(function* () {
      const broken = yield* ask(
        { path: `${MODELS}/claude-opus-5-5:streamRawPredict`, send: body({ stream: true }) },
        { script: [errorEvent(3, 'overloaded_error')] },
      )
      expect(eventNames(broken.text)).toHaveLength(4)
      expect(dataOf(broken.text).at(-1)).toEqual({
        type: 'error',
        error: { type: 'overloaded_error', message: 'Overloaded' },
      })
    }),
  )
})
