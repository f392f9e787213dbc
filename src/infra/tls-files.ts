/**
 * The certificate that the server shows, from files, and again whenever they change: who renews certificates (cert-manager, ACME)
 * writes new files and expects nobody to restart. Files are looked at every few seconds, not watched: links that are swapped and
 * network folders are told of by no watcher that can be relied on, and a renewal has days.
 */
import { X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { Data, Effect, Result, type Scope } from 'effect'
import type { ServerConfig } from '#infra/config/config.ts'

/** The files cannot be used; the message names them and the code of the error, and nothing of what is in them. */
export class TlsFilesError extends Data.TaggedError('TlsFilesError')<{ readonly message: string }> {}

export interface TlsFiles {
  readonly current: () => SecureContextOptions
  readonly asksClients: boolean
  readonly onChange: (take: (next: SecureContextOptions) => void) => void
}

const LOOK_EVERY_MS = 5_000
/** Long enough to renew in working hours. */
const TELL_BEFORE_END_MS = 7 * 86_400_000

/** Fails when the files cannot be used at the start; later ones that cannot change nothing, and are reported. */
export const tlsFiles = (
  files: NonNullable<ServerConfig['tls']>,
): Effect.Effect<TlsFiles, TlsFilesError, Scope.Scope> =>
  Effect.gen(function* () {
    const takers: ((next: SecureContextOptions) => void)[] = []
    let seen = yield* Effect.mapError(marksOf(files), unusable(files))
    let current = yield* Effect.mapError(read(files), unusable(files))

    const look = Effect.gen(function* () {
      const marks = yield* Effect.result(marksOf(files))
      const now = Result.isSuccess(marks) ? marks.success : marks.failure
      if (now === seen) return
      seen = now
      const next = yield* Effect.result(Result.isSuccess(marks) ? read(files) : Effect.fail(marks.failure))
      if (Result.isFailure(next)) {
        const { message } = unusable(files)(next.failure)
        yield* Effect.logError('the changed certificate is not usable; the old one stays', { problem: message })
        return
      }
      current = next.success
      for (const take of takers) take(current)
      yield* Effect.logInfo('the certificate was read again', { file: files.certFile })
    })
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(LOOK_EVERY_MS), look)))

    return {
      current: () => current,
      asksClients: files.clientCaFile !== undefined,
      onChange: (take) => {
        takers.push(take)
      },
    }
  })

const pathsOf = ({ certFile, keyFile, clientCaFile }: NonNullable<ServerConfig['tls']>): readonly string[] => [
  certFile,
  keyFile,
  ...(clientCaFile === undefined ? [] : [clientCaFile]),
]

/** Changes with any of the files, also when one is replaced by another of the same times. Fails with the system's code. */
const marksOf = (files: NonNullable<ServerConfig['tls']>): Effect.Effect<string, string> =>
  Effect.forEach(pathsOf(files), (path) =>
    Effect.map(
      attempt(() => stat(path)),
      ({ ino, mtimeMs, ctimeMs, size }) => `${ino} ${mtimeMs} ${ctimeMs} ${size}`,
    ),
  ).pipe(Effect.map((marks) => marks.join('|')))

/** Fails with the code of the system or of TLS, also when key and certificate do not belong together. */
const read = (files: NonNullable<ServerConfig['tls']>): Effect.Effect<SecureContextOptions, string> =>
  Effect.gen(function* () {
    const [cert, key, ca] = yield* Effect.forEach(pathsOf(files), (path) => attempt(() => readFile(path)))
    const made: SecureContextOptions = {
      minVersion: files.minVersion,
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(ca === undefined ? {} : { ca }),
    }
    yield* attempt(async () => createSecureContext(made))
    yield* warnOfEnd(files.certFile, cert ?? Buffer.alloc(0))
    yield* warnOfReaders(files.keyFile)
    return made
  })

const warnOfEnd = (file: string, certificate: Buffer): Effect.Effect<void, string> =>
  Effect.gen(function* () {
    const { validToDate } = yield* attempt(async () => new X509Certificate(certificate))
    const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
    if (validToDate.getTime() - now > TELL_BEFORE_END_MS) return
    yield* Effect.logWarning('the certificate ends soon, or has ended', { file, end: validToDate.toISOString() })
  })

const warnOfReaders = (keyFile: string): Effect.Effect<void, string> =>
  Effect.gen(function* () {
    const { mode } = yield* attempt(() => stat(keyFile))
    if (process.platform === 'win32' || (mode & 0o004) === 0) return
    yield* Effect.logWarning(`The key file ${keyFile} can be read by every user; \`chmod 640\` keeps it private.`)
  })

const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, string> =>
  Effect.tryPromise({
    try: run,
    catch: (error) => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'),
  })

const unusable =
  (files: NonNullable<ServerConfig['tls']>) =>
  (code: string): TlsFilesError =>
    new TlsFilesError({
      message: `The certificate of server.tls cannot be used (${code}): look at ${pathsOf(files).join(', ')}. Each must be a PEM file that can be read, and the key that of the certificate.`,
    })
