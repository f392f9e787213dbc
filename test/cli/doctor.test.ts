/**
 * `signalbox doctor` as a process: what it prints, what it asks, and how it exits.
 */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from '@effect/vitest'
import { Effect, Schema } from 'effect'
import { doctor as runDoctor } from '#cli/doctor.ts'
import { answer, type Script } from '#infra/simulator/script.ts'
import { configOf, type ProcessOptions, scratchFolder, spawnSignalbox } from '#test/signalbox-process.ts'
import { startProviders } from '#test/simulator.ts'

const LIMIT = 60_000
const CANARY = 'sk-ant-canary-77aa'

/** Runs the command to its end. */
const doctor = (args: readonly string[], options: Omit<ProcessOptions, 'args'> = {}) =>
  Effect.gen(function* () {
    const process = yield* spawnSignalbox({ ...options, args: ['doctor', ...args] })
    const { code } = yield* process.exited
    const [stdout, stderr] = [process.stdout(), process.stderr()]
    expect(stdout + stderr).not.toContain(CANARY)
    return { code, stdout, stderr }
  })

const Check = Schema.Struct({
  check: Schema.Literals([
    'credential',
    'address',
    'account',
    'models',
    'log',
    'stream',
    'whole',
    'count',
    'claude-code',
  ]),
  result: Schema.Literals(['ok', 'warning', 'failed', 'skipped']),
  found: Schema.String,
  advice: Schema.NullOr(Schema.String),
  details: Schema.Record(Schema.String, Schema.Json),
})

/** The shape that docs/doctor.md promises. */
const Document = Schema.fromJsonString(
  Schema.Struct({
    version: Schema.Literal(1),
    signalbox: Schema.String,
    ok: Schema.Boolean,
    configuration: Schema.Struct({
      files: Schema.Array(Schema.String),
      warnings: Schema.Array(Schema.String),
      problems: Schema.Array(Schema.String),
    }),
    providers: Schema.Array(
      Schema.Struct({
        provider: Schema.String,
        kind: Schema.String,
        preset: Schema.NullOr(Schema.String),
        address: Schema.String,
        credential: Schema.String,
        checks: Schema.Array(Check),
      }),
    ),
  }),
)
const readDocument = Schema.decodeUnknownSync(Document, { onExcessProperty: 'error' })

describe('doctor', () => {
  it.live(
    'exits with 0 when nothing failed, and prints a table or one document',
    () =>
      Effect.gen(function* () {
        const { good, other } = yield* startProviders({ good: {}, other: {} })
        const config = configOf(good, other)
        const table = yield* doctor([], { config })
        expect(table).toMatchObject({ code: 0, stderr: '' })
        expect(table.stdout).toMatch(/^PROVIDER +CHECK +RESULT +FOUND\n/)
        expect(table.stdout).toMatch(/\ngood +address +ok +http:\/\/127\.0\.0\.1:\d+: TCP \d+ ms\n/)
        expect(table.stdout).toMatch(/\nother +log +ok +no log yet\n/)
        expect(table.stdout).toMatch(/\nAll is well\.\n$/)

        const json = yield* doctor(['--json', 'other'], { config })
        expect(json).toMatchObject({ code: 0, stderr: '' })
        const document = readDocument(json.stdout)
        expect(document.ok).toBe(true)
        expect(document.providers.map(({ provider }) => provider)).toEqual(['other'])
      }),
    LIMIT,
  )

  it.live(
    'exits with 1 when something failed, names what to do, and shows no key',
    () =>
      Effect.gen(function* () {
        const { it } = yield* startProviders({ it: { apiKeys: ['right'] } })
        const config = {
          providers: {
            it: { kind: 'anthropic', baseUrl: it.url, credential: { env: 'DOCTOR_KEY' } },
            off: { kind: 'anthropic', credential: { env: 'DOCTOR_KEY' }, enabled: false },
          },
        }
        const environment = { DOCTOR_KEY: CANARY, HTTPS_PROXY: `http://user:${CANARY}@127.0.0.1:9` }
        const table = yield* doctor([], { config, environment })
        expect(table.code).toBe(1)
        expect(table.stdout).toMatch(/\nWhat to do\n {2}it, models: .*DOCTOR_KEY.*\n/)
        expect(table.stdout).toMatch(/\n1 of 4 checks failed\.\n$/)
        expect(table.stdout).not.toContain('off')

        const json = yield* doctor(['--json', '--live'], { config, environment })
        expect(json.code).toBe(1)
        expect(json.stderr).toMatch(/fraction of a cent/)
        const [one] = readDocument(json.stdout).providers
        expect(one?.checks.flatMap(({ check, result }) => (result === 'failed' ? [check] : []))).toEqual([
          'models',
          'stream',
          'whole',
        ])
        expect(one?.credential).toBe('the environment variable DOCTOR_KEY')
      }),
    LIMIT,
  )

  it.live(
    'prints the problems of a configuration that cannot be loaded',
    () =>
      Effect.gen(function* () {
        const config = 'providers: { a: { kind: anthropic } }\nroutnig: {}\n'
        const text = yield* doctor([], { config })
        expect(text).toMatchObject({ code: 1, stdout: '' })
        expect(text.stderr).toContain('signalbox.yaml:2:1 routnig: unknown key; did you mean routing?')
        const json = yield* doctor(['--json'], { config })
        expect(json).toMatchObject({ code: 1, stderr: '' })
        const document = readDocument(json.stdout)
        expect(document.ok).toBe(false)
        expect(document.configuration.problems.join()).toContain('did you mean routing?')
      }),
    LIMIT,
  )

  it.live(
    'exits with 2 for a provider that is not there and a flag that is none',
    () =>
      Effect.gen(function* () {
        const { good } = yield* startProviders({ good: {} })
        const config = configOf(good)
        const named = yield* doctor(['goof'], { config })
        expect(named).toMatchObject({ code: 2, stdout: '' })
        expect(named.stderr).toContain('There is no provider "goof"; did you mean good?')
        expect((yield* doctor(['--alive'], { config })).code).toBe(2)
        expect(good.requests).toHaveLength(0)
      }),
    LIMIT,
  )
})

