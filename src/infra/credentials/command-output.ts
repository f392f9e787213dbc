/**
 * What a credential command may print: the credential alone, or JSON as token programs print it,
 * `{"access_token": "…", "expires_in": 3600}`.
 */
import { Effect, Result, Schema } from 'effect'
import type { CredentialReason } from '#infra/credentials/credential-error.ts'

export interface CommandOutput {
  readonly value: string
  /** Absent when the command does not say. */
  readonly lifetimeMs?: number
}

const decode = Schema.decodeUnknownResult(
  Schema.Struct({ access_token: Schema.String, expires_in: Schema.optionalKey(Schema.Finite) }),
)

export const readCommandOutput = (output: string): Effect.Effect<CommandOutput, CredentialReason> => {
  // No credential begins like this; sent as one, a JSON document might tell the provider more than it should know.
  if (!output.trimStart().startsWith('{')) return Effect.succeed({ value: output })
  const decoded = Result.flatMap(
    Result.try((): unknown => JSON.parse(output)),
    decode,
  )
  // The words of the parser and of the decoder show what they found.
  if (Result.isFailure(decoded)) return Effect.fail({ _tag: 'NoAccessToken' })
  const { access_token: value, expires_in: seconds } = decoded.success
  return Effect.succeed(seconds === undefined ? { value } : { value, lifetimeMs: seconds * 1_000 })
}
