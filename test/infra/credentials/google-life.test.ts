import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, it } from '@effect/vitest'
import { Effect, Fiber, Logger } from 'effect'
import { TestClock } from 'effect/testing'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import { CredentialError } from '#infra/credentials/credential-error.ts'
import { makeCredentialSource } from '#infra/credentials/credential-source.ts'
import {
  authorizedUser,
  externalAccount,
  folder,
  PRIVATE_KEY,
  SECRETS,
  serviceAccount,
  withoutGoogle,
  write,
} from './google-endpoints.ts'
import { aTurn, endpoints, from, reasonOf, tokenOf, until, withKey } from './google-sources.ts'

beforeEach(withoutGoogle)
afterEach(() => {
  vi.unstubAllEnvs()
})

describe('the life of a Google token', () => {
  it.effect('begins with one request, however many wait', () =>
    Effect.gen(function* () {
      const { google, source } = yield* withKey
      const tokens = yield* Effect.all(
        Array.from({ length: 100 }, () => tokenOf(source)),
        { concurrency: 'unbounded' },
      )
      expect(new Set(tokens)).toEqual(new Set(['ya29.token-1']))
      expect(google.calls).toHaveLength(1)
    }),
  )

  it.effect('is renewed in the background in its last five minutes', () =>
    Effect.gen(function* () {
      const { google, source } = yield* withKey
      yield* source.secret
      yield* TestClock.adjust('3299 seconds')
      expect(yield* tokenOf(source)).toBe('ya29.token-1')
      expect(google.calls).toHaveLength(1)
      yield* TestClock.adjust('2 seconds')
      google.answer({ _tag: 'Silence' })
      expect(yield* tokenOf(source)).toBe('ya29.token-1')
      yield* until(() => expect(google.calls).toHaveLength(2))
      google.answer({ _tag: 'Token' })
      expect(yield* tokenOf(source)).toBe('ya29.token-1')
      expect(google.calls).toHaveLength(2)
      // The silent one is given up; the next one is answered.
      yield* TestClock.adjust('10 seconds')
      yield* TestClock.adjust('30 seconds')
      expect(yield* tokenOf(source)).toBe('ya29.token-1')
      yield* until(() => expect(google.calls).toHaveLength(3))
      while ((yield* tokenOf(source)) !== 'ya29.token-2') yield* aTurn
      expect(google.calls).toHaveLength(3)
    }),
  )

  it.effect('ends with its expiry', () =>
    Effect.gen(function* () {
      const { google, source } = yield* withKey
      yield* source.secret
      google.answer({ _tag: 'Status', status: 500, body: {} })
      yield* TestClock.adjust('3600 seconds')
      expect(yield* reasonOf(source)).toEqual({ _tag: 'GoogleRefused', status: 500 })
    }),
  )

  it.effect('ends with a refusal; then there is one request for a new one', () =>
    Effect.gen(function* () {
      const { google, source } = yield* withKey
      const refused = yield* source.secret
      for (let i = 0; i < 10; i += 1) source.invalidate(refused)
      const tokens = yield* Effect.all(
        [1, 2, 3].map(() => tokenOf(source)),
        { concurrency: 'unbounded' },
      )
      source.invalidate(refused)
      expect([...tokens, yield* tokenOf(source)]).toEqual(Array.from({ length: 4 }, () => 'ya29.token-2'))
      expect(google.calls).toHaveLength(2)
    }),
  )

  it.effect('is the same for a credential source of that reference', () =>
    Effect.gen(function* () {
      const source = makeCredentialSource({ _tag: 'GoogleAdc', header: 'bearer', file: join(folder(), 'no.json') }, {})
      const error = yield* Effect.flip(source.secret)
      expect(error.reason._tag).toBe('GoogleFileUnreadable')
    }),
  )
})

