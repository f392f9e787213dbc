/**
 * Who a client is, and that a key to Signalbox stays in Signalbox.
 */
import { createHash } from 'node:crypto'
import { Effect } from 'effect'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { HeaderList } from '#actors/ports.ts'
import type { KeyMode } from '#domain/client-key.ts'
import { type ClientKey, type ClientKeys, clientKeys } from '#domain/projections/client-keys.ts'
import { makeClientAuth } from '#http/client-auth.ts'
import { MOST_GUESSES } from '#http/failed-attempts.ts'
import { EPOCH } from '#test/generators.ts'

const SECRET = 'sbx_0123456789abcdefghijABCDEFGHIJ01'
const OTHER = 'sbx_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz'

const keysWith = (more: Partial<ClientKey> = {}): ClientKeys => {
  const { revokedAt, ...about } = more
  const digest = createHash('sha256').update(SECRET).digest('hex')
  const occurred = { occurredAt: EPOCH, writer: 'box' }
  const made = { _tag: 'ClientKeyCreated', keyId: 'key_1', name: 'ci', digest, by: 'cli', ...about } as const
  const state = clientKeys.evolve(clientKeys.initial(), { event: made, ...occurred })
  if (revokedAt === undefined) return state
  return clientKeys.evolve(state, { event: { _tag: 'ClientKeyRevoked', keyId: 'key_1', by: 'cli' }, ...occurred })
}

const authOf = (mode: KeyMode, more?: Partial<ClientKey>) => {
  const keys = keysWith(more)
  return makeClientAuth(mode, () => keys)
}

const FROM = '192.0.2.1'

const OWN: HeaderList = [['x-signalbox-key', SECRET]]
const BEARER: HeaderList = [['authorization', `Bearer ${SECRET}`]]
const API_KEY: HeaderList = [['x-api-key', SECRET]]

describe('a client', () => {
  it.each([
    ['x-signalbox-key', OWN],
    ['authorization', BEARER],
    ['authorization, in small letters', [['authorization', `bearer  ${SECRET}`]]],
    ['x-api-key', API_KEY],
    ['both of them, as an apiKeyHelper does', [...BEARER, ...API_KEY]],
  ] as const)('is known by a key in %s, which goes no further', (_, headers) => {
    for (const mode of ['optional', 'required'] as const) {
      expect(authOf(mode).identify([['accept', '*/*'], ...headers], EPOCH, FROM)).toMatchObject({
        _tag: 'Client',
        key: { name: 'ci' },
        isAnonymous: true,
        headers: [['accept', '*/*']],
      })
    }
  })

  it('may bring a credential for the provider beside its key', () => {
    const credential = ['authorization', 'Bearer sk-ant-oat01-mine'] as const
    expect(authOf('optional').identify([credential, ...OWN], EPOCH, FROM)).toMatchObject({
      key: { name: 'ci' },
      isAnonymous: false,
      headers: [credential],
    })
  })

  it('needs no key where none is required, and is anonymous without any credential', () => {
    for (const mode of ['off', 'optional'] as const) {
      const auth = authOf(mode)
      expect(auth.identify([['x-api-key', 'sk-ant-api03-mine']], EPOCH, FROM)).toMatchObject({ isAnonymous: false })
      for (const headers of [[], [['x-api-key', '']], [['authorization', '']]] as const) {
        const client = auth.identify(headers, EPOCH, FROM)
        expect(client).toMatchObject({ _tag: 'Client', isAnonymous: true })
        expect(client).not.toHaveProperty('key')
      }
    }
  })

  it('is not looked at where keys are off, but its key still goes no further', () => {
    const auth = authOf('off')
    for (const secret of [SECRET, OTHER, 'sbx_short']) {
      const client = auth.identify(
        [
          ['x-signalbox-key', secret],
          ['authorization', `Bearer ${secret}`],
        ],
        EPOCH,
        FROM,
      )
      expect(client).toEqual({ _tag: 'Client', isAnonymous: true, headers: [] })
    }
  })

  it.each([
    ['an unknown key', {}, [['authorization', `Bearer ${OTHER}`]]],
    ['a key that is none', {}, [['x-api-key', 'sbx_short']]],
    ['anything where only a key belongs', {}, [['x-signalbox-key', 'sk-ant-api03-mine']]],
    ['a wrong key and a right one', {}, [['x-signalbox-key', OTHER], ...BEARER]],
    ['a revoked key', { revokedAt: EPOCH }, BEARER],
    ['an expired key', { expiresAt: EPOCH }, BEARER],
  ] as const)('with %s is refused for good, and told what to do', (_, more, headers) => {
    for (const mode of ['optional', 'required'] as const) {
      const refused = authOf(mode, more).identify(headers, EPOCH, FROM)
      expect(refused).toMatchObject({
        _tag: 'Refused',
        answer: {
          status: 401,
          type: 'authentication_error',
          headers: [['x-should-retry', 'false']],
          message: expect.stringMatching(/Ask its operator for another/),
        },
      })
      for (const [, value] of headers) expect(JSON.stringify(refused)).not.toContain(value.replace('Bearer ', ''))
    }
  })

  it('without a key is refused for good where one is required', () => {
    const answer = { status: 401, type: 'authentication_error', headers: [['x-should-retry', 'false']] }
    for (const headers of [[], [['authorization', 'Bearer signalbox']], [['x-signalbox-key', '']]] as const) {
      expect(authOf('required').identify(headers, EPOCH, FROM)).toMatchObject({ _tag: 'Refused', answer })
    }
  })

  it('may send so many requests a minute, and as many counts of tokens beside', () => {
    const auth = authOf('optional', { requestsPerMinute: 2 })
    const tags = (kind: 'messages' | 'tokenCounts', at: number) =>
      Effect.runSync(auth.admit(BEARER, kind, at, FROM))._tag
    for (const kind of ['messages', 'tokenCounts'] as const) {
      expect([1, 2, 3].map(() => tags(kind, EPOCH))).toEqual(['Client', 'Client', 'Refused'])
      expect(Effect.runSync(auth.admit(BEARER, kind, EPOCH + 1, FROM))).toMatchObject({
        answer: {
          status: 429,
          type: 'rate_limit_error',
          headers: [
            ['retry-after', '30'],
            ['x-should-retry', 'true'],
          ],
        },
      })
      expect(tags(kind, EPOCH + 30_000)).toBe('Client')
    }
    expect(auth.identify(BEARER, EPOCH, FROM)._tag).toBe('Client')
  })

  it('may ask for the models of its key only, and hears which those are', () => {
    const auth = authOf('optional', { models: ['claude-haiku-*', 'claude-sonnet-5-5'] })
    const client = auth.identify(BEARER, EPOCH, FROM)
    if (client._tag === 'Refused') throw new Error('it is refused')
    expect(auth.refusal(client, 'claude-haiku-4-5', EPOCH)).toBeUndefined()
    const refusal = auth.refusal(client, 'claude-opus-5-5', EPOCH)
    expect(refusal).toMatchObject({ status: 403, type: 'permission_error' })
    expect(refusal?.message).toMatch(/claude-opus-5-5.*claude-haiku-\*, claude-sonnet-5-5/)
    expect(['claude-haiku-4-5', 'claude-opus-5-5'].map((model) => auth.mayList(client, model))).toEqual([true, false])
    expect(auth.refusal(client, 'x'.repeat(5_000), EPOCH)?.message.length).toBeLessThan(400)
  })

  it('does not go on once its key was revoked while it sent its request', () => {
    let keys = keysWith()
    const auth = makeClientAuth('optional', () => keys)
    const client = auth.identify(BEARER, EPOCH, FROM)
    if (client._tag === 'Refused') throw new Error('it is refused')
    expect(auth.refusal(client, 'claude-opus-5-5', EPOCH)).toBeUndefined()
    keys = keysWith({ revokedAt: EPOCH })
    expect(auth.refusal(client, 'claude-opus-5-5', EPOCH)).toMatchObject({ status: 401 })
  })
})

