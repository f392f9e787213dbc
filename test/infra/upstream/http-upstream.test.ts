import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, it } from '@effect/vitest'
import { Deferred, Effect, Redacted } from 'effect'
import type { HeaderList } from '#actors/ports.ts'
import { openAiQuirks } from '#domain/dialect/openai/target.ts'
import { wrapSignature } from '#domain/dialect/provenance.ts'
import { modelId } from '#domain/ids.ts'
import { CredentialError } from '#infra/credentials/credential-error.ts'
import type { UpstreamCredential } from '#infra/upstream/credential.ts'
import { type AnthropicProfile, type ChatProfile, plainAnthropic } from '#infra/upstream/profile.ts'
import { loadCaptures } from '#test/captures.ts'
import { held, httpServer, listener, messages, upstreamAt, withoutProxies } from './loopback.ts'

beforeEach(withoutProxies)

const ok = () => httpServer((_request, response) => response.end('{}'))

/** What arrived, without the headers that the connection itself makes. */
const arrived = (headers: HeaderList | undefined): HeaderList =>
  (headers ?? []).filter(([name]) => !['host', 'connection', 'content-length'].includes(name.toLowerCase()))

const send = async (
  server: Awaited<ReturnType<typeof ok>>,
  headers: HeaderList,
  options: Parameters<typeof upstreamAt>[1] = {},
): Promise<HeaderList> => {
  const heard = listener()
  upstreamAt(server.origin, options).open(messages({ headers }), heard)
  expect(await heard.over).toBe('end')
  return arrived(server.seen.at(-1)?.headers)
}

const answerOf = (status: number, text: string) => ({ status, headers: [], body: Buffer.from(text) })

const identity = ['accept-encoding', 'identity'] as const

describe('headers on their way to an upstream', () => {
  it('pass as an open list, in order, repeated ones included', async () => {
    const headers: HeaderList = [
      ['accept', 'application/json'],
      ['anthropic-beta', 'a-2026-01-01,b-of-next-year'],
      ['anthropic-header-of-next-year', 'x'],
      ['anthropic-version', '2026-10-21'],
      ['x-app', 'cli'],
      ['anthropic-beta', 'second-line'],
      ['x-claude-code-session-id', 's'],
      ['x-claude-code-agent-id', 'a'],
      ['x-unheard-of', ''],
      ['x-latin', 'caf\u00e9'],
      ['user-agent', 'claude-cli'],
      ['anthropic-beta', 'third'],
    ]
    expect(await send(await ok(), headers)).toEqual([...headers, identity])
  })

  it('end here when they are about the connection, a proxy, a cookie or Signalbox', async () => {
    const headers: HeaderList = [
      ['host', 'signalbox.test'],
      ['connection', 'keep-alive, X-Named'],
      ['x-named', 'hop'],
      ['connection', 'x-also-named'],
      ['x-also-named', 'hop'],
      ['keep-alive', 'timeout=5'],
      ['proxy-authorization', 'Basic eDp5'],
      ['proxy-connection', 'keep-alive'],
      ['te', 'trailers'],
      ['trailer', 'x'],
      ['transfer-encoding', 'chunked'],
      ['upgrade', 'h2c'],
      ['content-length', '999'],
      ['expect', '100-continue'],
      ['accept-encoding', 'gzip, br'],
      ['cookie', 'session=1'],
      ['forwarded', 'for=10.0.0.1'],
      ['via', '1.1 proxy'],
      ['x-real-ip', '10.0.0.1'],
      ['x-forwarded-for', '10.0.0.1'],
      ['x-forwarded-anything', 'x'],
      ['x-signalbox-token', 'admin'],
      ['x-kept', 'yes'],
    ]
    for (const credential of [{ _tag: 'None' }, { _tag: 'Client' }] satisfies UpstreamCredential[]) {
      expect(await send(await ok(), headers, { credential })).toEqual([['x-kept', 'yes'], identity])
    }
  })

  it('carry the host of the upstream, not the one the client named', async () => {
    const server = await ok()
    await send(server, [['host', 'signalbox.test']])
    const hosts = server.seen[0]?.headers.filter(([name]) => name.toLowerCase() === 'host')
    expect(hosts).toEqual([['host', `127.0.0.1:${server.port}`]])
  })

  it('are replaced by those of the configuration, wherever the client has them', async () => {
    const headers: HeaderList = [
      ['anthropic-beta', 'client'],
      ['x-a', '1'],
      ['anthropic-beta', 'client too'],
    ]
    const configured: HeaderList = [
      ['anthropic-beta', 'configured'],
      ['x-team', 't'],
    ]
    expect(await send(await ok(), headers, { headers: configured })).toEqual([['x-a', '1'], ...configured, identity])
  })

  it('of every recorded client arrive but for credential, connection and encoding', async () => {
    const server = await ok()
    const upstream = upstreamAt(server.origin, { credential: held('x-api-key', 'ours') })
    const gone = ['connection', 'host', 'content-length', 'accept-encoding', 'x-api-key', 'authorization']
    const seen = new Set<string>()
    for (const { exchanges } of loadCaptures()) {
      for (const { headers, body, path, method } of exchanges) {
        const shape = String(headers.map(([name]) => name))
        if (seen.has(shape) || method !== 'POST') continue
        seen.add(shape)
        const lower = headers.map(([name, value]) => [name.toLowerCase(), value] as const)
        const heard = listener()
        upstream.open(messages({ headers: lower, body, query: path.slice(path.indexOf('/v1/messages') + 12) }), heard)
        expect(await heard.over).toBe('end')
        const kept = lower.filter(([name]) => !gone.includes(name))
        const last = server.seen.at(-1)
        expect(arrived(last?.headers)).toEqual([...kept, identity, ['x-api-key', 'ours']])
        expect(last?.body.equals(body)).toBe(true)
      }
    }
    expect(seen.size).toBeGreaterThan(5)
  })
})