describe('a Google token that cannot be had', () => {
  it.effect('is a login that is over, or a key that is not accepted: invalid_grant', () =>
    Effect.gen(function* () {
      const google = yield* endpoints
      google.answer({ _tag: 'Status', status: 400, body: { error: 'invalid_grant', error_description: 'tell-no-one' } })
      const login = yield* Effect.flip(from(write(authorizedUser), { fetch: google.fetch }).secret)
      expect(login.reason).toEqual({ _tag: 'GoogleGrantRefused', login: true })
      expect(login.message).toContain('run `gcloud auth application-default login` again')
      const key = yield* Effect.flip(from(write(serviceAccount), { fetch: google.fetch }).secret)
      expect(key.reason).toEqual({ _tag: 'GoogleGrantRefused', login: false })
      const subject = write(SECRETS.subjectToken, join(folder(), 'subject'))
      const workload = from(write(externalAccount(google.origin, { file: subject })))
      expect(yield* reasonOf(workload)).toEqual({ _tag: 'GoogleGrantRefused', login: false })
    }),
  )

  it.effect('is not asked for again for a second, then it is', () =>
    Effect.gen(function* () {
      const { google, source } = yield* withKey
      google.answer({ _tag: 'Status', status: 503, body: { error: { status: 'UNAVAILABLE', message: 'tell-no-one' } } })
      const reasons = yield* Effect.all(
        Array.from({ length: 20 }, () => reasonOf(source)),
        { concurrency: 'unbounded' },
      )
      expect(reasons).toContainEqual({ _tag: 'GoogleRefused', status: 503, code: 'UNAVAILABLE' })
      expect(yield* reasonOf(source)).toEqual(reasons[0])
      expect(google.calls).toHaveLength(1)
      google.answer({ _tag: 'Token' })
      yield* TestClock.adjust('1 second')
      expect(yield* tokenOf(source)).toBe('ya29.token-1')
    }),
  )

  it.effect('is broken off after ten seconds', () =>
    Effect.gen(function* () {
      const { google, source } = yield* withKey
      google.answer({ _tag: 'Silence' })
      const waiting = yield* Effect.forkChild(reasonOf(source), { startImmediately: true })
      yield* until(() => expect(google.calls).toHaveLength(1))
      yield* TestClock.adjust('10 seconds')
      expect(yield* Fiber.join(waiting)).toEqual({ _tag: 'GoogleTimedOut', afterMs: 10_000 })
      yield* until(() => expect(google.brokenOff()).toBe(1))
    }),
  )

  it.effect('is behind a door that is shut, a redirect, or an answer without a token', () =>
    Effect.gen(function* () {
      const google = yield* endpoints
      const subject = write(SECRETS.subjectToken, join(folder(), 'subject'))
      const shut = from(write(externalAccount('http://127.0.0.1:1', { file: subject })))
      expect(yield* reasonOf(shut)).toEqual({ _tag: 'GoogleUnreachable', metadata: false, code: 'ECONNREFUSED' })
      const source = () => from(write(externalAccount(google.origin, { file: subject })))
      google.answer({ _tag: 'Status', status: 307, body: {}, headers: { location: `${google.origin}/elsewhere` } })
      expect((yield* reasonOf(source()))._tag).toBe('GoogleUnreachable')
      expect(google.calls.map(({ to }) => to)).toEqual(['/sts'])
      google.answer({ _tag: 'Status', status: 200, body: { access_token: 5 } })
      expect(yield* reasonOf(source())).toEqual({ _tag: 'GoogleNoToken' })
      const gone = from(write(externalAccount(google.origin, { file: join(folder(), 'no') })))
      expect(yield* reasonOf(gone)).toEqual({ _tag: 'GoogleSourceFailed', code: 'ENOENT' })
    }),
  )

  it.effect('tells nothing that is secret, in no error, no log line, and no inspection', () =>
    Effect.gen(function* () {
      const google = yield* endpoints
      const lines: string[] = []
      const collect = Logger.layer([
        Logger.make(({ message, cause }) => lines.push(inspect([message, cause], { depth: 9 }))),
      ])
      // An endpoint that says again all that it was told.
      const body = {
        error: PRIVATE_KEY,
        error_description: Object.values(SECRETS).join(),
        access_token: 'ya29.token-9',
      }
      const subject = write(SECRETS.subjectToken, join(folder(), 'subject'))
      const sources = [
        from(write(serviceAccount), { fetch: google.fetch }),
        from(write(authorizedUser), { fetch: google.fetch }),
        from(write(externalAccount(google.origin, { file: subject }))),
      ]
      yield* Effect.forEach(sources, (source) =>
        Effect.gen(function* () {
          google.answer({ _tag: 'Token' })
          const secret = yield* source.secret
          google.answer({ _tag: 'Status', status: 400, body })
          // In the background, where a failure is logged; then in front.
          const before = lines.length
          yield* TestClock.adjust('3400 seconds')
          yield* source.secret
          yield* until(() => expect(lines).toHaveLength(before + 1))
          expect(lines.at(-1)).toContain('The present one is good for')
          yield* TestClock.adjust('600 seconds')
          const error = yield* Effect.flip(source.secret)
          expect(error).toBeInstanceOf(CredentialError)
          lines.push(
            error.message,
            String(error.stack),
            JSON.stringify(error),
            inspect(error, { depth: 9, showHidden: true }),
          )
          lines.push(JSON.stringify({ source, secret }), inspect([source, secret], { depth: 9, showHidden: true }))
        }),
      ).pipe(Effect.provide(collect))
      const told = lines.join('\n')
      expect(told).not.toMatch(/tell-no-one|ya29\.|PRIVATE KEY/)
      for (const { form } of google.calls) {
        for (const name of ['assertion', 'subject_token', 'refresh_token']) {
          const value = form.get(name)
          if (value !== null) expect(told).not.toContain(value)
        }
      }
    }),
  )
})
