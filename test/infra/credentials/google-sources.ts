/**
 * Sources of Google tokens for tests, and what they give.
 */
import { Effect, Redacted } from 'effect'
import { vi } from 'vitest'
import type { CredentialSource } from '#infra/credentials/credential-source.ts'
import { type GoogleOptions, makeGoogleSource } from '#infra/credentials/google-source.ts'
import { googleEndpoints, serviceAccount, write } from './google-endpoints.ts'

export const from = (file: string | undefined, options: GoogleOptions = {}) =>
  makeGoogleSource(
    { _tag: 'GoogleAdc', header: 'bearer', ...(file === undefined ? {} : { file }) },
    { environment: {}, ...options },
  )
export const tokenOf = (source: Pick<CredentialSource, 'secret'>) => Effect.map(source.secret, Redacted.value)
export const reasonOf = (source: Pick<CredentialSource, 'secret'>) =>
  Effect.map(Effect.flip(source.secret), ({ reason }) => reason)
export const endpoints = Effect.promise(googleEndpoints)
/** Real sockets answer in their own time. */
export const until = (check: () => void) => Effect.promise(() => vi.waitFor(check, { timeout: 5_000, interval: 5 }))

export const aTurn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

/** A source over a service account whose requests end at `google`. */
export const withKey = Effect.map(endpoints, (google) => ({
  google,
  source: from(write(serviceAccount), { fetch: google.fetch }),
}))
