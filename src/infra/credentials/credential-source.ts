/**
 * Resolves a reference to its value, and keeps it as long as it is good: a variable for ever, a file until it changes
 * (looked at no more than once a second), the output of a command for five minutes. One refresh runs at a time. What went
 * wrong is remembered for a second, so that a broken reference is not tried once per waiting request.
 */
import { Clock, Effect, Redacted, Result, Semaphore } from 'effect'
import { CredentialError, type CredentialReason } from '#infra/credentials/credential-error.ts'
import type { HeldCredential } from '#infra/credentials/credential-reference.ts'
import { readCredentialFile } from '#infra/credentials/read-credential-file.ts'
import { runCredentialCommand } from '#infra/credentials/run-credential-command.ts'

export interface CredentialSource {
  readonly reference: HeldCredential
  /** The value; at once while the kept one is good. */
  readonly secret: Effect.Effect<Redacted.Redacted<string>, CredentialError>
  /**
   * The upstream refused the value: the next `secret` asks anew. With the refused value given, a newer one that was
   * fetched in between is kept.
   */
  readonly invalidate: (refused?: Redacted.Redacted<string>) => void
}

const FILE_LOOK_MS = 1_000
const COMMAND_KEEP_MS = 300_000
const FAILURE_KEEP_MS = 1_000

interface Kept {
  readonly result: Result.Result<Redacted.Redacted<string>, CredentialError>
  readonly untilMs: number
}

type Read = Effect.Effect<string, CredentialReason>

export const makeCredentialSource = (
  reference: HeldCredential,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): CredentialSource => {
  const one = Semaphore.makeUnsafe(1)
  const { read, keepMs } = reader(reference, environment)
  let kept: Kept | undefined
  /** Counts refusals, so that a value whose fetch began before one is not kept after it. */
  let refusals = 0

  const good = (now: number) => (kept !== undefined && now < kept.untilMs ? kept.result : undefined)

  const refresh: Effect.Effect<Redacted.Redacted<string>, CredentialError> = Effect.gen(function* () {
    const before = yield* Clock.currentTimeMillis
    const present = good(before)
    if (present !== undefined) return yield* Effect.fromResult(present)
    const begun = refusals
    const result = yield* read.pipe(
      Effect.flatMap(checked),
      Effect.mapError((reason) => new CredentialError({ reference, reason })),
      Effect.result,
    )
    const now = yield* Clock.currentTimeMillis
    const untilMs = now + (Result.isSuccess(result) ? keepMs : FAILURE_KEEP_MS)
    if (begun === refusals) kept = { result, untilMs }
    return yield* Effect.fromResult(result)
  })

  const secret: CredentialSource['secret'] = Effect.gen(function* () {
    const present = good(yield* Clock.currentTimeMillis)
    return yield* present === undefined ? one.withPermit(refresh) : Effect.fromResult(present)
  })

  const invalidate = (refused?: Redacted.Redacted<string>): void => {
    const current = kept === undefined || Result.isFailure(kept.result) ? undefined : kept.result.success
    if (refused !== undefined && current !== undefined && Redacted.value(refused) !== Redacted.value(current)) return
    refusals += 1
    kept = undefined
  }

  return { reference, secret, invalidate }
}

const reader = (
  reference: HeldCredential,
  environment: Readonly<Record<string, string | undefined>>,
): { readonly read: Read; readonly keepMs: number } => {
  switch (reference._tag) {
    case 'Env': {
      const read: Read = Effect.suspend(() => {
        const value = environment[reference.name]
        return value === undefined ? Effect.fail({ _tag: 'NotSet' }) : Effect.succeed(value)
      })
      return { read, keepMs: FILE_LOOK_MS }
    }
    case 'File':
      return { read: readCredentialFile(reference.path), keepMs: FILE_LOOK_MS }
    case 'Command':
      return { read: runCredentialCommand(reference.argv), keepMs: COMMAND_KEEP_MS }
  }
}

/** A trailing line break is the habit of files and programs; anything else unprintable would break the header. */
const checked = (value: string): Effect.Effect<Redacted.Redacted<string>, CredentialReason> => {
  const trimmed = value.trim()
  if (trimmed === '') return Effect.fail({ _tag: 'Empty' })
  if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(trimmed)) return Effect.fail({ _tag: 'Malformed' })
  return Effect.succeed(Redacted.make(trimmed, { label: 'credential' }))
}
