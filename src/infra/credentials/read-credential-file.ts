import type { Stats } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { Effect } from 'effect'
import type { CredentialReason } from '#infra/credentials/credential-error.ts'

/** More is no credential. */
const MAX_BYTES = 65_536

/**
 * Reads the file, again only when it changed since this effect ran last. Warns, once per change, when others than the owner
 * may read it.
 */
export const readCredentialFile = (path: string): Effect.Effect<string, CredentialReason> => {
  let last: { readonly mark: string; readonly text: string } | undefined
  return Effect.gen(function* () {
    const found = yield* attempt(() => stat(path))
    const mark = markOf(found)
    if (last?.mark === mark) return last.text
    if (!found.isFile()) return yield* Effect.fail<CredentialReason>({ _tag: 'Unreadable', code: 'not a file' })
    if (found.size > MAX_BYTES) return yield* Effect.fail<CredentialReason>({ _tag: 'Malformed' })
    const text = yield* attempt(() => readFile(path, 'utf8'))
    if (process.platform !== 'win32' && (found.mode & 0o044) !== 0) {
      yield* Effect.logWarning(
        `The credential file ${path} can be read by other users; \`chmod 600\` keeps it private.`,
      )
    }
    last = { mark, text }
    return text
  })
}

/** A replaced file differs in its inode even when its times were kept. */
const markOf = (found: Stats): string => [found.ino, found.mtimeMs, found.ctimeMs, found.size].join(' ')

const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, CredentialReason> =>
  Effect.tryPromise({
    try: run,
    catch: (error): CredentialReason => ({
      _tag: 'Unreadable',
      code: error instanceof Error && 'code' in error ? String(error.code) : 'unknown error',
    }),
  })