describe('the credential', () => {
  const theirs: HeaderList = [
    ['authorization', 'Bearer theirs'],
    ['x-api-key', 'theirs'],
  ]

  it.each<[string, UpstreamCredential, HeaderList]>([
    ['none', { _tag: 'None' }, [identity]],
    ["the client's own, both forms", { _tag: 'Client' }, [...theirs, identity]],
    ['a held key', held('x-api-key', 'ours'), [identity, ['x-api-key', 'ours']]],
    ['a held token', held('bearer', 'ours'), [identity, ['authorization', 'Bearer ours']]],
  ])('%s', async (_what, credential, expected) => {
    expect(await send(await ok(), theirs, { credential })).toEqual(expected)
  })

  const later = (
    secret: Effect.Effect<string, { readonly message: string }>,
    invalidate = () => {},
  ): UpstreamCredential => ({
    _tag: 'Held',
    header: 'x-api-key',
    secret: Effect.map(secret, (value) => Redacted.make(value)),
    renews: false,
    invalidate,
  })

  it('may take its time; the request waits for it', async () => {
    const server = await ok()
    const secret = Deferred.makeUnsafe<string>()
    const heard = listener()
    const upstream = upstreamAt(server.origin, { credential: later(Deferred.await(secret)) })
    upstream.open(messages(), heard)
    await new Promise((resolve) => setImmediate(resolve))
    expect(server.connections()).toBe(0)
    expect(heard.log).toEqual([])
    Effect.runSync(Deferred.succeed(secret, 'at last'))
    expect(await heard.over).toBe('end')
    expect(server.seen[0]?.headers).toContainEqual(['x-api-key', 'at last'])
  })

  it('is not awaited by a request that was given up', async () => {
    const server = await ok()
    const secret = Deferred.makeUnsafe<string>()
    const heard = listener()
    const credential = later(Deferred.await(secret))
    upstreamAt(server.origin, { credential }).open(messages(), heard).abort()
    Effect.runSync(Deferred.succeed(secret, 'too late'))
    await send(server, [], { credential })
    expect(server.seen).toHaveLength(1)
    expect(heard.log).toEqual([])
  })

  it('whose server is away is a failure to connect, which passes in seconds', async () => {
    const unreachable = (reason: ConstructorParameters<typeof CredentialError>[0]['reason']) =>
      Effect.gen(function* () {
        const error = new CredentialError({ from: 'Google', reason })
        const credential: UpstreamCredential = {
          ...{ _tag: 'Held', header: 'bearer', renews: false, invalidate: () => undefined },
          secret: Effect.fail(error),
        }
        const heard = listener()
        upstreamAt((yield* Effect.promise(ok)).origin, { credential }).open(messages(), heard)
        return yield* Effect.promise(() => heard.over)
      })
    const passing = { _tag: 'Transport', code: 'CREDENTIAL_UNREACHABLE', connect: true }
    for (const reason of [
      { _tag: 'GoogleUnreachable', metadata: true, code: 'ECONNREFUSED' },
      { _tag: 'GoogleTimedOut', afterMs: 10_000 },
      { _tag: 'GoogleRefused', status: 503 },
      { _tag: 'CommandTimedOut', afterMs: 10_000 },
    ] as const)
      expect(await Effect.runPromise(unreachable(reason))).toEqual(passing)
    for (const reason of [{ _tag: 'GoogleRefused', status: 403 }, { _tag: 'NotSet' }] as const)
      expect(await Effect.runPromise(unreachable(reason))).toEqual({ _tag: 'CredentialRefused', whose: 'gateway' })
  })

  it.each<[string, Effect.Effect<string, { readonly message: string }>]>([
    ['fails at once', Effect.fail({ message: 'no such variable' })],
    [
      'fails later',
      Effect.andThen(
        Effect.promise(() => Promise.resolve()),
        Effect.fail({ message: 'the command failed' }),
      ),
    ],
    ['dies', Effect.die(new Error('bug'))],
  ])('that %s is a refusal of ours, without any connection', async (_how, secret) => {
    const server = await ok()
    const upstream = upstreamAt(server.origin, { credential: later(secret) })
    const heard = listener()
    upstream.open(messages(), heard)
    expect(heard.log).toEqual([])
    expect(await heard.over).toEqual({ _tag: 'CredentialRefused', whose: 'gateway' })
    expect(server.connections()).toBe(0)

    const given = listener()
    upstream.open(messages(), given).abort()
    const after = listener()
    upstream.open(messages(), after)
    await after.over
    expect(given.log).toEqual([])
  })

  it('is in no failure, not even when it cannot be sent', async () => {
    const server = await ok()
    const heard = listener()
    upstreamAt(server.origin, { credential: held('bearer', 'sk-secret\n') }).open(messages(), heard)
    const reason = await heard.over
    expect(reason).toMatchObject({ _tag: 'Transport' })
    expect(JSON.stringify(reason)).not.toContain('sk-secret')
  })

  it('is read anew after a refusal, by status or by event, and only then', () => {
    let times = 0
    const upstream = upstreamAt('http://127.0.0.1:9', { credential: later(Effect.succeed('x'), () => times++) })
    const event = (type: string) => JSON.stringify({ type: 'error', error: { type, message: 'x' } })
    upstream.classify(answerOf(200, '{}'), 0)
    upstream.classify(answerOf(500, ''), 0)
    upstream.classify(answerOf(429, ''), 0)
    upstream.classifyStreamError(event('overloaded_error'), 0)
    expect(times).toBe(0)
    expect(upstream.classify(answerOf(401, ''), 0)?.reason).toEqual({
      _tag: 'CredentialRefused',
      status: 401,
      whose: 'gateway',
    })
    expect(times).toBe(1)
    upstream.classify(answerOf(403, ''), 0)
    upstream.classifyStreamError(event('authentication_error'), 0)
    expect(times).toBe(3)
  })

  it("of the client is the client's to mend", () => {
    const upstream = upstreamAt('http://127.0.0.1:9', { credential: { _tag: 'Client' } })
    expect(upstream.classify(answerOf(401, ''), 0)?.reason).toMatchObject({ whose: 'client' })
    expect(upstream.classifyStreamError('{"error":{"type":"authentication_error"}}', 0)).toMatchObject({
      whose: 'client',
    })
  })
})

