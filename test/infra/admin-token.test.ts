/**
 * The admin token on a real disk.
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import { Effect, Redacted } from 'effect'
import { adminAccess } from '#infra/admin-token.ts'
import type { Config } from '#infra/config/config.ts'
import { place } from './config/place.ts'

const CONFIG = 'providers: { a: { kind: anthropic } }\n'
const configured = (text = '', environment = {}): Config => {
  const here = place({ 'signalbox.yaml': CONFIG + text })
  return here.good({ environment: { SIGNALBOX_DATABASE_URL: `sqlite:${here.folder}/data/log.db`, ...environment } })
}

const fileOf = ({ database }: Config): string => database.url.replace(/^sqlite:(.*)log\.db$/, '$1admin-token')
const tokenOf = (config: Config, environment = {}) =>
  Effect.map(adminAccess(config, environment), ({ tokens }) => Redacted.value(tokens.admin))

describe('a token that nobody has set', () => {
  it.live('is made of 256 random bits and kept beside the event log, for its owner alone', () =>
    Effect.gen(function* () {
      const config = configured()
      const access = yield* adminAccess(config)
      const token = Redacted.value(access.tokens.admin)
      expect(access.isGenerated).toBe(true)
      expect(token).toMatch(/^[\w-]{43}$/)
      expect(readFileSync(fileOf(config), 'utf8')).toBe(`${token}\n`)
      expect(statSync(fileOf(config)).mode & 0o777).toBe(0o600)
    }),
  )

  it.live('is the same at the next start, and another in another place', () =>
    Effect.gen(function* () {
      const config = configured()
      const first = yield* tokenOf(config)
      expect(yield* tokenOf(config)).toBe(first)
      expect(yield* tokenOf(configured())).not.toBe(first)
    }),
  )

  it.live('is one, when two processes start at once', () =>
    Effect.gen(function* () {
      const config = configured()
      // Whoever comes second may find the file still empty: that is an error, never a token of its own.
      const tokens = yield* Effect.all(
        Array.from({ length: 8 }, () => Effect.result(tokenOf(config))),
        { concurrency: 'unbounded' },
      )
      const got = tokens.flatMap((result) => (result._tag === 'Success' ? [result.success] : []))
      expect(new Set(got).size).toBe(1)
      expect(yield* tokenOf(config)).toBe(got[0])
    }),
  )

  it.live.each(['', 'two\nlines\n'])('is not replaced when its file holds %j: the operator is told', (text) =>
    Effect.gen(function* () {
      const config = configured()
      yield* tokenOf(config)
      writeFileSync(fileOf(config), text)
      const error = yield* Effect.flip(adminAccess(config))
      expect(error._tag).toBe('AdminTokenError')
      expect(error.message).toContain('Delete the file')
    }),
  )

  it.live('of a log in memory is kept nowhere', () =>
    Effect.gen(function* () {
      const config = configured('', { SIGNALBOX_DATABASE_URL: 'sqlite::memory:' })
      expect(yield* tokenOf(config)).not.toBe(yield* tokenOf(config))
    }),
  )

  it.live('that cannot be kept is an error that says what to do', () =>
    Effect.gen(function* () {
      const folder = mkdtempSync(join(tmpdir(), 'signalbox-token-'))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
      // A file where a folder should be.
      writeFileSync(join(folder, 'data'), '')
      const config = configured('', { SIGNALBOX_DATABASE_URL: `sqlite:${folder}/data/log.db` })
      const error = yield* Effect.flip(adminAccess(config))
      expect(error.message).toMatch(/cannot be kept in .*admin-token \((EEXIST|ENOTDIR)\)\. Set SIGNALBOX_ADMIN_TOKEN/)
    }),
  )
})

describe('a token that is set', () => {
  it.live('in SIGNALBOX_ADMIN_TOKEN goes before everything', () =>
    Effect.gen(function* () {
      const config = configured('server: { adminToken: { env: OTHER } }', {
        SIGNALBOX_ADMIN_TOKEN: 'from-the-variable',
      })
      const access = yield* adminAccess(config, { OTHER: 'other' })
      expect(Redacted.value(access.tokens.admin)).toBe('from-the-variable')
      expect(access.isGenerated).toBe(false)
      expect(existsSync(fileOf(config))).toBe(false)
    }),
  )

  it.live('by reference is looked up, and so is the one that only reads', () =>
    Effect.gen(function* () {
      const config = configured('server: { adminToken: { env: OPS }, readToken: { file: reader } }')
      const file = config.server.readToken?._tag === 'File' ? config.server.readToken.path : ''
      writeFileSync(file, 'only-reads\n')
      chmodSync(file, 0o600)
      const { tokens } = yield* adminAccess(config, { OPS: 'may-change' })
      expect(Redacted.value(tokens.admin)).toBe('may-change')
      expect(tokens.read && Redacted.value(tokens.read)).toBe('only-reads')
    }),
  )

  it.live('somewhere that holds none is an error, not a token of our own', () =>
    Effect.gen(function* () {
      const config = configured('server: { adminToken: { env: NOT_THERE } }')
      const error = yield* Effect.flip(adminAccess(config, {}))
      expect(error.message).toContain('NOT_THERE')
      expect(existsSync(fileOf(config))).toBe(false)
    }),
  )
})
