import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, it } from '@effect/vitest'
import { Effect } from 'effect'
import { TestClock } from 'effect/testing'
import { afterEach, beforeEach, expect, onTestFinished, vi } from 'vitest'
import {
  authorizedUser,
  externalAccount,
  folder,
  readAssertion,
  SECRETS,
  serviceAccount,
  withoutGoogle,
  write,
} from './google-endpoints.ts'
import { endpoints, from, reasonOf, tokenOf, withKey } from './google-sources.ts'

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'

beforeEach(withoutGoogle)
afterEach(() => {
  vi.unstubAllEnvs()
})

describe('a Google token', () => {
  it.effect('comes from a service account by a signed assertion', () =>
    Effect.gen(function* () {
      const { google, source } = yield* withKey
      expect(yield* tokenOf(source)).toBe('ya29.token-1')
      const [call] = google.calls
      expect(google.calls).toHaveLength(1)
      expect(call?.to).toBe('oauth2.googleapis.com/token')
      expect(call?.form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
      expect(readAssertion(call?.form.get('assertion') ?? '')).toMatchObject({
        signed: true,
        claims: { iss: serviceAccount.client_email, scope: SCOPE, aud: 'https://oauth2.googleapis.com/token' },
      })
    }),
  )

  it.effect('comes from a login by its refresh token', () =>
    Effect.gen(function* () {
      const google = yield* endpoints
      const source = from(write(authorizedUser), { fetch: google.fetch })
      expect(yield* tokenOf(source)).toBe('ya29.token-1')
      expect(google.calls.map(({ to }) => to)).toEqual(['oauth2.googleapis.com/token'])
      expect(Object.fromEntries(google.calls[0]?.form ?? [])).toEqual({
        grant_type: 'refresh_token',
        refresh_token: SECRETS.refreshToken,
        client_id: authorizedUser.client_id,
        client_secret: SECRETS.clientSecret,
      })
    }),
  )

  it.effect('comes from the metadata server when there is no file', () =>
    Effect.gen(function* () {
      const google = yield* endpoints
      vi.stubEnv('METADATA_SERVER_DETECTION', undefined)
      vi.stubEnv('GCE_METADATA_HOST', new URL(google.origin).host)
      expect(yield* tokenOf(from(undefined, { environment: { HOME: folder() } }))).toBe('ya29.token-1')
      expect(google.calls).toHaveLength(1)
      expect(google.calls[0]).toMatchObject({
        to: '/computeMetadata/v1/instance/service-accounts/default/token',
        flavor: 'Google',
      })
      expect(google.calls[0]?.query.get('scopes')).toBe(SCOPE)
    }),
  )

  it.effect('comes from a workload identity whose subject token is in a file', () =>
    Effect.gen(function* () {
      const google = yield* endpoints
      const subject = write(SECRETS.subjectToken, join(folder(), 'subject'))
      // Without `fetch`: the library's own client.
      const source = from(write(externalAccount(google.origin, { file: subject })))
      expect(yield* tokenOf(source)).toBe('ya29.token-1')
      expect(Object.fromEntries(google.calls[0]?.form ?? [])).toMatchObject({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: SECRETS.subjectToken,
        scope: SCOPE,
      })
    }),
  )

  it.effect('comes from a workload identity whose subject token is behind a URL, on behalf of a service account', () =>
    Effect.gen(function* () {
      const google = yield* endpoints
      const format = { type: 'json', subject_token_field_name: 'id' }
      const impersonation = `${google.origin}/v1/projects/-/serviceAccounts/robot:generateAccessToken`
      const file = write(
        externalAccount(
          google.origin,
          { url: `${google.origin}/subject`, format },
          { service_account_impersonation_url: impersonation },
        ),
      )
      expect(yield* tokenOf(from(file))).toBe('ya29.token-2')
      expect(google.calls.map(({ to }) => to)).toEqual(['/subject', '/sts', new URL(impersonation).pathname])
      expect(google.calls[1]?.form.get('subject_token')).toBe(SECRETS.subjectToken)
      expect(google.calls[2]?.authorization).toBe('Bearer ya29.token-1')
    }),
  )

  it.effect('comes from a program only when the environment allows it', () =>
    Effect.gen(function* () {
      const google = yield* endpoints
      const answer = {
        version: 1,
        success: true,
        token_type: 'urn:ietf:params:oauth:token-type:jwt',
        id_token: SECRETS.subjectToken,
        expiration_time: 4_000_000_000,
      }
      const script = write(
        `process.stdout.write(${JSON.stringify(JSON.stringify(answer))})`,
        join(folder(), 'source.cjs'),
      )
      const executable = { command: `${process.execPath} ${script}`, timeout_millis: 5_000 }
      const file = write(externalAccount(google.origin, { executable }))
      expect(yield* reasonOf(from(file))).toEqual({ _tag: 'GoogleExecutableForbidden' })
      expect(google.calls).toEqual([])
      vi.stubEnv('GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES', '1')
      expect(yield* tokenOf(from(file))).toBe('ya29.token-1')
      expect(google.calls[0]?.form.get('subject_token')).toBe(SECRETS.subjectToken)
    }),
  )

  it.effect('comes from a workforce login, and lives as long as its answer says', () =>
    Effect.gen(function* () {
      const google = yield* endpoints
      google.answer({ _tag: 'Token', expiresIn: 1_000 })
      const { client_id, client_secret, refresh_token } = authorizedUser
      const type = 'external_account_authorized_user'
      const file = write({ type, client_id, client_secret, refresh_token, token_url: `${google.origin}/oauthtoken` })
      const source = from(file)
      expect(yield* tokenOf(source)).toBe('ya29.token-1')
      yield* TestClock.adjust('1000 seconds')
      expect(yield* tokenOf(source)).toBe('ya29.token-2')
    }),
  )

  it.effect('comes from an account on behalf of which another acts, without a word on the console', () =>
    Effect.gen(function* () {
      const google = yield* endpoints
      const warn = vi.spyOn(console, 'warn')
      onTestFinished(() => warn.mockRestore())
      const file = write({
        type: 'impersonated_service_account',
        service_account_impersonation_url:
          'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/target@p.iam.gserviceaccount.com:generateAccessToken',
        source_credentials: authorizedUser,
        delegates: [],
      })
      expect(yield* tokenOf(from(file, { fetch: google.fetch }))).toBe('ya29.token-2')
      expect(google.calls.map(({ to }) => to)).toEqual([
        'oauth2.googleapis.com/token',
        'iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/target@p.iam.gserviceaccount.com:generateAccessToken',
      ])
      expect(google.calls[1]?.authorization).toBe('Bearer ya29.token-1')
      expect(JSON.parse(google.calls[1]?.body ?? '')).toMatchObject({ scope: [SCOPE] })
      expect(warn).not.toHaveBeenCalled()
    }),
  )

  it.effect('is asked for through the proxy of the environment', () =>
    Effect.gen(function* () {
      const asked: string[] = []
      const proxy = createServer((socket: Socket) => {
        socket.on('error', () => undefined)
        socket.once('data', (bytes: Buffer) => {
          asked.push(bytes.toString('latin1').split('\r\n')[0] ?? '')
          socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n')
        })
      })
      yield* Effect.promise(() => new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve)))
      onTestFinished(() => void proxy.close())
      vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`)
      // The library takes the proxy's own answer for the endpoint's.
      expect(yield* reasonOf(from(write(serviceAccount)))).toEqual({ _tag: 'GoogleRefused', status: 503 })
      expect(asked).toEqual(['CONNECT oauth2.googleapis.com:443 HTTP/1.1'])
    }),
  )
})
