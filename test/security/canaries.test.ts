/**
 * The search that the canary test rests on finds what it is for.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from '@effect/vitest'
import Database from 'better-sqlite3'
import { Effect } from 'effect'
import { artefactsIn } from '#test/artefacts.ts'
import { makeCanaries } from '#test/canaries.ts'
import { scratchFolder } from '#test/signalbox-process.ts'

describe('a canary', () => {
  it.each([
    ['text', (text: string) => `{"a":"${text}"}`],
    ['base64', (text: string) => Buffer.from(text).toString('base64')],
    ['base64', (text: string) => Buffer.from(`:${text}`).toString('base64')],
    ['base64', (text: string) => Buffer.from(`user:${text} and more`).toString('base64')],
    ['base64', (text: string) => Buffer.from(`xx${text}`).toString('base64url')],
    ['hex', (text: string) => Buffer.from(`a${text}`).toString('hex')],
    ['hex', (text: string) => Buffer.from(text).toString('hex').toUpperCase()],
    ['text', (text: string) => `https://x/?key=${encodeURIComponent(text)}`],
    ['percent', (text: string) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join('')],
    ['JSON escapes', (text: string) => [...Buffer.from(text)].map((byte) => `\\u00${byte.toString(16)}`).join('')],
    ['UTF-16', (text: string) => Buffer.from(text, 'utf16le')],
  ])('is found as %s', (form, write) => {
    const canaries = makeCanaries()
    for (const [kind, text] of [
      ['secret', canaries.secret('a key')],
      ['content', canaries.content('a prompt')],
      ['pasted', canaries.pasted('a key in a prompt')],
    ] as const) {
      const found = canaries.find(Buffer.from(write(text)))
      expect(found.map((one) => one.kind)).toEqual([kind])
      expect(found[0]?.form.replace('base64url', 'base64')).toBe(form)
    }
  })

  it('is called by its name, and not found where it is not', () => {
    const canaries = makeCanaries()
    const [first, second] = [canaries.secret('the first'), canaries.secret('the second')]
    expect(canaries.find(Buffer.from(second)).map(({ canary }) => canary)).toEqual(['the second'])
    expect(canaries.find(Buffer.from(makeCanaries().secret('another run')))).toEqual([])
    expect(canaries.find(Buffer.from(first.slice(0, 11)))).toEqual([])
    canaries.add('made elsewhere', 'sbx_0123456789abcdefghij')
    expect(canaries.find(Buffer.from('"sbx_0123456789abcdefghij"'))[0]?.canary).toBe('made elsewhere')
  })

  it.live('is found in files, archives, rows of a database and what is packed in them', () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const canaries = makeCanaries()
      const secret = canaries.secret('a key')
      writeFileSync(join(folder, 'box.log.gz'), gzipSync(secret))
      const database = new Database(join(folder, 'log.db'))
      database.exec('CREATE TABLE one (text TEXT); CREATE TABLE two (bytes BLOB)')
      database.prepare('INSERT INTO one VALUES (?)').run(secret)
      database.prepare('INSERT INTO two VALUES (?)').run(zstdCompressSync(secret))
      database.close()
      writeFileSync(join(folder, 'input'), secret)
      const found = artefactsIn(folder, (name) => name === 'input').flatMap(({ name, bytes }) =>
        canaries.find(bytes).map(() => name),
      )
      expect(found).toEqual(
        expect.arrayContaining(['box.log.gz, unpacked', 'log.db', 'log.db, table one', 'log.db, table two, unpacked']),
      )
      expect(found).not.toContain('input')
    }),
  )
})
