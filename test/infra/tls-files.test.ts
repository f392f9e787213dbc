/**
 * The server's certificate on a real disk, in virtual time.
 */
import { chmodSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SecureContextOptions } from 'node:tls'
import { describe, expect, it, onTestFinished } from '@effect/vitest'
import { Effect, Logger } from 'effect'
import { TestClock } from 'effect/testing'
import { tlsFiles } from '#infra/tls-files.ts'
import { type Identity, makeAuthority } from './upstream/certificates.ts'

const authority = makeAuthority('Signalbox test authority')
const FIRST = authority.issue('first')
const SECOND = authority.issue('second')

/** Files of an identity, which are replaced as programs that renew certificates do it. */
const folderWith = (identity: Identity) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-tls-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const put = (name: string, text: string): string => {
    const file = join(folder, name)
    writeFileSync(`${file}.new`, text, { mode: 0o600 })
    renameSync(`${file}.new`, file)
    return file
  }
  const certFile = put('tls.crt', identity.certificate)
  const keyFile = put('tls.key', identity.key)
  return { folder, put, files: { certFile, keyFile, minVersion: 'TLSv1.2' } as const }
}

const certificateOf = ({ cert }: SecureContextOptions): string => String(cert)

/** Every line of the log while it runs, as text. */
const withLines = <A, E, R>(use: (lines: readonly string[]) => Effect.Effect<A, E, R>) => {
  const lines: string[] = []
  const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel} ${JSON.stringify(message)}`))
  return use(lines).pipe(Effect.provide(Logger.layer([logger])))
}

/** A look at the files and what follows of it: reading is real I/O, which virtual time does not wait for. */
const look = (isDone: () => boolean) =>
  Effect.gen(function* () {
    yield* TestClock.adjust('5 seconds')
    yield* Effect.promise(() => expect.poll(isDone, { timeout: 5_000 }).toBe(true))
  })

describe('the files of a certificate', () => {
  it.effect('are read at the start, and again when they change', () =>
    withLines((lines) =>
      Effect.gen(function* () {
        const { files, put } = folderWith(FIRST)
        const tls = yield* tlsFiles(files)
        const taken: string[] = []
        tls.onChange((next) => taken.push(certificateOf(next)))
        expect(certificateOf(tls.current())).toBe(FIRST.certificate)
        expect(tls.current().minVersion).toBe('TLSv1.2')
        put('tls.key', SECOND.key)
        put('tls.crt', SECOND.certificate)
        yield* look(() => taken.length > 0)
        expect(taken).toEqual([SECOND.certificate])
        expect(certificateOf(tls.current())).toBe(SECOND.certificate)
        expect(lines.some((line) => line.includes('the certificate was read again'))).toBe(true)
      }),
    ).pipe(Effect.scoped),
  )

  it.effect('are read again when a link to them is swapped, as Kubernetes does it', () =>
    Effect.gen(function* () {
      const { folder, put, files } = folderWith(FIRST)
      const second = { certFile: put('second.crt', SECOND.certificate), keyFile: put('second.key', SECOND.key) }
      const links = { ...files, certFile: join(folder, 'link.crt'), keyFile: join(folder, 'link.key') }
      symlinkSync(files.certFile, links.certFile)
      symlinkSync(files.keyFile, links.keyFile)
      const tls = yield* tlsFiles(links)
      for (const name of ['certFile', 'keyFile'] as const) {
        symlinkSync(second[name], `${links[name]}.new`)
        renameSync(`${links[name]}.new`, links[name])
      }
      yield* look(() => certificateOf(tls.current()) === SECOND.certificate)
    }).pipe(Effect.scoped),
  )

  it.effect('that turn bad change nothing and are told of, once; good ones after them are taken', () =>
    withLines((lines) =>
      Effect.gen(function* () {
        const { files, put } = folderWith(FIRST)
        const tls = yield* tlsFiles(files)
        const taken: string[] = []
        tls.onChange((next) => taken.push(certificateOf(next)))
        const complaints = () => lines.filter((line) => line.startsWith('Error'))
        const bad = [
          () => put('tls.crt', SECOND.certificate),
          () => put('tls.crt', 'not a certificate'),
          () => put('tls.key', ''),
          () => rmSync(files.keyFile),
        ]
        for (const [index, spoil] of bad.entries()) {
          spoil()
          yield* look(() => complaints().length === index + 1)
        }
        yield* TestClock.adjust('1 minute')
        expect(complaints()).toHaveLength(bad.length)
        expect(complaints()[0]).toContain('ERR_OSSL_X509_KEY_VALUES_MISMATCH')
        expect(complaints()[3]).toContain('ENOENT')
        expect(complaints().join('\n')).not.toContain('not a certificate')
        expect(taken).toEqual([])
        expect(certificateOf(tls.current())).toBe(FIRST.certificate)
        put('tls.key', SECOND.key)
        put('tls.crt', SECOND.certificate)
        yield* look(() => taken.length > 0)
        expect(taken).toEqual([SECOND.certificate])
      }),
    ).pipe(Effect.scoped),
  )

  it.live('that cannot be used at the start are said by name, with the code and nothing of what is in them', () =>
    Effect.gen(function* () {
      const { files, put } = folderWith(FIRST)
      const problem = () => Effect.map(Effect.flip(tlsFiles(files)), ({ message }) => message)
      put('tls.crt', SECOND.certificate)
      expect(yield* problem()).toMatch(/KEY_VALUES_MISMATCH.*tls\.crt.*tls\.key/)
      rmSync(files.certFile)
      expect(yield* problem()).toContain('(ENOENT)')
      put('tls.crt', 'tell-no-one')
      expect(yield* problem()).not.toContain('tell-no-one')
    }).pipe(Effect.scoped),
  )

  it.live('that every user may read, and a certificate that ends, are warned of', () =>
    withLines((lines) =>
      Effect.gen(function* () {
        const { files } = folderWith(FIRST)
        yield* tlsFiles(files)
        expect(lines).toEqual([])
        chmodSync(files.keyFile, 0o644)
        yield* tlsFiles(files)
        expect(lines.join('\n')).toContain(`The key file ${files.keyFile} can be read by every user`)
      }),
    ).pipe(Effect.scoped),
  )

  it.effect('end: a week before, the log says so', () =>
    withLines((lines) =>
      Effect.gen(function* () {
        const { files } = folderWith(FIRST)
        // The certificates of the tests end on the last day of 2099.
        yield* TestClock.setTime(Date.UTC(2099, 11, 30))
        yield* tlsFiles(files)
        expect(lines.join('\n')).toContain('2099-12-31T23:59:59.000Z')
      }),
    ).pipe(Effect.scoped),
  )
})
