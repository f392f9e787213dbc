import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from '@effect/vitest'
import { Effect } from 'effect'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import { authorizedUser, folder, readAssertion, serviceAccount, withoutGoogle, write } from './google-endpoints.ts'
import { endpoints, from, reasonOf, tokenOf } from './google-sources.ts'

beforeEach(withoutGoogle)
afterEach(() => {
  vi.unstubAllEnvs()
})

describe("Google's library", () => {
  it('is not loaded until a token is asked for', () => {
    const code = `
      import { createRequire } from 'node:module'
      const { makeCredentialSource } = await import('#infra/credentials/credential-source.ts')
      const { Effect } = await import('effect')
      const source = makeCredentialSource({ _tag: 'GoogleAdc', header: 'bearer' }, {})
      const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((name) => name.includes('google-auth-library'))
      const before = loaded()
      await Effect.runPromiseExit(source.secret)
      console.log(before, loaded())`
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' })
    expect(output.trim()).toBe('false true')
  })
})

describe("Google's credentials file", () => {
  it.effect('is the one named, then the one of the variable, then the one of the login', () =>
    Effect.gen(function* () {
      const google = yield* endpoints
      const file = (client_email: string, path?: string) => write({ ...serviceAccount, client_email }, path)
      const gcloud = folder()
      file('login', join(gcloud, 'application_default_credentials.json'))
      const variable = file('variable')
      const issuer = (named: string | undefined, environment: Record<string, string>) =>
        Effect.gen(function* () {
          yield* from(named, { environment, fetch: google.fetch }).secret
          return readAssertion(google.calls.at(-1)?.form.get('assertion') ?? '').claims
        })
      const both = { GOOGLE_APPLICATION_CREDENTIALS: variable, CLOUDSDK_CONFIG: gcloud }
      expect(yield* issuer(file('named'), both)).toMatchObject({ iss: 'named' })
      expect(yield* issuer(undefined, both)).toMatchObject({ iss: 'variable' })
      expect(yield* issuer(undefined, { CLOUDSDK_CONFIG: gcloud })).toMatchObject({ iss: 'login' })
    }),
  )

  it.effect('is read anew for each token, so that a new login counts', () =>
    Effect.gen(function* () {
      const google = yield* endpoints
      const path = write(authorizedUser)
      const source = from(path, { fetch: google.fetch })
      const first = yield* source.secret
      write({ ...authorizedUser, refresh_token: 'another' }, path)
      source.invalidate(first)
      expect(yield* tokenOf(source)).toBe('ya29.token-2')
      expect(google.calls[1]?.form.get('refresh_token')).toBe('another')
    }),
  )

  it.effect('may be missing, unreadable, or none: the reason says what to do', () =>
    Effect.gen(function* () {
      const path = join(folder(), 'no.json')
      expect(yield* reasonOf(from(path))).toEqual({ _tag: 'GoogleFileUnreadable', path, code: 'ENOENT' })
      const where = folder()
      expect(yield* reasonOf(from(where))).toEqual({ _tag: 'GoogleFileUnreadable', path: where, code: 'EISDIR' })
      const invalid = (content: unknown) =>
        Effect.map(reasonOf(from(write(content))), (reason) => ('problem' in reason ? reason.problem : reason._tag))
      expect(yield* invalid('{"private_key": "tell-no-one"')).toBe('not JSON')
      expect(yield* invalid({ type: 'tell-no-one' })).toBe('unknown type')
      expect(yield* invalid({ ...serviceAccount, client_email: undefined })).toBe('incomplete')
      expect(yield* invalid({ ...serviceAccount, private_key: 'tell-no-one' })).toBe('GoogleSourceFailed')
      const none = yield* Effect.flip(from(undefined, { environment: { HOME: folder() } }).secret)
      expect(none.reason).toEqual({ _tag: 'GoogleNotFound' })
      expect(none.message).toContain('`gcloud auth application-default login`')
      expect(none.message).toContain('GOOGLE_APPLICATION_CREDENTIALS')
    }),
  )
})

describe('a project', () => {
  it.effect('is the one of the variable, else of the file, else of gcloud, else of the machine', () =>
    Effect.gen(function* () {
      const google = yield* endpoints
      const variable = { GOOGLE_CLOUD_PROJECT: 'project-of-the-variable' }
      const key = write(serviceAccount)
      const bin = folder()
      const gcloud = write(
        '#!/bin/sh\n[ "$*" = "config get-value project" ] && echo project-of-gcloud\n',
        join(bin, 'gcloud'),
      )
      chmodSync(gcloud, 0o700)
      vi.stubEnv('PATH', folder())
      expect(yield* from(key, { environment: variable }).projectId).toBe('project-of-the-variable')
      expect(yield* from(key).projectId).toBe('project-of-the-key')
      expect(yield* from(write(authorizedUser)).projectId).toBeUndefined()
      vi.stubEnv('METADATA_SERVER_DETECTION', undefined)
      vi.stubEnv('GCE_METADATA_HOST', new URL(google.origin).host)
      expect(yield* from(undefined).projectId).toBe('project-of-the-machine')
      vi.stubEnv('PATH', bin)
      expect(yield* from(write(authorizedUser)).projectId).toBe('project-of-gcloud')
    }),
  )

  it.effect('that pays is the one of the variable, else of the file', () =>
    Effect.gen(function* () {
      const login = write(authorizedUser)
      expect(yield* from(login).quotaProject).toBe('project-that-pays')
      expect(yield* from(login, { environment: { GOOGLE_CLOUD_QUOTA_PROJECT: 'mine' } }).quotaProject).toBe('mine')
      expect(yield* from(write(serviceAccount)).quotaProject).toBeUndefined()
      expect((yield* Effect.flip(from(join(folder(), 'no.json')).quotaProject)).reason._tag).toBe(
        'GoogleFileUnreadable',
      )
    }),
  )
})
