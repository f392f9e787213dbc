/**
 * Client keys over real sockets: each answer, what goes upstream, and that a key is nowhere to be found.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect, Redacted } from 'effect'
import { createKey, revokeKey } from '#actors/client-keys.ts'
import { encodeState } from '#actors/gateway-state.ts'
import { Ledger } from '#actors/ledger.ts'
import type { HeaderList } from '#actors/ports.ts'
import type { KeyMode, WantedKey } from '#domain/client-key.ts'
import { newClientKey } from '#infra/new-client-key.ts'
import { ask } from '#test/admin.ts'
import { type RunningBox, startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { type Answer, header, send } from './http-client.ts'

const JSON_TYPE = ['content-type', 'application/json'] as const

const setUp = (clientKeys: KeyMode = 'optional') =>
  Effect.gen(function* () {
    const { alpha } = yield* startProviders({ alpha: {} })
    const box = yield* startBox({
      admin: {},
      providers: { alpha: { url: alpha.url, credential: { _tag: 'Client' } } },
      server: { clientKeys },
    })
    return { alpha, box }
  })

const make = (box: RunningBox, wanted: Partial<WantedKey> = {}) =>
  Effect.map(
    Effect.provideService(createKey(newClientKey, { name: 'ci', ...wanted }, 'test'), Ledger, box.ledger),
    ({ key, secret }) => ({ ...key, secret: Redacted.value(secret) }),
  )

/** Each in its own header; the provider takes any credential. */
const CREDENTIAL = ['authorization', 'Bearer sk-ant-oat01-the-clients-own'] as const
const withKey = (secret: string): HeaderList => [JSON_TYPE, CREDENTIAL, ['x-signalbox-key', secret]]

const messages = (box: RunningBox, headers: HeaderList, body: object = callBody()) => send(box.port, { headers, body })
const count = (box: RunningBox, headers: HeaderList, body: object = callBody()) =>
  send(box.port, { path: '/v1/messages/count_tokens', headers, body })
const models = (box: RunningBox, headers: HeaderList, id = '') =>
  send(box.port, { method: 'GET', path: `/v1/models${id}`, headers })

const errorOf = (answer: Answer): { readonly type: string; readonly message: string } =>
  JSON.parse(answer.body.toString()).error
const idsOf = (answer: Answer): readonly string[] =>
  JSON.parse(answer.body.toString()).data.map(({ id }: { readonly id: string }) => id)

