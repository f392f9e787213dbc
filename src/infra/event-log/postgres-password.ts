/**
 * The password of a database by a file: `postgres://USER@HOST/DATABASE?passwordfile=PATH`, beside libpq's own `sslrootcert=PATH`.
 * Containers get secrets as files, and libpq's `passfile` wants a form and a mode that no such file has.
 */
import { Effect } from 'effect'
import { EventLogError } from '#actors/ports.ts'
import { readCredentialFile } from '#infra/credentials/read-credential-file.ts'

const PARAMETER = 'passwordfile'

/** The URL with the password in it; as it is where it names no file. Fails when the file cannot be read or is empty. */
export const withPasswordFile = (url: string): Effect.Effect<string, EventLogError> =>
  Effect.gen(function* () {
    const parsed = URL.parse(url)
    const path = parsed?.searchParams.get(PARAMETER) ?? undefined
    if (parsed === null || path === undefined) return url
    const text = yield* Effect.mapError(readCredentialFile(path), (reason) =>
      unreadable(path, reason._tag === 'Unreadable' ? reason.code : 'too large'),
    )
    // Editors and `echo` end a file with a line break, which is no part of it.
    const password = text.replace(/\r?\n$/, '')
    if (password === '') return yield* unreadable(path, 'empty')
    parsed.password = encodeURIComponent(password)
    parsed.searchParams.delete(PARAMETER)
    return parsed.href
  })

const unreadable = (path: string, why: string): EventLogError =>
  new EventLogError({
    reason: { _tag: 'Unusable', detail: `the password of the database cannot be read from ${path} (${why})` },
  })
