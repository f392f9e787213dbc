import { execFile } from 'node:child_process'
import { Effect } from 'effect'
import type { CredentialReason } from '#infra/credentials/credential-error.ts'

const LIMIT_MS = 10_000
const MAX_BYTES = 65_536

/** Runs a program without a shell and answers what it printed. Its standard error is dropped: it may hold secrets. */
export const runCredentialCommand = (argv: readonly string[]): Effect.Effect<string, CredentialReason> =>
  Effect.callback<string, CredentialReason>((resume) => {
    const [program = '', ...args] = argv
    const options = { encoding: 'utf8', maxBuffer: MAX_BYTES, killSignal: 'SIGKILL', windowsHide: true } as const
    const child = execFile(program, args, options, (error, output) => {
      resume(error === null ? Effect.succeed(output) : Effect.fail({ _tag: 'CommandFailed', how: howOf(error) }))
    })
    child.stdin?.end()
    return Effect.sync(() => {
      child.kill('SIGKILL')
    })
  }).pipe(
    Effect.timeoutOrElse({
      duration: LIMIT_MS,
      orElse: () => Effect.fail<CredentialReason>({ _tag: 'CommandTimedOut', afterMs: LIMIT_MS }),
    }),
  )

const howOf = (error: { readonly code?: string | number | null; readonly signal?: string | null }): string => {
  if (typeof error.code === 'number') return `exit code ${error.code}`
  if (typeof error.code === 'string') return `the error ${error.code}`
  return `the signal ${error.signal ?? 'unknown'}`
}