describe('a key', () => {
  const base62 = fc.constantFrom(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz')
  const secrets = fc.string({ unit: base62, minLength: 32, maxLength: 32 }).map((text) => `sbx_${text}`)
  const names = fc.constantFrom('authorization', 'x-api-key', 'api-key', 'x-signalbox-key', 'x-claude-code-session-id')
  const around = fc.constantFrom('', 'Bearer ', 'bearer\t', 'Token token=', '"', ',')
  const plain = fc.tuple(
    names.filter((name) => name !== 'x-signalbox-key'),
    fc.constantFrom('Bearer sk-1', 'sbx', ''),
  )

  it('is in no header that goes on, wherever the client put it', () => {
    const holding = fc
      .tuple(names, around, secrets, around)
      .map(([name, a, secret, b]) => [name, a + secret + b] as const)
    fc.assert(
      fc.property(fc.array(fc.oneof(holding, plain)), fc.constantFrom('off', 'optional'), (headers, mode) => {
        const client = authOf(mode, { expiresAt: EPOCH + 1 }).identify(headers, EPOCH, FROM)
        const rest = client._tag === 'Client' ? client.headers : []
        expect(JSON.stringify(rest)).not.toMatch(/sbx_/)
        // What holds none goes on as it came.
        if (client._tag === 'Client')
          expect(rest).toEqual(headers.filter(([name, value]) => !/sbx_/.test(value) && name !== 'x-signalbox-key'))
      }),
    )
  })
})

describe('an address that guesses', () => {
  const guess = (auth: ReturnType<typeof authOf>, n: number, at = EPOCH, from = FROM) =>
    auth.identify([['x-signalbox-key', `sbx_${String(n).padStart(32, '0')}`]], at, from)

  it('hears after ten unknown keys that it shall wait, for as long as it lasts', () => {
    const auth = authOf('optional')
    for (let n = 0; n < MOST_GUESSES; n++) {
      expect(guess(auth, n)).toMatchObject({ _tag: 'Refused', answer: { status: 401 } })
    }
    expect(guess(auth, MOST_GUESSES, EPOCH + 20_000)).toMatchObject({
      answer: { status: 429, headers: expect.arrayContaining([['retry-after', '40']]) },
    })
    expect(guess(auth, MOST_GUESSES, EPOCH, '192.0.2.2')).toMatchObject({ answer: { status: 401 } })
    expect(guess(auth, MOST_GUESSES, EPOCH + 60_000)).toMatchObject({ answer: { status: 401 } })
  })

  it('locks out nobody who shares it and has a key', () => {
    const auth = authOf('required')
    for (let n = 0; n <= MOST_GUESSES; n++) guess(auth, n)
    expect(auth.identify(BEARER, EPOCH, FROM)).toMatchObject({ _tag: 'Client', key: { name: 'ci' } })
  })

  it('is none that sends one wrong key again and again, or a key that was good once', () => {
    const auth = authOf('optional', { revokedAt: EPOCH })
    for (let again = 0; again < 3 * MOST_GUESSES; again++) {
      expect(guess(auth, 1)).toMatchObject({ answer: { status: 401 } })
      expect(auth.identify(BEARER, EPOCH, FROM)).toMatchObject({ answer: { status: 401 } })
    }
  })
})