describe('a request with a key', () => {
  it.live('is served and booked under the key’s name; the key goes nowhere', () =>
    Effect.gen(function* () {
      const { alpha, box } = yield* setUp()
      const { secret } = yield* make(box)
      const named: HeaderList = [...withKey(secret), ['x-signalbox-project', 'B%C3%BCro']]
      expect((yield* messages(box, named)).status).toBe(200)
      expect((yield* count(box, named)).status).toBe(200)
      expect((yield* models(box, named)).status).toBe(200)
      expect(alpha.requests.map(({ path }) => path.split('?')[0])).toEqual([
        '/v1/messages',
        '/v1/messages/count_tokens',
        '/v1/models',
      ])
      for (const { headers } of alpha.requests) {
        expect(headers).toContainEqual(CREDENTIAL)
        expect(headers.filter(([name]) => name.startsWith('x-signalbox'))).toEqual([])
      }
      const admitted = (yield* box.events).flatMap(({ event }) => (event._tag === 'RequestAdmitted' ? [event] : []))
      expect(admitted).toMatchObject([{ clientKey: 'ci', project: 'Büro' }])
      expect(admitted[0]).not.toHaveProperty('anonymous')
      expect(yield* box.replayDifference).toBeUndefined()
    }),
  )

  it.live('in place of an API key is anonymous to the providers', () =>
    Effect.gen(function* () {
      const { alpha, box } = yield* setUp()
      const { secret } = yield* make(box)
      for (const header of [
        ['authorization', `Bearer ${secret}`],
        ['x-api-key', secret],
      ] as const) {
        yield* messages(box, [JSON_TYPE, header])
        yield* count(box, [JSON_TYPE, header])
        yield* models(box, [JSON_TYPE, header])
      }
      expect(JSON.stringify(alpha.requests.map(({ headers }) => headers))).not.toMatch(/sbx_|authorization|x-api-key/)
      const admitted = (yield* box.events).flatMap(({ event }) => (event._tag === 'RequestAdmitted' ? [event] : []))
      expect(admitted).toMatchObject([
        { clientKey: 'ci', anonymous: true },
        { clientKey: 'ci', anonymous: true },
      ])
    }),
  )

  it.live('that is unknown, expired or revoked is refused for good, before anything is recorded', () =>
    Effect.gen(function* () {
      const { alpha, box } = yield* setUp()
      const old = yield* make(box, { name: 'old', expiresAt: Date.now() + 1 })
      const lost = yield* make(box, { name: 'lost' })
      yield* Effect.provideService(revokeKey(lost.keyId, 'test'), Ledger, box.ledger)
      const wrong = [Redacted.value(newClientKey().secret), old.secret, lost.secret, 'sbx_']
      const answers = yield* Effect.forEach(wrong, (secret) =>
        Effect.all([
          messages(box, withKey(secret)),
          messages(box, [JSON_TYPE, ['authorization', `Bearer ${secret}`]]),
          count(box, [JSON_TYPE, ['x-api-key', secret]]),
          models(box, withKey(secret)),
          models(box, withKey(secret), '/claude-opus-5-5'),
        ]),
      )
      for (const [n, answer] of answers.flat().entries()) {
        expect(answer.status, `${n}`).toBe(401)
        expect(header(answer, 'x-should-retry')).toBe('false')
        expect(errorOf(answer).type).toBe('authentication_error')
      }
      expect(errorOf(answers[1]![0]).message).toMatch(/The key old .* has expired/)
      expect(errorOf(answers[2]![0]).message).toMatch(/The key lost .* was revoked/)
      expect(alpha.requests).toEqual([])
      expect((yield* box.events).some(({ event }) => event._tag === 'RequestAdmitted')).toBe(false)
    }),
  )

  it.live('for a model that it may not ask for is told which it may', () =>
    Effect.gen(function* () {
      const { alpha, box } = yield* setUp()
      const { secret } = yield* make(box, { models: ['claude-haiku-*'] })
      for (const call of [messages, count]) {
        const answer = yield* call(box, withKey(secret))
        expect(answer.status).toBe(403)
        expect(header(answer, 'x-should-retry')).toBe('false')
        expect(errorOf(answer)).toMatchObject({
          type: 'permission_error',
          message: expect.stringMatching(/claude-opus-5-5.*claude-haiku-\*/),
        })
        expect((yield* call(box, withKey(secret), callBody({ model: 'claude-haiku-4-5' }))).status).toBe(200)
      }
      expect(alpha.requests.map(({ body }) => JSON.parse(body.toString()).model)).toEqual([
        'claude-haiku-4-5',
        'claude-haiku-4-5',
      ])
    }),
  )

  it.live('is told of the models that it may ask for', () =>
    Effect.gen(function* () {
      const { box } = yield* setUp()
      const { secret } = yield* make(box, { models: ['claude-haiku-*'] })
      const all = idsOf(yield* models(box, [CREDENTIAL]))
      const some = idsOf(yield* models(box, withKey(secret)))
      expect(some).toEqual(all.filter((id) => id.startsWith('claude-haiku-')))
      expect(some.length).toBeGreaterThan(0)
      expect(some.length).toBeLessThan(all.length)
      const others = all.filter((id) => !some.includes(id))
      expect((yield* models(box, withKey(secret), `/${some[0]}`)).status).toBe(200)
      expect((yield* models(box, withKey(secret), `/${others[0]}`)).status).toBe(404)
    }),
  )

  it.live('beyond its rate waits, for messages and for counts apart', () =>
    Effect.gen(function* () {
      const { box } = yield* setUp()
      const { secret } = yield* make(box, { requestsPerMinute: 1 })
      for (const call of [messages, count]) {
        expect((yield* call(box, withKey(secret))).status).toBe(200)
        const answer = yield* call(box, withKey(secret))
        expect(answer.status).toBe(429)
        expect(errorOf(answer).type).toBe('rate_limit_error')
        expect(Number(header(answer, 'retry-after'))).toBeGreaterThan(50)
        expect(Number(header(answer, 'retry-after'))).toBeLessThanOrEqual(60)
        expect(header(answer, 'x-should-retry')).toBe('true')
      }
      expect((yield* messages(box, [JSON_TYPE, CREDENTIAL])).status).toBe(200)
    }),
  )

  it.live('leaves no trace of the key in log, state, answers, metrics or admin API', () =>
    Effect.gen(function* () {
      const { box } = yield* setUp()
      const { secret, keyId } = yield* make(box, { requestsPerMinute: 2, models: ['claude-opus-*'] })
      const headers: HeaderList = [...withKey(secret), ['x-claude-code-session-id', secret], ['x-app', secret]]
      const answers = [
        yield* messages(box, headers),
        yield* messages(box, [...headers, ['x-signalbox-strategy', 'none']]),
        yield* messages(box, headers, callBody({ model: 'claude-haiku-4-5' })),
        yield* messages(box, headers),
        yield* count(box, headers),
        yield* models(box, headers),
      ]
      yield* Effect.provideService(revokeKey(keyId, 'test'), Ledger, box.ledger)
      answers.push(yield* messages(box, headers))
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 400, 401, 429]))
      const seen = [
        ...answers.map((answer) => `${JSON.stringify(answer.headers)} ${answer.body}`),
        JSON.stringify(yield* box.events),
        encodeState(box.ledger.state),
      ]
      for (const path of ['/metrics', '/health', '/admin/keys', '/admin/events', '/admin/state', '/admin/requests']) {
        const { status, text } = yield* ask(box, path)
        expect(status, path).toBe(200)
        seen.push(text)
      }
      for (const text of seen) expect(text).not.toContain(secret)
      expect(seen.some((text) => text.includes(keyId))).toBe(true)
    }),
  )
})

