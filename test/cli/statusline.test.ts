/**
 * The line in the status bar, from its parts to the command as Claude Code runs it.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import fc from 'fast-check'
import type { StatuslineView } from '#actors/views/statusline-view.ts'
import { boxBySettings } from '#cli/statusline/find-box.ts'
import { statusLine } from '#cli/statusline/line.ts'
import { statusline } from '#cli/statusline.ts'
import { modelId, providerId } from '#domain/ids.ts'
import { configOf, scratchFolder, startProcess } from '#test/signalbox-process.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { send } from '../e2e/http-client.ts'

const plain = { color: false }

const view: StatuslineView = {
  at: 0,
  provider: { id: providerId('vertex'), state: 'healthy', model: modelId('claude-opus-5-5') },
  today: { costNanoUsd: 3_214_000_000, unpriced: false },
  session: { costNanoUsd: 450_000_000, unpriced: true },
  cacheHitShare: 0.917,
  nearest: { kind: 'budget', name: 'daily', usedShare: 0.64, resetAt: 0 },
  alerts: [],
}
const nothing: StatuslineView = {
  ...{ at: 0, provider: null, session: null, cacheHitShare: null, nearest: null, alerts: [] },
  today: { costNanoUsd: 0, unpriced: false },
}

/** Control characters among them. */
const characters = fc.array(fc.nat(0x2ff)).map((codes) => String.fromCharCode(...codes))

describe('the line', () => {
  it('tells the provider, the costs, the cache and what is nearest', () => {
    expect(statusLine(view, plain)).toBe('vertex · today $3.21 · session $0.45+ · cache 92 % · budget daily 64 %')
  })

  it('of a box that has done nothing is short', () => {
    expect(statusLine(nothing, plain)).toBe('signalbox · today $0.00')
  })

  it('tells a provider that is unwell, a limit, and the first alert of several', () => {
    const bad: StatuslineView = {
      ...nothing,
      provider: { id: providerId('openrouter'), state: 'openCircuit', model: modelId('m') },
      nearest: { kind: 'limit', name: 'requests per minute', usedShare: 1, resetAt: 0 },
      alerts: [
        { kind: 'providerDown', subject: 'openrouter', severity: 'critical' },
        { kind: 'costPerDay', subject: '', severity: 'warning' },
      ],
    }
    expect(statusLine(bad, plain)).toBe(
      'openrouter is down · today $0.00 · requests per minute 100 % · 2 alerts: providerDown openrouter',
    )
  })

  it('is green, yellow or red by how much of a bound is used', () => {
    const at = (usedShare: number) =>
      statusLine({ ...nothing, nearest: { kind: 'budget', name: 'b', usedShare, resetAt: 0 } }, { color: true })
    expect(at(0.7)).toContain('\u001B[32mbudget b')
    expect(at(0.75)).toContain('\u001B[33mbudget b')
    expect(at(0.95)).toContain('\u001B[31mbudget b')
  })

  it('is one line without control characters, whatever budgets are called', () => {
    fc.assert(
      fc.property(characters, (name) => {
        const line = statusLine({ ...nothing, nearest: { kind: 'budget', name, usedShare: 0, resetAt: 0 } }, plain)
        expect(line).not.toMatch(/\p{Cc}/u)
      }),
    )
  })
})

