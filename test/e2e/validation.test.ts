/**
 * Requests that are wrong, odd or probing, over a real socket: each gets the Anthropic API's error and moves nothing.
 */
import { connect } from 'node:net'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import * as refusals from '#infra/simulator/refusals.ts'
import { plainAnthropic } from '#infra/upstream/profile.ts'
import { patient, startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { type Call, header, send } from './http-client.ts'

const json = ['content-type', 'application/json'] as const

const setUp = Effect.gen(function* () {
  const { sim } = yield* startProviders({ sim: {} })
  const box = yield* startBox({ providers: { sim: { url: sim.url } }, server: { bodyLimit: 1_000_000 } })
  return { sim, box }
})

const wrong: readonly (readonly [string, Call, number, string])[] = [
  ['no JSON', { body: 'hello' }, 400, 'invalid_request_error'],
  ['JSON that is no object', { body: '[]' }, 400, 'invalid_request_error'],
  ['no model', { body: { max_tokens: 1, messages: [] } }, 400, 'invalid_request_error'],
  ['no body', { headers: [json] }, 400, 'invalid_request_error'],
  ['an unknown path', { path: '/v1/nothing', body: callBody() }, 404, 'not_found_error'],
  ['the paths of batches', { path: '/v1/messages/batches', body: {} }, 404, 'not_found_error'],
  ['GET of messages', { method: 'GET' }, 405, 'invalid_request_error'],
  ['DELETE of token counts', { method: 'DELETE', path: '/v1/messages/count_tokens' }, 405, 'invalid_request_error'],
  ['POST of models', { path: '/v1/models', body: {} }, 405, 'invalid_request_error'],
  ['a body above the limit', { body: callBody({ system: 'x'.repeat(1_100_000) }) }, 413, 'request_too_large'],
  [
    'text',
    { headers: [['content-type', 'text/plain']], body: JSON.stringify(callBody()) },
    415,
    'invalid_request_error',
  ],
  ['no content type', { headers: [], body: JSON.stringify(callBody()) }, 415, 'invalid_request_error'],
  [
    'a compressed body',
    { headers: [json, ['content-encoding', 'gzip']], body: callBody() },
    415,
    'invalid_request_error',
  ],
]

describe('a request', () => {
  it.live.each(wrong)('with %s is refused', ([, call, status, type]) =>
    Effect.gen(function* () {
      const { sim, box } = yield* setUp
      const before = (yield* box.events).length
      const answer = yield* send(box.port, call)
      expect(answer.status).toBe(status)
      const id = header(answer, 'request-id')
      expect(id).toMatch(/^req_/)
      expect(JSON.parse(answer.body.toString())).toMatchObject({ type: 'error', error: { type }, request_id: id })
      expect(header(answer, 'x-should-retry')).toBe('false')
      if (status === 405) expect(header(answer, 'allow')).toMatch(/GET|POST/)
      expect(sim.requests).toEqual([])
      expect((yield* box.events).length).toBe(before)
      // The box goes on.
      expect((yield* send(box.port, { body: callBody() })).status).toBe(200)
    }),
  )

  it.live('whose body grows above the limit in chunks is refused', () =>
    Effect.gen(function* () {
      const { box } = yield* setUp
      const text = yield* raw(box.port, [
        'POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
        ...Array.from({ length: 20 }, () => `10000\r\n${'x'.repeat(0x10000)}\r\n`),
        '0\r\n\r\n',
      ])
      expect(text).toMatch(/^HTTP\/1\.1 413 /)
      expect(text).toContain('request_too_large')
    }),
  )

  it.live.each(['evil.example', 'evil.example:8080', '127.0.0.1.evil.example', ''])(
    'for the host "%s" is refused',
    (host) =>
      Effect.gen(function* () {
        const { sim, box } = yield* setUp
        for (const path of ['/v1/messages', '/', '/metrics', '/health']) {
          const text = yield* raw(box.port, [
            `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`,
          ])
          expect(text).toMatch(/^HTTP\/1\.1 (400|403) /)
        }
        expect(sim.requests).toEqual([])
      }),
  )

  it.live('with a key that the provider refuses gets its answer unchanged', () =>
    Effect.gen(function* () {
      const { sim, other } = yield* startProviders({ sim: { apiKeys: ['right'] }, other: {} })
      const credential = { _tag: 'Client' } as const
      const box = yield* startBox({
        providers: { sim: { url: sim.url, credential }, other: { url: other.url, credential } },
      })
      const refused = yield* send(box.port, { headers: [json, ['x-api-key', 'wrong']], body: callBody() })
      expect(refused.status).toBe(401)
      expect(JSON.parse(refused.body.toString())).toMatchObject({
        error: { type: 'authentication_error', message: 'invalid x-api-key' },
        request_id: sim.requests[0]?.requestId,
      })
      // The key was not shown to anybody else, and the provider is not blamed for it.
      expect(other.requests).toEqual([])
      const served = yield* send(box.port, { headers: [json, ['authorization', 'Bearer right']], body: callBody() })
      expect(served.status).toBe(200)
      expect(header(served, 'x-signalbox-provider')).toBe('sim')
    }),
  )
})

describe('a probe', () => {
  it.live.each(['/api/hello', '/'])('HEAD %s is answered without asking a provider', (path) =>
    Effect.gen(function* () {
      const { sim, box } = yield* setUp
      const answer = yield* send(box.port, { method: 'HEAD', path, headers: [['user-agent', 'Bun/1.4.4']] })
      expect(answer.status).toBe(200)
      expect(answer.body.length).toBe(0)
      expect(sim.requests).toEqual([])
    }),
  )
})

describe('counting tokens', () => {
  const count = (port: number, content: string) =>
    send(port, {
      path: '/v1/messages/count_tokens?beta=true',
      body: { model: 'claude-opus-5-5', messages: [{ role: 'user', content }] },
    })

  it.live('answers twenty-five at once, each its own, and records nothing', () =>
    Effect.gen(function* () {
      const { sim, box } = yield* setUp
      const before = (yield* box.events).length
      const texts = Array.from({ length: 25 }, (_, n) => 'word '.repeat(1 + 40 * n))
      const through = yield* Effect.forEach(texts, (text) => count(box.port, text), { concurrency: 'unbounded' })
      const straight = yield* Effect.forEach(texts, (text) => count(sim.port, text))
      expect(through.map(({ status }) => status)).toEqual(texts.map(() => 200))
      expect(through.map(({ body }) => body.toString())).toEqual(straight.map(({ body }) => body.toString()))
      expect(new Set(through.map(({ body }) => body.toString())).size).toBe(25)
      expect((yield* box.events).length).toBe(before)
    }),
  )

  it.live.each([
    ['an overload', refusals.overloaded()],
    ['a missing path', refusals.notFound('Not Found')],
    ['a limit', refusals.refusalOfType('rate_limit_error')],
    ['HTML', refusals.htmlBadGateway()],
  ] as const)('that fails by %s is estimated, says so, and moves no machine', ([, step]) =>
    Effect.gen(function* () {
      const when = { path: '/v1/messages/count_tokens' }
      const { sim } = yield* startProviders({ sim: { script: [{ when, times: 30, step }] } })
      const box = yield* startBox({ providers: { sim: { url: sim.url } }, retryBudget: patient.retryBudget })
      const before = (yield* box.events).length
      const answers = yield* Effect.forEach(Array.from({ length: 25 }), () => count(box.port, 'hi'), {
        concurrency: 'unbounded',
      })
      expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200))
      expect(answers.map((answer) => header(answer, 'x-signalbox-estimate'))).toEqual(answers.map(() => '±35%'))
      expect(answers.every(({ body }) => JSON.parse(body.toString()).input_tokens > 0)).toBe(true)
      expect((yield* box.events).length).toBe(before)
      expect([...box.ledger.state.machines.values()].map(({ state }) => state)).toEqual(['healthy'])
      // A provider that refused is not asked by each of the calls that come after.
      const asked = sim.requests.length
      yield* count(box.port, 'hi again')
      expect(sim.requests.length).toBe(asked)
      expect((yield* send(box.port, { body: callBody() })).status).toBe(200)
    }),
  )

  it.live('is estimated for a provider that does not count, the better the more answers there were', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: {} })
      const { countTokens: _, ...paths } = plainAnthropic.paths
      const box = yield* startBox({ providers: { sim: { url: sim.url, profile: { ...plainAnthropic, paths } } } })
      const content = 'word '.repeat(400)
      const straight = JSON.parse((yield* count(sim.port, content)).body.toString()).input_tokens
      const error = Effect.map(count(box.port, content), (answer) => {
        const tokens: number = JSON.parse(answer.body.toString()).input_tokens
        return { off: Math.abs(tokens - straight) / straight, says: header(answer, 'x-signalbox-estimate') }
      })
      const before = yield* error
      for (const times of [300, 350, 450, 500]) {
        const messages = [{ role: 'user', content: 'word '.repeat(times) }]
        expect((yield* send(box.port, { body: callBody({ messages }) })).status).toBe(200)
      }
      const after = yield* error
      expect(before.says).toBe('±35%')
      expect(after.off).toBeLessThan(0.05)
      expect(after.off).toBeLessThanOrEqual(before.off)
      expect(Number(after.says?.slice(1, -1))).toBeLessThan(35)
      expect(sim.requests.filter(({ path }) => path.includes('count_tokens'))).toHaveLength(1)
    }),
  )

  it.live("passes on what the provider says about the client's own mistake, or key", () =>
    Effect.gen(function* () {
      const when = { path: '/v1/messages/count_tokens' }
      const script = [
        { when, step: refusals.invalidRequest('thinking: wrong') },
        { when, step: refusals.badKey() },
      ]
      const { sim } = yield* startProviders({ sim: { script } })
      const box = yield* startBox({ providers: { sim: { url: sim.url, credential: { _tag: 'Client' } } } })
      const [wrong, refused] = [yield* count(box.port, 'hi'), yield* count(box.port, 'hi')]
      expect([wrong.status, refused.status]).toEqual([400, 401])
      expect(wrong.body.toString()).toContain('thinking: wrong')
    }),
  )

  it.live('of a model that nobody has is a 404', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: {} })
      const box = yield* startBox({ providers: { sim: { url: sim.url, models: { 'other-*': 'x' } } } })
      expect((yield* count(box.port, 'hi')).status).toBe(404)
    }),
  )
})

/** Everything that comes back for these bytes, until the server closes or has answered in full. */
const raw = (port: number, parts: readonly string[]): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const done = () => {
      resume(Effect.succeed(text))
      socket.destroy()
    }
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      text += chunk
      const length = /content-length: (\d+)/i.exec(text)?.[1]
      const [, body] = text.split('\r\n\r\n')
      if (length !== undefined && body !== undefined && Buffer.byteLength(body) >= Number(length)) done()
    })
    socket.on('close', done)
    socket.on('error', done)
    for (const part of parts) socket.write(part)
  })
