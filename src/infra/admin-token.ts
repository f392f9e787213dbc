/**
 * The tokens of the admin API: the operator's, or one that Signalbox makes and keeps beside its event log, so that the link to
 * the dashboard stays the same from start to start.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Data, Effect, Redacted } from 'effect'
import type { Config } from '#infra/config/config.ts'
import { checkSecret } from '#infra/credentials/check-secret.ts'
import type { CredentialError } from '#infra/credentials/credential-error.ts'
import type { TokenReference } from '#infra/credentials/credential-reference.ts'
import { makeCredentialSource } from '#infra/credentials/credential-source.ts'
import { readCredentialFile } from '#infra/credentials/read-credential-file.ts'

/** The file that keeps the token cannot be used; the message says what to do. */
export class AdminTokenError extends Data.TaggedError('AdminTokenError')<{ readonly message: string }> {}

export interface AdminAccess {
  readonly tokens: { readonly admin: Redacted.Redacted<string>; readonly read?: Redacted.Redacted<string> }
  /** Signalbox made the admin token itself, so nobody knows it who is not told. */
  readonly isGenerated: boolean
  /** Where Signalbox keeps the one that it made; absent: nowhere. */
  readonly file?: string
}

/** 256 bits. */
const TOKEN_BYTES = 32

/** @param environment for tokens that the configuration says to find there */
export const adminAccess = (
  config: Pick<Config, 'adminToken' | 'database' | 'server'>,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Effect.Effect<AdminAccess, AdminTokenError | CredentialError> =>
  Effect.gen(function* () {
    const { adminToken, readToken } = config.server
    const find = (reference: TokenReference) => makeCredentialSource(reference, environment).secret
    const read = readToken === undefined ? {} : { read: yield* find(readToken) }
    if (config.adminToken !== undefined) return { tokens: { admin: config.adminToken, ...read }, isGenerated: false }
    if (adminToken !== undefined) return { tokens: { admin: yield* find(adminToken), ...read }, isGenerated: false }
    // A log that is in no file leaves nothing behind; neither does its token.
    const { folder } = config.database
    const file = folder === undefined ? undefined : join(folder, 'admin-token')
    const admin = file === undefined ? makeToken() : yield* keptToken(file)
    return { tokens: { admin, ...read }, isGenerated: true, ...(file === undefined ? {} : { file }) }
  })

const makeToken = (): Redacted.Redacted<string> =>
  Redacted.make(randomBytes(TOKEN_BYTES).toString('base64url'), { label: 'admin token' })

const keptToken = (file: string): Effect.Effect<Redacted.Redacted<string>, AdminTokenError> =>
  Effect.gen(function* () {
    const token = makeToken()
    if (yield* createFile(file, Redacted.value(token))) return token
    const kept = readCredentialFile(file).pipe(Effect.flatMap(checkSecret))
    return yield* Effect.mapError(kept, (reason) => {
      const code = reason._tag === 'Unreadable' ? ` (${reason.code})` : ''
      const message = `The admin token in ${file} cannot be used${code}. Delete the file to get a new one, or set SIGNALBOX_ADMIN_TOKEN.`
      return new AdminTokenError({ message })
    })
  })

/** False when there is one already: two processes that start at once must not replace each other's. */
const createFile = (file: string, token: string): Effect.Effect<boolean, AdminTokenError> =>
  Effect.gen(function* () {
    yield* attempt(() => mkdir(dirname(file), { recursive: true, mode: 0o700 }))
    const handle = yield* attempt(() => open(file, 'wx', 0o600)).pipe(
      Effect.catchIf(
        (code) => code === 'EEXIST',
        () => Effect.undefined,
      ),
    )
    if (handle === undefined) return false
    yield* attempt(() => handle.writeFile(`${token}\n`).then(() => handle.sync())).pipe(
      Effect.ensuring(Effect.promise(() => handle.close())),
    )
    return true
  }).pipe(
    Effect.mapError((code) => {
      const message = `The admin token cannot be kept in ${file} (${code}). Set SIGNALBOX_ADMIN_TOKEN instead.`
      return new AdminTokenError({ message })
    }),
  )

const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, string> => Effect.tryPromise({ try: run, catch: codeOf })

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