const FAKE = fileURLToPath(new URL('../fixtures/claude-code/fake-claude.mjs', import.meta.url))

describe('doctor --claude-code', () => {
  const write = answer([{ type: 'tool_use', name: 'Write', input: { file_path: 'proof.txt', content: '{word}' } }])
  const read = answer([{ type: 'tool_use', name: 'Read', input: { file_path: 'proof.txt' } }])
  const task: Script = [write, read, answer('{word}')]

  it.live(
    'finds claude in the PATH, wants --yes where nobody can be asked, and prints how the task went',
    () =>
      Effect.gen(function* () {
        const { good } = yield* startProviders({ good: { script: task } })
        const config = configOf(good)
        const folder = yield* scratchFolder
        writeFileSync(join(folder, 'claude'), `#!/bin/sh\nexec "${process.execPath}" "${FAKE}" "$@"\n`)
        chmodSync(join(folder, 'claude'), 0o755)
        const environment = { PATH: `${folder}:/usr/bin:/bin` }
        const asked = yield* doctor(['--claude-code'], { config, environment })
        expect(asked).toMatchObject({ code: 2, stdout: '' })
        expect(asked.stderr).toMatch(/Claude Code 2\.1\.330 .*costs some cents.*add --yes/)
        expect(good.requests).toHaveLength(0)

        const done = yield* doctor(['--claude-code', '--yes'], { config, environment })
        expect(done).toMatchObject({ code: 0, stderr: '' })
        expect(done.stdout).toMatch(/good +claude-code +ok +the task was done in [\d.]+ s\n/)
        expect(done.stdout).toMatch(/good +claude-sonnet-5-5 +yes +right +right +0 +2 +[\d.]+ s +\d+ +\d+\n/)
      }),
    LIMIT,
  )

  it.live('does nothing when the costs are not agreed to', () =>
    Effect.gen(function* () {
      const { good } = yield* startProviders({ good: {} })
      const folder = yield* scratchFolder
      const file = join(folder, 'signalbox.yaml')
      writeFileSync(file, JSON.stringify(configOf(good)))
      const said = vi.spyOn(console, 'error').mockImplementation(() => undefined)
      const questions: string[] = []
      // As a client would be that only tells its version.
      const claude = join(folder, 'claude')
      writeFileSync(claude, '#!/bin/sh\necho "2.1.330 (Claude Code)"\n')
      chmodSync(claude, 0o755)
      const exitCode = yield* runDoctor({
        load: { file, environment: {}, cwd: folder, home: folder },
        providers: [],
        live: true,
        claudeCode: true,
        claude,
        yes: false,
        json: false,
        confirm: (question) => {
          questions.push(question)
          return Effect.succeed('no')
        },
      })
      expect(exitCode).toBe(1)
      expect(questions).toEqual([expect.stringMatching(/^Claude Code 2\.1\.330 does a small task.*Go on\?$/)])
      expect(said.mock.calls).toEqual([['Nothing was done.']])
      said.mockRestore()
      expect(good.requests).toHaveLength(0)
    }),
  )

  it.live(
    'says how to install a client that is not there',
    () =>
      Effect.gen(function* () {
        const { good } = yield* startProviders({ good: {} })
        const missing = yield* doctor(['--claude-code', '--yes', '--claude', './no-claude'], { config: configOf(good) })
        expect(missing).toMatchObject({ code: 1, stdout: '' })
        expect(missing.stderr).toMatch(/no-claude was not found\. Install Claude Code with `npm install/)
        expect(good.requests).toHaveLength(0)
      }),
    LIMIT,
  )
})