describe('the address', () => {
  it.each([
    ['', '/v1/messages?beta=true'],
    ['/', '/v1/messages?beta=true'],
    ['/gw/anthropic', '/gw/anthropic/v1/messages?beta=true'],
    ['/gw/anthropic/', '/gw/anthropic/v1/messages?beta=true'],
    ['/gw//', '/gw/v1/messages?beta=true'],
  ])('of a base URL that ends in %j is %s', async (suffix, expected) => {
    const server = await ok()
    const heard = listener()
    upstreamAt(server.origin + suffix).open(messages(), heard)
    await heard.over
    expect(server.seen.map((seen) => [seen.method, seen.url])).toEqual([['POST', expected]])
  })

  it('of the other calls', async () => {
    const server = await ok()
    const upstream = upstreamAt(server.origin)
    for (const request of [
      messages({ path: '/v1/messages/count_tokens', query: '' }),
      messages({ path: '/v1/models', query: '?limit=1000', method: 'GET', body: null }),
    ]) {
      const heard = listener()
      upstream.open(request, heard)
      expect(await heard.over).toBe('end')
    }
    expect(server.seen.map((seen) => `${seen.method} ${seen.url} ${seen.body.length}`)).toEqual([
      'POST /v1/messages/count_tokens 2',
      'GET /v1/models?limit=1000 0',
    ])
  })
})

