/** Captures in their file: exact, small, sealed, and gone when their time is over. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type CaptureFile, openCaptureFile } from '#infra/captures/capture-file.ts'
import { type Capture, type CaptureStore, makeCaptureStore } from '#infra/captures/capture-store.ts'
import { packList, unpackList } from '#infra/captures/chunk-list.ts'
import { loadCaptures } from '#test/captures.ts'
import { CREDENTIALS } from '#test/credentials.ts'
import { growingSession } from '#test/growing-session.ts'

const KEY = Buffer.alloc(32, 7).toString('base64')

const scratch = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-captures-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'captures.db')
}

const open = (path: string, key?: string, redacted: readonly RegExp[] = []): CaptureFile & CaptureStore => {
  const file = openCaptureFile(path, key)
  onTestFinished(() => void file.database.close())
  return { ...file, ...makeCaptureStore(file, redacted) }
}

const captureOf = (n: number, request: string | Uint8Array, answer: string | Uint8Array = ''): Capture => ({
  requestId: `req_${n}`,
  at: n,
  status: 200,
  complete: true,
  request: Buffer.from(request),
  answer: Buffer.from(answer),
})

/** What is on the disk. */
const bytesOn = (path: string): Buffer =>
  Buffer.concat(
    [path, `${path}-wal`].map((file) =>
      statSync(file, { throwIfNoEntry: false }) ? readFileSync(file) : Buffer.alloc(0),
    ),
  )

/** Bytes of text that are kept, and of the lists that say where. */
const keptBytes = ({
  database,
}: CaptureFile): { readonly texts: number; readonly lists: number; readonly packed: number } => ({
  texts: database.prepare<[], number>('SELECT sum(bytes) FROM chunks').pluck().get() ?? 0,
  packed: database.prepare<[], number>('SELECT sum(length(data)) FROM chunks').pluck().get() ?? 0,
  lists: database.prepare<[], number>('SELECT sum(length(request) + length(answer)) FROM captures').pluck().get() ?? 0,
})

describe('a capture', () => {
  it.each([undefined, KEY, 'a passphrase of some length'])('comes back exactly, with the key %s', (key) => {
    const captures = open(scratch(), key)
    const given = captureOf(1, '{"messages":[{"role":"user","content":"grüße 👋"}]}', 'event: ping\ndata: {}\n\n')
    captures.store(given)
    expect(captures.read('req_1')).toEqual({ ...given, redactions: 0 })
    expect(captures.read('req_2')).toBeUndefined()
  })

  it('comes back exactly, whatever was stored before and after it', () => {
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .record({
          system: fc.array(fc.string()),
          messages: fc.array(fc.record({ content: fc.constantFrom('a', 'b'.repeat(400), 'c'.repeat(400)) })),
        })
        .map((value) => Buffer.from(JSON.stringify(value))),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(body, body), { maxLength: 8 }), fc.constantFrom(undefined, KEY), (bodies, key) => {
        const file = openCaptureFile(':memory:', key)
        const captures = makeCaptureStore(file, [])
        for (const [n, [request, answer]] of bodies.entries()) captures.store(captureOf(n, request, answer))
        for (const [n, [request, answer]] of bodies.entries()) {
          const found = captures.read(`req_${n}`)
          expect(Buffer.from(found?.request ?? []).equals(request)).toBe(true)
          expect(Buffer.from(found?.answer ?? []).equals(answer)).toBe(true)
        }
        file.database.close()
      }),
      { numRuns: 40 },
    )
  })

  it('knows its chunks by a list that comes back too', () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), (ids) => {
        expect(unpackList(packList(ids))).toEqual(ids)
      }),
    )
  })

  it('is all there or not at all', () => {
    const captures = open(scratch())
    captures.store(captureOf(1, '{"messages":["one"]}'))
    expect(() => captures.store(captureOf(1, '{"messages":["two"]}'))).toThrow()
    expect(captures.database.prepare('SELECT count(*) FROM chunks WHERE refs = 0').pluck().get()).toBe(0)
  })
})