describe('where the box is', () => {
  const home = Effect.map(scratchFolder, (folder) => {
    const data = join(folder, 'data', 'signalbox')
    mkdirSync(data, { recursive: true })
    writeFileSync(join(data, 'admin-token'), 'kept\n')
    return { cwd: folder, home: folder, environment: { XDG_DATA_HOME: join(folder, 'data') } }
  })
  const found = (environment: object, file?: string) =>
    Effect.gen(function* () {
      const place = yield* home
      if (file !== undefined) writeFileSync(join(place.cwd, 'signalbox.yaml'), file)
      return yield* Effect.promise(() =>
        boxBySettings({ ...place, environment: { ...place.environment, ...environment } }),
      )
    })

  it.effect('without a word: the usual port, the token beside the log', () =>
    Effect.gen(function* () {
      expect(yield* found({})).toEqual({ url: 'http://127.0.0.1:8080', token: 'kept' })
    }),
  )

  it.effect('is where Claude Code itself sends its requests, if that is this machine', () =>
    Effect.gen(function* () {
      const local = yield* found({ ANTHROPIC_BASE_URL: 'http://127.0.0.1:9999/' })
      expect(local?.url).toBe('http://127.0.0.1:9999')
      const remote = yield* found({ ANTHROPIC_BASE_URL: 'https://gateway.example.com' })
      expect(remote?.url).toBe('http://127.0.0.1:8080')
    }),
  )

  it.effect('is said by the file, and by variables over it', () =>
    Effect.gen(function* () {
      const file = 'server:\n  port: 9001\n  adminToken: { env: MY_TOKEN }\n'
      expect(yield* found({ MY_TOKEN: 'mine' }, file)).toEqual({ url: 'http://127.0.0.1:9001', token: 'mine' })
      const over = yield* found({ SIGNALBOX_PORT: '9002', SIGNALBOX_ADMIN_TOKEN: 'other' }, file)
      expect(over).toEqual({ url: 'http://127.0.0.1:9002', token: 'other' })
    }),
  )

  it.effect.each([
    ['includes', {}, 'include: more.yaml\n'],
    ['a log that is relative to the file', {}, 'database: { url: "sqlite:log.db" }\n'],
    ['variables with long names', { SIGNALBOX_SERVER__PORT: '1' }, undefined],
    ['a file that is no YAML', {}, 'server: ['],
  ] as const)('is left to the configuration itself by %s', ([, environment, file]) =>
    Effect.gen(function* () {
      expect(yield* found(environment, file)).toBeUndefined()
    }),
  )
})

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** Runs the command as Claude Code does: JSON on its input, its own environment. */
const run = (environment: NodeJS.ProcessEnv, input: string) =>
  Effect.callback<{ readonly code: number | null; readonly line: string }>((resume) => {
    const child = spawn(process.execPath, [MAIN, 'statusline'], {
      env: { PATH: process.env.PATH, NO_COLOR: '1', ...environment },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    let line = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (line += text))
    child.on('close', (code) => resume(Effect.succeed({ code, line })))
    child.stdin.end(input)
    return Effect.sync(() => child.kill('SIGKILL'))
  })

describe('signalbox statusline', () => {
  it.live('asks the running box about the session that Claude Code names', () =>
    Effect.gen(function* () {
      const { alpha } = yield* startProviders({ alpha: {} })
      const box = yield* startProcess({ config: configOf({ id: 'alpha', url: alpha.url }) })
      const headers = [
        ['content-type', 'application/json'],
        ['x-claude-code-session-id', 'session-1'],
      ] as const
      expect((yield* send(box.port, { body: callBody(), headers })).status).toBe(200)
      const environment = {
        HOME: box.folder,
        SIGNALBOX_CONFIG: box.configFile,
        SIGNALBOX_DATABASE_URL: box.databaseUrl,
        ANTHROPIC_BASE_URL: box.url,
      }
      const input = { session_id: 'session-1', model: { id: 'claude-opus-5-5' }, workspace: {}, something: ['new'] }
      const told = yield* run(environment, JSON.stringify(input))
      expect(told).toMatchObject({ code: 0, line: expect.stringMatching(/^alpha · today \$\d+\.\d\d.* · session \$/) })
      expect((yield* run(environment, '')).line).toMatch(/^alpha · today/)
      const other = yield* run(environment, '{"session_id":"session-2"}')
      expect(other.line).toMatch(/^signalbox · today \$\d+\.\d\d[^\n]*\n$/)
      const refused = yield* run({ ...environment, SIGNALBOX_ADMIN_TOKEN: 'wrong' }, '')
      expect(refused).toEqual({ code: 0, line: 'signalbox: the admin token is refused\n' })
    }),
  )

  it.live('says so when nothing runs, and succeeds', () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      writeFileSync(join(folder, 'admin-token'), 'kept')
      const environment = { SIGNALBOX_DATABASE_URL: `sqlite:${join(folder, 'log.db')}`, SIGNALBOX_PORT: '1' }
      const place = { cwd: folder, home: folder, environment }
      const line = yield* Effect.promise(() => statusline('not JSON', place, plain))
      expect(line).toBe('signalbox: not running')
    }),
  )

  it.live('takes no other server for the box', () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      writeFileSync(join(folder, 'admin-token'), 'kept')
      const other = yield* Effect.acquireRelease(
        Effect.callback<Server>((resume) => {
          const server = createServer((_, response) => response.end('<html>hello</html>'))
          server.listen(0, '127.0.0.1', () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close()),
      )
      const { port } = other.address() as AddressInfo
      const environment = { SIGNALBOX_DATABASE_URL: `sqlite:${join(folder, 'log.db')}`, SIGNALBOX_PORT: String(port) }
      const place = { cwd: folder, home: folder, environment }
      expect(yield* Effect.promise(() => statusline('', place, plain))).toBe('signalbox: not running')
    }),
  )

  it.live('says so of a configuration that cannot be used', () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      writeFileSync(join(folder, 'signalbox.yaml'), 'server: [')
      const place = { cwd: folder, home: folder, environment: {} }
      expect(yield* Effect.promise(() => statusline('', place, plain))).toBe('signalbox: not running')
    }),
  )
})