describe('bytes', () => {
  it('of a large body arrive as they were, with their length', async () => {
    const server = await ok()
    const body = randomBytes(3_000_000)
    const heard = listener()
    upstreamAt(server.origin).open(messages({ body }), heard)
    expect(await heard.over).toBe('end')
    expect(server.seen[0]?.body.equals(body)).toBe(true)
    expect(server.seen[0]?.headers).toContainEqual(['content-length', '3000000'])
  })

  it('of the answer come as they were', async () => {
    const body = randomBytes(3_000_000)
    const server = await httpServer((_request, response) => response.end(body))
    const heard = listener()
    upstreamAt(server.origin).open(messages(), heard)
    expect(await heard.over).toBe('end')
    expect(heard.body().equals(body)).toBe(true)
    expect(heard.log).toEqual(['connected', 'headers', 'data', 'end'])
  })
})

describe('an answer that is no success', () => {
  const upstreamOf = (profile: Partial<AnthropicProfile>) =>
    upstreamAt('http://127.0.0.1:9', { profile: { ...plainAnthropic, ...profile } })
  const told = (upstream: ReturnType<typeof upstreamOf>, status: number, body: unknown, headers: HeaderList = []) =>
    upstream.classify({ status, headers, body: Buffer.from(JSON.stringify(body)) }, 0)
  const text = (answer: { readonly body: Uint8Array } | undefined) => Buffer.from(answer?.body ?? []).toString()

  it('of a retired service says since when and what to use instead', () => {
    const refusal = told(upstreamOf({ retired: { since: '2026-07-30', successors: 'something else' } }), 410, {})
    expect(refusal?.reason).toEqual({ _tag: 'Retired', status: 410 })
    expect(refusal?.answer.status).toBe(502)
    expect(text(refusal?.answer)).toContain('retired on 2026-07-30')
    expect(text(refusal?.answer)).toContain('something else')
  })

  it('that names a beta value is a refused feature, whose words stay', () => {
    const message = 'Unexpected value(s) `x-2026-01-01` for the `anthropic-beta` header.'
    const body = { type: 'error', error: { type: 'invalid_request_error', message } }
    const refusal = told(upstreamOf({}), 400, body)
    expect(refusal?.reason).toEqual({ _tag: 'FeatureRefused', status: 400, features: ['beta:x-2026-01-01'] })
    expect(JSON.parse(text(refusal?.answer))).toEqual(body)
  })

  it('that the client recovers from by itself is passed on, and nothing is learned of it', () => {
    const message = 'context_management: Extra inputs are not permitted'
    const body = { type: 'error', error: { type: 'invalid_request_error', message } }
    expect(told(upstreamOf({}), 400, body)?.reason).toEqual({ _tag: 'InvalidRequest', status: 400 })
  })

  it('about a full context is the provider’s own where it serves models of its own', () => {
    const body = { type: 'error', error: { type: 'invalid_request_error', message: 'prompt is too long: 9 > 8' } }
    expect(told(upstreamOf({}), 400, body)?.reason).not.toHaveProperty('limit')
    expect(told(upstreamOf({ foreignThinking: true }), 400, body)?.reason).toMatchObject({ limit: 'provider' })
  })

  it('of the kind anthropic passes whatever it is', () => {
    const upstream = upstreamOf({ errors: 'pass' })
    const page = { status: 502, headers: [], body: Buffer.from('<html>Bad Gateway</html>') }
    expect(upstream.classify(page, 0)).toEqual({ reason: { _tag: 'ServerError', status: 502 }, answer: page })
    expect(text(upstreamOf({}).classify(page, 0)?.answer)).toContain('"type":"error"')
  })

  it('by `wrong_endpoint` leads to the other dialect, where the service has one', async () => {
    const server = await ok()
    const chat: ChatProfile = {
      dialect: 'openai',
      paths: { call: '/chat' },
      headers: [],
      quirks: openAiQuirks,
      modelQuirks: [],
    }
    const upstream = upstreamAt(server.origin, {
      profile: { ...plainAnthropic, chat: { models: ['x/*'], profile: chat } },
    })
    const refused = { error: { code: 400, message: 'x', availability: { code: 'wrong_endpoint', retryable: false } } }
    expect(told(upstream, 400, refused)?.reason).toMatchObject({ features: ['endpoint:messages'] })
    const body = Buffer.from('{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}]}')
    const target = messages().target!
    for (const [model, without] of [
      ['m', []],
      ['m', ['endpoint:messages']],
      ['x/y', []],
    ] as const) {
      const heard = listener()
      upstream.open(messages({ body, target: { ...target, model: modelId(model), without } }), heard)
      await heard.over
    }
    expect(server.seen.map(({ url }) => url)).toEqual(['/v1/messages?beta=true', '/chat', '/chat'])
  })
})