describe('a request without a key', () => {
  it.live('is refused for good where one is required; whether the box is well is told anybody', () =>
    Effect.gen(function* () {
      const { alpha, box } = yield* setUp('required')
      const plain: HeaderList = [JSON_TYPE, CREDENTIAL]
      for (const call of [messages(box, plain), count(box, plain), models(box, plain), models(box, plain, '/any')]) {
        const answer = yield* call
        expect(answer.status).toBe(401)
        expect(header(answer, 'x-should-retry')).toBe('false')
        expect(errorOf(answer)).toMatchObject({
          type: 'authentication_error',
          message: expect.stringMatching(/ANTHROPIC_AUTH_TOKEN.*Ask its operator/),
        })
      }
      expect(alpha.requests).toEqual([])
      for (const path of ['/api/hello', '/livez', '/readyz']) {
        expect((yield* send(box.port, { method: 'GET', path, headers: [] })).status, path).toBe(200)
      }
      const { secret } = yield* make(box)
      for (const call of [messages(box, withKey(secret)), count(box, withKey(secret)), models(box, withKey(secret))]) {
        expect((yield* call).status).toBe(200)
      }
    }),
  )

  it.live('is served where none is, also with a wrong key where keys are not looked at', () =>
    Effect.gen(function* () {
      const optional = yield* setUp()
      expect((yield* messages(optional.box, [JSON_TYPE, CREDENTIAL])).status).toBe(200)
      const off = yield* setUp('off')
      expect((yield* messages(off.box, withKey('sbx_wrong'))).status).toBe(200)
      expect(JSON.stringify(off.alpha.requests[0]?.headers)).not.toMatch(/sbx_/)
      const [admitted] = (yield* off.box.events).filter(({ event }) => event._tag === 'RequestAdmitted')
      expect(admitted?.event).not.toHaveProperty('clientKey')
    }),
  )
})