describe('a session', () => {
  it.each([undefined, KEY])('of sixty turns costs about once its text, with the key %s', (key) => {
    const captures = open(scratch(), key)
    const turns = growingSession(60)
    for (const [n, { request, answer }] of turns.entries()) captures.store(captureOf(n, request, answer))
    const once = (turns.at(-1)?.request.length ?? 0) + turns.reduce((sum, { answer }) => sum + answer.length, 0)
    const sent = turns.reduce((sum, { request, answer }) => sum + request.length + answer.length, 0)
    const { texts, lists } = keptBytes(captures)
    expect(sent).toBeGreaterThan(15 * once)
    expect(texts + lists).toBeLessThanOrEqual(1.3 * once)
    expect(captures.usedBytes()).toBeLessThanOrEqual(1.3 * once)
    for (const [n, { request, answer }] of turns.entries()) {
      const found = captures.read(`req_${n}`)
      expect(found && request.equals(found.request) && answer.equals(found.answer)).toBe(true)
    }
  })

  it('of the real client costs about once its text too', () => {
    const captures = open(scratch())
    const flow = loadCaptures().find(({ name }) => name === 'flow-long-loop')
    const bodies = (flow?.exchanges ?? []).flatMap(({ bodyIs, body, response }) =>
      bodyIs === 'recorded' && response !== undefined ? [{ request: body, answer: response.body }] : [],
    )
    expect(bodies.length).toBeGreaterThan(3)
    for (const [n, { request, answer }] of bodies.entries()) captures.store(captureOf(n, request, answer))
    const once =
      Math.max(...bodies.map(({ request }) => request.length)) +
      bodies.reduce((sum, { answer }) => sum + answer.length, 0)
    const { texts, lists } = keptBytes(captures)
    expect(texts + lists).toBeLessThanOrEqual(1.3 * once)
  })
})

describe('the file', () => {
  it('holds no plain text when there is a key, and no digest that tells of one', () => {
    const path = scratch()
    const captures = open(path, KEY)
    const plain = open(scratch())
    const secret = 'the quick brown fox jumps over the lazy dog '.repeat(10)
    for (const file of [captures, plain]) file.store(captureOf(1, JSON.stringify({ messages: [secret] }), secret))
    expect(bytesOn(path).includes('quick brown fox')).toBe(false)
    const digests = (file: CaptureFile) => file.database.prepare<[], Buffer>('SELECT digest FROM chunks').pluck().all()
    const plainOnes = new Set(digests(plain).map((digest) => digest.toString('hex')))
    expect(plainOnes.size).toBeGreaterThan(2)
    for (const digest of digests(captures)) expect(plainOnes.has(digest.toString('hex'))).toBe(false)
  })

  it.each([
    [
      'another key',
      KEY,
      Buffer.alloc(32, 8).toString('base64'),
      /encrypted with another key: name that one in capture\.key/,
    ],
    ['no key', KEY, undefined, /are encrypted: name their key/],
    ['a key that it was not made with', undefined, KEY, /are not encrypted: take capture\.key away/],
  ])('is refused with %s, and stays as it is', (_, made, opened, message) => {
    const path = scratch()
    open(path, made).store(captureOf(1, '{}'))
    expect(() => openCaptureFile(path, opened)).toThrow(message)
    expect(open(path, made).read('req_1')?.request.toString()).toBe('{}')
  })

  it('does not open a chunk that was changed or put in another place', () => {
    const captures = open(scratch(), KEY)
    captures.store(captureOf(1, '{"messages":["one"]}'))
    captures.store(captureOf(2, '{"messages":["two"]}'))
    const [one, two] = captures.database.prepare<[], Buffer>('SELECT data FROM chunks WHERE bytes = 5').pluck().all()
    captures.database.prepare('UPDATE chunks SET data = ? WHERE data = ?').run(two, one)
    expect(() => captures.read('req_1')).toThrow(/missing or damaged/)
    expect(captures.read('req_2')?.request.toString()).toBe('{"messages":["two"]}')
  })

  it('does not show a chunk that was changed where there is no key either', () => {
    const captures = open(scratch())
    captures.store(captureOf(1, `{"messages":["${'one '.repeat(60)}"]}`, 'what was said'))
    captures.database.prepare('UPDATE chunks SET data = ? WHERE bytes = 13').run(Buffer.from('what was SAID'))
    expect(() => captures.read('req_1')).toThrow(/missing or damaged/)
    captures.database.prepare('UPDATE chunks SET data = ? WHERE packed = 1').run(Buffer.from('no zstd'))
    expect(() => captures.read('req_1')).toThrow(/missing or damaged/)
    captures.database.prepare('UPDATE captures SET answer = ?').run(Buffer.from('no list'))
    expect(() => captures.read('req_1')).toThrow(/missing or damaged/)
  })

  it.each(['digest', 'data'])(
    'does not show a chunk whose %s is no longer there, as in a file that a disk has broken',
    (column) => {
      const path = scratch()
      const captures = open(path)
      captures.store(captureOf(1, '{}', 'what was said'))
      captures.database.close()
      const broken = new Database(path)
      broken.unsafeMode().pragma('writable_schema = ON')
      broken.prepare("UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL', '') WHERE name = 'chunks'").run()
      broken.close()
      const again = open(path)
      again.database.prepare(`UPDATE chunks SET ${column} = NULL`).run()
      expect(() => again.read('req_1')).toThrow(/missing or damaged/)
    },
  )

  it.each([
    [
      'of another program',
      (path: string) => openCaptureFile(path, undefined).database.pragma('application_id = 1'),
      /of another program/,
    ],
    [
      'of a newer release',
      (path: string) => openCaptureFile(path, undefined).database.pragma('user_version = 99'),
      /by a newer Signalbox/,
    ],
    [
      'whose tables are not ours any more',
      (path: string) => openCaptureFile(path, undefined).database.exec('ALTER TABLE captures RENAME redactions TO x'),
      /is damaged: move it away/,
    ],
    ['that is none', (path: string) => writeFileSync(path, 'x'.repeat(5_000)), /is no file of captures/],
  ])('is refused when it is one %s', (_, make, message) => {
    const path = scratch()
    make(path)
    expect(() => openCaptureFile(path, undefined)).toThrow(message)
  })

  it('can be read by its owner alone', () => {
    const path = scratch()
    open(path)
    expect(statSync(path).mode & 0o077).toBe(0)
  })
})

