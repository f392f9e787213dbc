import { Effect, Redacted } from 'effect'
import type { CredentialReason } from '#infra/credentials/credential-error.ts'

/** A trailing line break is the habit of files and programs; anything else unprintable would break the header. */
export const checkSecret = (value: string): Effect.Effect<Redacted.Redacted<string>, CredentialReason> => {
  const trimmed = value.trim()
  if (trimmed === '') return Effect.fail({ _tag: 'Empty' })
  if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(trimmed)) return Effect.fail({ _tag: 'Malformed' })
  return Effect.succeed(Redacted.make(trimmed, { label: 'credential' }))
}
