import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { TestClock } from 'effect/testing'
import { IdentityPoolClient, JWT, UserRefreshClient } from 'google-auth-library'
import { type GoogleTokens, startGoogleTokens } from '#infra/simulator/google-tokens.ts'

const keys = generateKeyPairSync('rsa', {
  modulusLength: 2_048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const email = 'robot@simulated-project.iam.gserviceaccount.com'
const scope = 'https://www.googleapis.com/auth/cloud-platform'

/** The library has Google's addresses compiled in; what it sends there goes to loopback. */
const towards = (tokens: GoogleTokens) => ({
  transporterOptions: {
    fetchImplementation: (input: string | URL | Request, init?: RequestInit) =>
      fetch(String(input).replace('https://oauth2.googleapis.com', tokens.url), init),
  },
})

const assertion = (claims: object, header: object = { alg: 'RS256', typ: 'JWT' }, key = keys.privateKey): string => {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${encode(header)}.${encode(claims)}`
  return `${text}.${sign('RSA-SHA256', Buffer.from(text), key).toString('base64url')}`
}
const form = (url: string, members: Record<string, string>) =>
  Effect.promise(async () => {
    const response = await fetch(url, { method: 'POST', body: new URLSearchParams(members) })
    const text = await response.text()
    return { status: response.status, json: JSON.parse(text) as Record<string, unknown> }
  })

describe('Google’s token server', () => {
  it.live('gives google-auth-library a token for a service account’s assertion', () =>
    Effect.gen(function* () {
      const tokens = yield* startGoogleTokens({ publicKey: keys.publicKey, clientEmail: email })
      const client = new JWT({ email, key: keys.privateKey, scopes: [scope], ...towards(tokens) })
      const { token } = yield* Effect.promise(() => client.getAccessToken())
      expect(token).toMatch(/^ya29\.\w{40}$/)
      expect(tokens.issued).toEqual([token])
      expect(tokens.requests('jwtBearer')).toBe(1)
      expect(tokens.accepts(token ?? '', Date.now())).toBe(true)
    }),
  )

  it.live('gives it a token for a refresh token, and no other than the good one', () =>
    Effect.gen(function* () {
      const tokens = yield* startGoogleTokens({ refreshTokens: ['good'] })
      const client = (refreshToken: string) =>
        new UserRefreshClient({ clientId: 'id', clientSecret: 'secret', refreshToken, ...towards(tokens) })
      const { token } = yield* Effect.promise(() => client('good').getAccessToken())
      expect(tokens.issued).toEqual([token])
      const error = yield* Effect.flip(Effect.tryPromise(() => client('bad').getAccessToken()))
      expect(String(error.cause)).toContain('invalid_grant')
    }),
  )

  it.live('exchanges a foreign token for one of its own', () =>
    Effect.gen(function* () {
      const tokens = yield* startGoogleTokens()
      const client = new IdentityPoolClient({
        type: 'external_account',
        audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        token_url: `${tokens.url}/v1/token`,
        subject_token_supplier: { getSubjectToken: () => Promise.resolve('foreign') },
      })
      const { token } = yield* Effect.promise(() => client.getAccessToken())
      expect(tokens.issued).toEqual([token])
      expect(tokens.requests('exchange')).toBe(1)
    }),
  )

  it.live('is a metadata server to those who name its flavor', () =>
    Effect.gen(function* () {
      const tokens = yield* startGoogleTokens({ projectId: 'p-1' })
      const get = (path: string, headers: Record<string, string> = { 'metadata-flavor': 'Google' }) =>
        Effect.promise(async () => {
          const response = await fetch(`${tokens.url}/computeMetadata/v1/${path}`, { headers })
          return {
            status: response.status,
            flavor: response.headers.get('metadata-flavor'),
            text: await response.text(),
          }
        })
      const path = 'instance/service-accounts/default/token'
      const got = yield* get(`${path}?scopes=${scope}`)
      expect(JSON.parse(got.text)).toEqual({
        access_token: tokens.issued[0],
        expires_in: 3_599,
        token_type: 'Bearer',
      })
      expect(got.flavor).toBe('Google')
      expect((yield* get(path, {})).status).toBe(403)
      expect((yield* get('project/project-id')).text).toBe('p-1')
      expect(tokens.requests('metadata')).toBe(1)
    }),
  )

  const now = () => Math.floor(Date.now() / 1_000)
  const claims = (more: object = {}) => ({
    iss: email,
    scope,
    aud: 'https://oauth2.googleapis.com/token',
    iat: now(),
    exp: now() + 3_600,
    ...more,
  })
  const stranger = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  }).privateKey
  const wrong: readonly (readonly [string, () => string, string])[] = [
    ['of another account', () => assertion(claims({ iss: 'other' })), 'account not found'],
    ['for another server', () => assertion(claims({ aud: 'https://x/token' })), 'audience'],
    ['without a scope', () => assertion(claims({ scope: undefined })), 'scope'],
    ['that lives too long', () => assertion(claims({ exp: now() + 7_300 })), 'short-lived'],
    ['of yesterday', () => assertion(claims({ iat: now() - 90_000, exp: now() - 86_400 })), 'short-lived'],
    ['with another key', () => assertion(claims(), undefined, stranger), 'Signature'],
    ['with another algorithm', () => assertion(claims(), { alg: 'HS256' }), 'HS256'],
    ['that is none', () => 'x', 'Bad Request'],
  ]
  it.live.each(wrong)('refuses an assertion %s', ([, make, description]) =>
    Effect.gen(function* () {
      const tokens = yield* startGoogleTokens({ publicKey: keys.publicKey, clientEmail: email })
      const grant = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
      const ask = (text: string) => form(`${tokens.url}/token`, { grant_type: grant, assertion: text })
      const refused = yield* ask(make())
      expect(refused.status).toBe(400)
      expect(refused.json).toEqual({ error: 'invalid_grant', error_description: expect.stringContaining(description) })
      expect((yield* ask(assertion(claims()))).status).toBe(200)
      expect(tokens.issued).toHaveLength(1)
    }),
  )

  it.live('fails as often as it is told, and counts those requests too', () =>
    Effect.gen(function* () {
      const tokens = yield* startGoogleTokens()
      tokens.fail(2, { status: 500, body: { error: 'internal_failure' } })
      const members = { grant_type: 'refresh_token', client_id: 'i', client_secret: 's', refresh_token: 'r' }
      const statuses: number[] = []
      for (let n = 0; n < 3; n++) statuses.push((yield* form(`${tokens.url}/token`, members)).status)
      expect(statuses).toEqual([500, 500, 200])
      expect(tokens.requests('refreshToken')).toBe(3)
      const other = yield* form(`${tokens.url}/token`, { grant_type: 'password' })
      expect(other.json).toMatchObject({ error: 'unsupported_grant_type' })
    }),
  )

  it.effect('lets a token die when its life is over', () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      const tokens = yield* startGoogleTokens({ lifetimeSeconds: 60 })
      const members = { grant_type: 'refresh_token', client_id: 'i', client_secret: 's', refresh_token: 'r' }
      const { json } = yield* form(`${tokens.url}/token`, members)
      expect(json.expires_in).toBe(60)
      const token = String(json.access_token)
      expect(tokens.accepts(token, 1_059_999)).toBe(true)
      expect(tokens.accepts(token, 1_060_000)).toBe(false)
    }),
  )
})
