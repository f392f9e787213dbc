/**
 * A process that serves HTTPS: its files, its link, its commands, and why it does not start.
 */
import { writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { statusline } from '#cli/statusline.ts'
import { configOf, type SignalboxProcess, scratchFolder, spawnSignalbox } from '#test/signalbox-process.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { type Identity, makeAuthority } from '../infra/upstream/certificates.ts'

const LIMIT = 120_000
const authority = makeAuthority('Signalbox test authority')

/** A process with the files of this certificate. */
const serving = (identity: Identity, more: object = {}) =>
  Effect.gen(function* () {
    const folder = yield* scratchFolder
    const write = ({ certificate, key }: Identity): void => {
      writeFileSync(join(folder, 'tls.crt'), certificate)
      writeFileSync(join(folder, 'tls.key'), key, { mode: 0o600 })
    }
    write(identity)
    const { sim } = yield* startProviders({ sim: {} })
    const config = { ...configOf(sim), server: { tls: { certFile: 'tls.crt', keyFile: 'tls.key', ...more } } }
    const box = yield* spawnSignalbox({ folder, config })
    return { box, write, sim }
  })

const post = (port: number) =>
  Effect.callback<number | undefined>((resume) => {
    const body = JSON.stringify(callBody())
    const headers = { 'content-type': 'application/json', 'content-length': body.length }
    const outgoing = request(
      {
        port,
        host: '127.0.0.1',
        path: '/v1/messages',
        method: 'POST',
        ca: authority.certificate,
        agent: false,
        headers,
      },
      (response) => {
        response.resume()
        response.on('end', () => resume(Effect.succeed(response.statusCode)))
      },
    )
    outgoing.on('error', (error) => resume(Effect.die(error)))
    outgoing.end(body)
  })

/** The serial number of the certificate that is shown to a new connection. */
const shown = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', ca: authority.certificate }, () => {
      resolve(socket.getPeerCertificate().serialNumber)
      socket.destroy()
    })
    socket.on('error', reject)
  })

/** The line in the status bar of who uses this box. */
const lineOf = ({ folder, configFile, databaseUrl }: SignalboxProcess, port: string) =>
  Effect.promise(() => {
    const environment = {
      SIGNALBOX_CONFIG: configFile,
      SIGNALBOX_DATABASE_URL: databaseUrl,
      ANTHROPIC_BASE_URL: `https://127.0.0.1:${port}`,
    }
    return statusline('', { cwd: folder, home: folder, environment }, { color: false })
  })

const pathsIn = (folder: string, tls: { readonly certFile: string; readonly keyFile: string }) => ({
  ...tls,
  certFile: join(folder, tls.certFile),
  keyFile: join(folder, tls.keyFile),
})

describe('a process with server.tls', () => {
  it.live(
    'serves HTTPS, says so, and shows a renewed certificate without a restart',
    () =>
      Effect.gen(function* () {
        const { box, write } = yield* serving(authority.issue('127.0.0.1'))
        const [, found = ''] = yield* box.printed(/listens on https:\/\/127\.0\.0\.1:(\d+)/)
        const port = Number(found)
        expect(box.stdout()).toContain(`export ANTHROPIC_BASE_URL=https://127.0.0.1:${port}`)
        expect(yield* post(port)).toBe(200)
        const before = yield* Effect.promise(() => shown(port))
        write(authority.issue('127.0.0.1'))
        yield* Effect.promise(() => expect.poll(() => shown(port), { timeout: 30_000 }).not.toBe(before))
        expect(yield* post(port)).toBe(200)
      }),
    LIMIT,
  )

  it.live(
    'is asked by its own commands, which trust what it shows',
    () =>
      Effect.gen(function* () {
        const { box } = yield* serving(authority.issue('127.0.0.1'))
        const [, port = ''] = yield* box.printed(/listens on https:\/\/127\.0\.0\.1:(\d+)/)
        const made = yield* box.command('keys', 'create', 'ci', '--port', port)
        expect(made.code, made.stderr).toBe(0)
        expect(made.stdout).toMatch(/^sbx_/)
        expect(yield* lineOf(box, port)).toMatch(/^signalbox · today/)
      }),
    LIMIT,
  )

  it.live(
    'and asks for certificates, is asked by commands that have one, and says to others what is missing',
    () =>
      Effect.gen(function* () {
        const folder = yield* scratchFolder
        const write = (name: string, text: string): string => {
          const file = join(folder, name)
          writeFileSync(file, text, { mode: 0o600 })
          return file
        }
        const own = authority.issue('commands')
        const commands = { certFile: write('me.crt', own.certificate), keyFile: write('me.key', own.key) }
        const clientCaFile = write('clients.pem', authority.certificate)
        const { box } = yield* serving(authority.issue('127.0.0.1'), { clientCaFile, commands })
        const [, port = ''] = yield* box.printed(/listens on https:\/\/127\.0\.0\.1:(\d+)/)
        const made = yield* box.command('keys', 'create', 'ci', '--port', port)
        expect(made.code, made.stderr).toBe(0)
        const listed = yield* box.command('keys', 'list', '--port', port)
        expect([listed.code, listed.stdout]).toEqual([0, expect.stringMatching(/^ci +key_\S+ +active/m)])
        expect(yield* lineOf(box, port)).toMatch(/^signalbox · today/)

        const tls = { certFile: 'tls.crt', keyFile: 'tls.key', clientCaFile }
        const without = write(
          'without.yaml',
          JSON.stringify({ features: { simulator: 'on' }, server: { tls: pathsIn(box.folder, tls) } }),
        )
        const refused = yield* box.command('keys', 'list', '--port', port, '--config', without)
        expect(refused.code).toBe(1)
        expect(refused.stderr).toMatch(/cannot be asked \([A-Z_\d]+\).*name one in server\.tls\.commands/)
        const code = yield* box.command('code', '--port', port, '--config', without)
        expect([code.code, code.stderr]).toEqual([1, expect.stringContaining('name one in server.tls.commands')])

        const gone = { ...tls, commands: { ...commands, keyFile: join(folder, 'gone.key') } }
        const missing = write(
          'missing.yaml',
          JSON.stringify({ features: { simulator: 'on' }, server: { tls: pathsIn(box.folder, gone) } }),
        )
        const unread = yield* box.command('keys', 'list', '--port', port, '--config', missing)
        expect([unread.code, unread.stderr]).toEqual([
          1,
          expect.stringMatching(/commands cannot be used \(ENOENT\).*gone\.key/),
        ])
      }),
    LIMIT,
  )

  it.live(
    'does not start with files that cannot be used, and says which',
    () =>
      Effect.gen(function* () {
        const { certificate } = authority.issue('127.0.0.1')
        const { box } = yield* serving({ certificate, key: authority.issue('127.0.0.1').key })
        expect((yield* box.exited).code).toBe(1)
        expect(box.stderr()).toMatch(
          /The certificate of server\.tls cannot be used \(ERR_OSSL_X509_KEY_VALUES_MISMATCH\): look at .*tls\.crt/,
        )
        expect(box.stdout()).toBe('')
      }),
    LIMIT,
  )
})