describe('redaction', () => {
  it.each(CREDENTIALS)('keeps %s out of the file', (_, before, secret) => {
    const path = scratch()
    const captures = open(path)
    const body = JSON.stringify({
      system: `${before}${secret}`,
      messages: [{ content: `${before}${secret} ${'x'.repeat(300)}` }],
    })
    captures.store(captureOf(1, body, JSON.stringify({ text: `${before}${secret}` })))
    const found = captures.read('req_1')
    expect(found?.redactions).toBe(3)
    for (const text of [secret, JSON.stringify(secret).slice(1, -1)]) {
      expect(`${found?.request} ${found?.answer}`).not.toContain(text)
      expect(bytesOn(path).includes(text)).toBe(false)
    }
    expect(JSON.parse(String(found?.request)).messages[0].content).toContain('x'.repeat(300))
  })

  it('keeps out what an operator names', () => {
    const captures = open(scratch(), undefined, [/ACME-\d+/gu])
    captures.store(captureOf(1, '{"messages":["ACME-42 and grüße"]}'))
    expect(captures.read('req_1')?.request.toString()).toBe('{"messages":["[redacted] and grüße"]}')
  })
})

describe('pruning', () => {
  const filled = (count: number) => {
    const path = scratch()
    const captures = open(path)
    for (let n = 0; n < count; n++) {
      const own = Array.from({ length: 400 }, (_, k) => `${n}.${k * k}`).join(' ')
      captures.store(captureOf(n, JSON.stringify({ system: ['shared by all'], messages: [own] }), `answer ${n}`))
    }
    return { captures, path }
  }
  const kept = ({ database }: CaptureFile) =>
    database.prepare<[], string>('SELECT request_id FROM captures ORDER BY id').pluck().all()

  it('removes what is too old, and keeps what others still need', () => {
    const { captures } = filled(120)
    expect(captures.prune(100, Number.MAX_SAFE_INTEGER)).toBe(100)
    expect(kept(captures)).toEqual(Array.from({ length: 20 }, (_, n) => `req_${n + 100}`))
    expect(captures.read('req_119')?.request.toString()).toContain('shared by all')
    expect(captures.prune(1_000, Number.MAX_SAFE_INTEGER)).toBe(20)
    expect(captures.database.prepare('SELECT count(*) FROM chunks').pluck().get()).toBe(0)
  })

  it('removes the oldest until the file is small enough, and the file shrinks', () => {
    const { captures, path } = filled(400)
    const before = captures.usedBytes()
    const bound = Math.floor(before / 3)
    expect(captures.prune(0, bound)).toBeGreaterThan(200)
    expect(captures.usedBytes()).toBeLessThanOrEqual(bound)
    expect(statSync(path).size).toBeLessThanOrEqual(bound)
    expect(kept(captures).at(-1)).toBe('req_399')
    expect(captures.prune(0, bound)).toBe(0)
  })

  it('leaves nothing of what it removed on the disk', () => {
    const { captures, path } = filled(3)
    captures.store(captureOf(9, '{"messages":["remember me"]}'))
    expect(bytesOn(path).includes('remember me')).toBe(true)
    captures.prune(100, Number.MAX_SAFE_INTEGER)
    expect(bytesOn(path).includes('remember me')).toBe(false)
  })
})
