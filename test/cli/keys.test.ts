/**
 * `signalbox keys` as a process: a key is made, used and revoked, beside a running Signalbox and without one, and it is nowhere
 * but where it was printed.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { configOf, scratchFolder, spawnSignalbox, startProcess } from '#test/signalbox-process.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { header, send } from '../e2e/http-client.ts'

const LIMIT = 90_000
const SECRET = /^sbx_[0-9A-Za-z]{32}$/

/** A folder with a configuration that asks for keys, and what can be run in it. */
const setUp = Effect.gen(function* () {
  const { alpha } = yield* startProviders({ alpha: {} })
  const folder = yield* scratchFolder
  // Nothing listens at port 1; the Signalbox of the test takes a free one.
  const config = { ...configOf(alpha), server: { clientKeys: 'required', port: 1 } }
  const run = (...args: readonly string[]) =>
    Effect.gen(function* () {
      const started = yield* spawnSignalbox({ folder, config, args })
      const { code } = yield* started.exited
      return { code, stdout: started.stdout(), stderr: started.stderr() }
    })
  return { alpha, folder, config, run }
})

const ask = (port: number, secret: string) =>
  send(port, {
    headers: [
      ['content-type', 'application/json'],
      ['authorization', `Bearer ${secret}`],
    ],
    body: callBody(),
  })

describe('signalbox keys', () => {
  it.live(
    'makes, lists and revokes keys, beside a running Signalbox and without one',
    () =>
      Effect.gen(function* () {
        const { alpha, folder, config, run } = yield* setUp
        const made = yield* run('keys', 'create', 'ci', '--models', 'claude-opus-*, claude-haiku-*', '--expires', '30d')
        expect(made.code, made.stderr).toBe(0)
        const first = made.stdout.trim()
        expect(first).toMatch(SECRET)
        expect(made.stderr).toMatch(/The key ci \(key_\w{8}\)\. It is shown this once/)

        const box = yield* startProcess({ folder, config })
        const here = ['--port', String(box.port)]
        expect((yield* ask(box.port, 'signalbox')).status).toBe(401)
        expect((yield* ask(box.port, first)).status).toBe(200)

        const second = yield* box.command('keys', 'create', 'ada', '--rpm', '1', '--json', ...here)
        expect(second.code, second.stderr).toBe(0)
        const { secret, key } = JSON.parse(second.stdout)
        expect(secret).toMatch(SECRET)
        expect(key).toMatchObject({ name: 'ada', requestsPerMinute: 1, createdBy: 'admin 127.0.0.1' })
        expect((yield* ask(box.port, secret)).status).toBe(200)
        expect((yield* ask(box.port, secret)).status).toBe(429)

        const taken = yield* box.command('keys', 'create', 'ci', ...here)
        expect(taken).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/There is a key ci already/) })
        const listed = yield* box.command('keys', 'list', ...here)
        expect(listed.stdout).toMatch(/^NAME +ID +STATE/)
        expect(listed.stdout).toMatch(/^ci +key_\w{8} +active .* claude-opus-\*, claude-haiku-\*$/m)
        expect(listed.stdout).toMatch(/^ada +key_\w{8} +active .* never +1 +all$/m)

        const revoked = yield* box.command('keys', 'revoke', 'ci', ...here)
        expect(revoked.stdout).toMatch(/The key ci \(key_\w{8}\) is revoked\./)
        const refused = yield* ask(box.port, first)
        expect(refused.status).toBe(401)
        expect(header(refused, 'x-should-retry')).toBe('false')
        expect(refused.body.toString()).toMatch(/The key ci .* was revoked/)

        // The log is in use, and no Signalbox answers where this one looks.
        const blind = yield* box.command('keys', 'revoke', 'ada')
        expect(blind).toMatchObject({ code: 1, stderr: expect.stringMatching(/is using the event log[\s\S]*--port/) })

        box.signal('SIGTERM')
        yield* box.exited
        expect((yield* run('keys', 'revoke', key.keyId)).code).toBe(0)
        const left = JSON.parse((yield* run('keys', 'list', '--json')).stdout)
        expect(left.keys).toMatchObject([
          { name: 'ci', state: 'revoked' },
          { name: 'ada', state: 'revoked' },
        ])
        expect(yield* box.replayDifference).toBeUndefined()
        const by = (yield* box.events).flatMap(({ event }) => ('by' in event ? [event.by] : []))
        expect(by).toEqual(['cli', 'admin 127.0.0.1', 'admin 127.0.0.1', 'cli'])

        const traces = [
          box.stdout() + box.stderr(),
          listed.stdout,
          left,
          JSON.stringify(alpha.requests.map(({ headers }) => headers)),
          ...readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1')),
        ].map(String)
        for (const trace of traces) for (const one of [first, secret]) expect(trace).not.toContain(one)
      }),
    LIMIT,
  )

  it.live(
    'says what is wrong, and never repeats what may be a key',
    () =>
      Effect.gen(function* () {
        const { run } = yield* setUp
        const lost = 'sbx_0123456789abcdefghijABCDEFGHIJ01'
        const calls = [
          ['create', lost],
          ['revoke', lost],
          ['create', 'ci', '--rpm', '0'],
        ]
        for (const call of calls) {
          const { code, stdout, stderr } = yield* run('keys', ...call)
          expect(code, stderr).toBe(1)
          expect(stdout).toBe('')
          expect(stderr.trim()).not.toBe('')
          expect(stderr).not.toContain(lost)
        }
        expect((yield* run('keys', 'create', 'ci', '--expires', 'soon')).code).toBe(2)
      }),
    LIMIT,
  )
})