describe('a provider with thinking of its own', () => {
  it('gets its own signatures back, and the client gets them marked', async () => {
    const thinking = { type: 'thinking', thinking: 'hm', signature: 'own' }
    const message = { type: 'message', content: [thinking], usage: {} }
    const server = await httpServer((_request, response) => response.end(JSON.stringify(message)))
    const upstream = upstreamAt(server.origin, { profile: { ...plainAnthropic, foreignThinking: true } })
    const ask = async (content: object) => {
      const heard = listener()
      const body = Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'assistant', content: [content] }] }))
      upstream.open(messages({ body }), heard)
      await heard.over
      return JSON.parse(heard.body().toString()).content[0]
    }
    const marked = await ask({ type: 'text', text: 'x' })
    expect(marked.signature).toBe(wrapSignature('p', 'own'))
    await ask(marked)
    expect(JSON.parse(server.seen[1]?.body.toString() ?? '').messages[0].content).toEqual([thinking])
  })

  it('streams the same', async () => {
    const server = await httpServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const data = { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'own' } }
      response.write('event: message_start\ndata: {"type":"message_start"}\n\nevent: content_')
      setTimeout(() => response.end(`block_delta\ndata: ${JSON.stringify(data)}\n\n: the end`), 10)
    })
    const heard = listener()
    const target = { ...messages().target!, stream: true }
    upstreamAt(server.origin, { profile: { ...plainAnthropic, foreignThinking: true } }).open(
      messages({ target }),
      heard,
    )
    expect(await heard.over).toBe('end')
    expect(heard.body().toString()).toBe(
      `event: message_start\ndata: {"type":"message_start"}\n\nevent: content_block_delta\ndata: ${JSON.stringify({
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'signature_delta', signature: wrapSignature('p', 'own') },
      })}\n\n: the end`,
    )
  })
})
