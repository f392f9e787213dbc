/**
 * Resolves a reference to its value, and keeps it as long as it is good: a variable or a file until it changes (looked at no
 * more than once a second), the output of a command as long as it says, else for five minutes. What expires is renewed
 * ahead of its end.
 */
import { Clock, Effect } from 'effect'
import { checkSecret } from '#infra/credentials/check-secret.ts'
import { readCommandOutput } from '#infra/credentials/command-output.ts'
import { type CredentialReason, credentialError } from '#infra/credentials/credential-error.ts'
import type { HeldCredential } from '#infra/credentials/credential-reference.ts'
import { aheadMs, type Fetched, type FreshSecret, makeFreshSecret } from '#infra/credentials/fresh-secret.ts'
import { makeGoogleSource } from '#infra/credentials/google-source.ts'
import { readCredentialFile } from '#infra/credentials/read-credential-file.ts'
import { runCredentialCommand } from '#infra/credentials/run-credential-command.ts'

export interface CredentialSource extends FreshSecret {
  readonly reference: HeldCredential
}

const LOOK_MS = 1_000
const COMMAND_KEEP_MS = 300_000
/** A command has ten seconds; a minute leaves room for a few tries. */
const COMMAND_AHEAD_MS = 60_000

export const makeCredentialSource = (
  reference: HeldCredential,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): CredentialSource => {
  if (reference._tag === 'GoogleAdc') return makeGoogleSource(reference, { environment })
  const fetch = fetcher(reference, environment).pipe(Effect.mapError((reason) => credentialError(reference, reason)))
  return { reference, ...makeFreshSecret(fetch) }
}

type Fetch = Effect.Effect<Fetched, CredentialReason>
type LocalCredential = Exclude<HeldCredential, { readonly _tag: 'GoogleAdc' }>

const fetcher = (reference: LocalCredential, environment: Readonly<Record<string, string | undefined>>): Fetch => {
  switch (reference._tag) {
    case 'Env':
      return looked(
        Effect.suspend(() => {
          const value = environment[reference.name]
          return value === undefined ? Effect.fail<CredentialReason>({ _tag: 'NotSet' }) : Effect.succeed(value)
        }),
      )
    case 'File':
      return looked(readCredentialFile(reference.path))
    case 'Command':
      return commanded(reference.argv)
  }
}

/** Looking costs little, so nothing is done ahead. */
const looked = (read: Effect.Effect<string, CredentialReason>): Fetch =>
  Effect.gen(function* () {
    const secret = yield* Effect.flatMap(read, checkSecret)
    const untilMs = (yield* Clock.currentTimeMillis) + LOOK_MS
    return { secret, refreshAtMs: untilMs, goodUntilMs: untilMs }
  })

const commanded = (argv: readonly string[]): Fetch =>
  Effect.gen(function* () {
    const begunMs = yield* Clock.currentTimeMillis
    const output = yield* Effect.flatMap(runCredentialCommand(argv), readCommandOutput)
    const secret = yield* checkSecret(output.value)
    const nowMs = yield* Clock.currentTimeMillis
    if (output.lifetimeMs === undefined) {
      const goodUntilMs = nowMs + COMMAND_KEEP_MS
      return { secret, refreshAtMs: goodUntilMs - COMMAND_AHEAD_MS, goodUntilMs }
    }
    // The lifetime may have begun any time after the command did.
    const goodUntilMs = begunMs + output.lifetimeMs
    if (goodUntilMs <= nowMs) return yield* Effect.fail<CredentialReason>({ _tag: 'Expired' })
    return { secret, refreshAtMs: goodUntilMs - aheadMs(output.lifetimeMs), goodUntilMs }
  })
