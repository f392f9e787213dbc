/**
 * The password of a database by a file.
 */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from '@effect/vitest'
import { Effect, Layer } from 'effect'
import { databaseLayer, readOnlyDatabaseLayer } from '#cli/database.ts'
import { withPasswordFile } from '#infra/event-log/postgres-password.ts'
import { scratchFolder } from '#test/signalbox-process.ts'

const holding = (text: string) =>
  Effect.map(scratchFolder, (folder) => {
    const path = join(folder, 'password')
    writeFileSync(path, text)
    chmodSync(path, 0o600)
    return path
  })

it.effect('a URL that names no file is as it was', () =>
  Effect.gen(function* () {
    for (const url of ['postgres://ann:x@db/log?sslmode=require', 'postgres://db/log', 'no url'])
      expect(yield* withPasswordFile(url)).toBe(url)
  }),
)

it.effect('the file is read, its last line break left out, and the parameter with it', () =>
  Effect.gen(function* () {
    const path = yield* holding('p@ss/wörd %\n')
    const url = yield* withPasswordFile(`postgres://ann@db:5432/log?sslmode=require&passwordfile=${path}`)
    const parsed = new URL(url)
    expect(decodeURIComponent(parsed.password)).toBe('p@ss/wörd %')
    expect([parsed.username, parsed.host, parsed.pathname, parsed.search]).toEqual([
      'ann',
      'db:5432',
      '/log',
      '?sslmode=require',
    ])
  }),
)

it.effect('a file that is not there, or says nothing, is named with its reason', () =>
  Effect.gen(function* () {
    const empty = yield* holding('\n')
    for (const [path, why] of [
      [empty, 'empty'],
      [`${empty}-gone`, 'ENOENT'],
    ]) {
      const error = yield* Effect.flip(withPasswordFile(`postgres://ann@db/log?passwordfile=${path}`))
      expect(error.reason).toEqual({
        _tag: 'Unusable',
        detail: `the password of the database cannot be read from ${path} (${why})`,
      })
    }
  }),
)

it.effect('a database is opened with the password of its file, or not asked at all', () =>
  Effect.gen(function* () {
    const url = `postgres://ann@127.0.0.1:1/log?passwordfile=${yield* scratchFolder}/gone`
    for (const layer of [databaseLayer(url), readOnlyDatabaseLayer(url)]) {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      expect(error.reason.detail).toContain('gone (ENOENT)')
    }
  }),
)
