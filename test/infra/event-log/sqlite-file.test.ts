import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from '@effect/vitest'
import Database from 'better-sqlite3'
import { Effect } from 'effect'
import { reasonOf } from '#infra/event-log/sqlite-failure.ts'
import { openForReading, openForWriting, versionProblem } from '#infra/event-log/sqlite-open.ts'
import { APPLICATION_ID, SCHEMA_VERSION } from '#infra/event-log/sqlite-tables.ts'
import { known, readAll } from '#test/event-log-contract.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { doctor, logOf, newPath, WITHOUT_TRIGGERS, withLog, withReader } from './log-file.ts'

const head = (path: string) => withLog(path, (log) => log.head)

/** Opens the file as the threads do and returns the reason why they would not. */
const refusal = (open: () => unknown) =>
  Effect.map(Effect.flip(Effect.tryPromise({ try: async () => open(), catch: reasonOf })), (reason) => {
    expect(reason?._tag).toBe('Unusable')
    return reason?.detail ?? ''
  })
const writing = (path: string) => refusal(() => openForWriting(path, []))
const reading = (path: string) => refusal(() => openForReading(path))

it.effect('makes the folder and all files for their owner only', () =>
  Effect.gen(function* () {
    const path = newPath()
    yield* withLog(path, (log) =>
      Effect.gen(function* () {
        yield* log.append(envelopes()(servedRequest(1)))
        const folder = dirname(path)
        expect(mode(folder)).toBe('700')
        const files = readdirSync(folder)
        expect(files).toEqual(expect.arrayContaining(['log.db', 'log.db-wal', 'log.db-shm', 'log.db-lock']))
        for (const file of files) expect(`${file} ${mode(join(folder, file))}`).toBe(`${file} 600`)
      }),
    )
  }),
)

it.effect('leaves the rights of a folder that was there before', () =>
  Effect.gen(function* () {
    const path = newPath()
    mkdirSync(dirname(path))
    chmodSync(dirname(path), 0o755)
    yield* head(path)
    expect(mode(dirname(path))).toBe('755')
  }),
)

it.effect('keeps everything over closing and opening, in one file without a WAL', () =>
  Effect.gen(function* () {
    const path = newPath()
    const wrap = envelopes()
    const before = yield* withLog(path, (log) =>
      Effect.gen(function* () {
        yield* log.append(wrap(servedRequest(1)))
        yield* log.saveSnapshot({ version: 'fold', position: 4, state: '{}' })
        return yield* readAll(log)
      }),
    )
    expect(readdirSync(dirname(path)).toSorted()).toEqual(['log.db', 'log.db-lock'])
    const after = yield* withLog(path, (log) =>
      Effect.gen(function* () {
        expect(yield* log.latestSnapshot('fold')).toEqual({ version: 'fold', position: 4, state: '{}' })
        const all = yield* readAll(log)
        expect(yield* log.append(wrap(servedRequest(2)))).toBe(8)
        return all
      }),
    )
    expect(after).toEqual(before)
    expect(known(after)).toHaveLength(4)
  }),
)

it.effect('is a WAL database of our own kind that can give space back', () =>
  Effect.gen(function* () {
    const path = yield* logOf(1)
    const database = new Database(path, { readonly: true })
    const pragma = (name: string) => database.pragma(name, { simple: true })
    expect(pragma('application_id')).toBe(APPLICATION_ID)
    expect(pragma('user_version')).toBe(SCHEMA_VERSION)
    expect(pragma('journal_mode')).toBe('wal')
    expect(pragma('auto_vacuum')).toBe(2)
    database.close()
  }),
)

it.effect('keeps the newest two snapshots of each version where a fold from the beginning is short', () =>
  Effect.gen(function* () {
    const path = newPath()
    yield* withLog(path, (log) =>
      Effect.gen(function* () {
        for (const position of [1, 2, 3, 4]) yield* log.saveSnapshot({ version: 'a', position, state: '{}' })
        yield* log.saveSnapshot({ version: 'b', position: 1, state: '{}' })
      }),
    )
    const database = new Database(path, { readonly: true })
    const kept = database.prepare('SELECT version, position FROM snapshots ORDER BY version, position').raw().all()
    database.close()
    expect(kept).toEqual([
      ['a', 3],
      ['a', 4],
      ['b', 1],
    ])
  }),
)

it.effect('refuses UPDATE and DELETE from anybody, while a log is open and after', () =>
  Effect.gen(function* () {
    const path = yield* logOf(2)
    const attempts = () => {
      for (const statement of ['UPDATE events SET data = data', 'DELETE FROM events WHERE position = 8']) {
        expect(() => doctor(path, statement)).toThrow(/append-only/)
      }
    }
    attempts()
    yield* withLog(path, (log) => Effect.andThen(log.head, Effect.sync(attempts)))
    expect(yield* head(path)).toBe(8)
  }),
)

it.effect('shows the log in plain words in the view event_log', () =>
  Effect.gen(function* () {
    const path = yield* logOf(1)
    const database = new Database(path, { readonly: true })
    const row = database.prepare('SELECT * FROM event_log WHERE position = 1').get()
    database.close()
    expect(row).toMatchObject({
      type: 'RequestAdmitted',
      writer: 'box_3kTMd82hVbQ9',
      occurred: '2026-05-28T20:26:40.137Z',
      correlation: expect.stringMatching(/^req_/),
    })
  }),
)

// ---- files that must not be used -----------------------------------------------------------------------------------

const unusable: readonly (readonly [what: string, spoil: (path: string) => void, message: RegExp])[] = [
  [
    'a database of another program',
    (path) => doctor(path, 'CREATE TABLE theirs (a)'),
    /is a SQLite database of another program: name another file with SIGNALBOX_DATABASE_URL/,
  ],
  [
    'another application id',
    (path) => doctor(path, 'PRAGMA application_id = 252006673'),
    /is a SQLite database of another program/,
  ],
  ['a file that is no database', (path) => writeFileSync(path, 'dear diary '.repeat(400)), /is not an event log: name/],
]
for (const [what, spoil, message] of unusable) {
  it.effect(`refuses ${what}, untouched, for writing and for reading`, () =>
    Effect.gen(function* () {
      const path = newPath()
      mkdirSync(dirname(path), { recursive: true })
      spoil(path)
      const before = statSync(path)
      for (const refused of [yield* writing(path), yield* reading(path)]) {
        expect(refused).toMatch(message)
        expect(refused).toContain(path)
      }
      expect(statSync(path).size).toBe(before.size)
      expect(statSync(path).mtimeMs).toBe(before.mtimeMs)
    }),
  )
}

const damaged: readonly (readonly [what: string, statements: readonly string[], message: RegExp])[] = [
  [
    'a newer schema',
    [`PRAGMA user_version = ${SCHEMA_VERSION + 1}`],
    new RegExp(`written by a newer Signalbox \\(schema ${SCHEMA_VERSION + 1}.*: upgrade`),
  ],
  [
    'a head behind the events',
    ['UPDATE log_head SET position = 3'],
    /its head is 3, its last event is at 8: restore a/,
  ],
  ['a lost head', ['DELETE FROM log_head'], /its head is null, its last event is at 8/],
  [
    'a hole near the end',
    [WITHOUT_TRIGGERS, 'DELETE FROM events WHERE position = 5'],
    /events are missing after position 0: restore a backup, or look at the damage with `signalbox verify`/,
  ],
]
for (const [what, statements, message] of damaged) {
  it.effect(`refuses to go on with ${what}`, () =>
    Effect.gen(function* () {
      const path = yield* logOf(2)
      doctor(path, ...statements)
      expect(yield* writing(path)).toMatch(message)
    }),
  )
}

it.effect('refuses a place where no file can be made', () =>
  Effect.gen(function* () {
    const path = newPath()
    writeFileSync(dirname(path), 'a file where the folder should be')
    const error = yield* Effect.flip(head(path))
    expect(error.reason._tag).toBe('Unusable')
    expect(error.message).toMatch(/the event log cannot be created at .*: check the folder and its rights/)
  }),
)

it.effect('takes an empty file for a new log', () =>
  Effect.gen(function* () {
    const path = newPath()
    mkdirSync(dirname(path))
    writeFileSync(path, '')
    expect(yield* head(path)).toBe(0)
  }),
)

it('knows the SQLite releases that can corrupt a WAL database', () => {
  for (const good of ['3.51.3', '3.52.0', '3.54.1', '4.0.0', '3.50.7', '3.50.12', '3.44.6']) {
    expect(versionProblem(good), good).toBeUndefined()
  }
  for (const bad of ['3.51.2', '3.50.6', '3.44.5', '3.45.9', '3.49.1', '3.40.1', '3.7.0']) {
    expect(versionProblem(bad), bad).toMatch(/install better-sqlite3 with SQLite 3\.51\.3 or newer/)
  }
})

// ---- reading only --------------------------------------------------------------------------------------------------

it.effect('reads beside the process that writes, and refuses to write', () =>
  Effect.gen(function* () {
    const path = newPath()
    const events = envelopes()(servedRequest(1))
    yield* withLog(path, (log) =>
      Effect.gen(function* () {
        yield* log.append(events)
        yield* withReader(path, (reader) =>
          Effect.gen(function* () {
            expect(yield* reader.head).toBe(4)
            for (const refused of [
              reader.append(events),
              reader.saveSnapshot({ version: 'fold', position: 1, state: '{}' }),
            ]) {
              expect((yield* Effect.flip(refused)).reason).toEqual({
                _tag: 'Unusable',
                detail: 'the event log is open for reading only',
              })
            }
            yield* log.append(envelopes('box_2')(servedRequest(2)))
            expect(yield* reader.head).toBe(8)
          }),
        )
      }),
    )
  }),
)

it.effect('reads a log that nobody has open', () =>
  Effect.gen(function* () {
    const path = yield* logOf(3)
    expect(
      yield* withReader(path, (log) =>
        Effect.map(
          log.verify(() => {}),
          ({ problems }) => problems,
        ),
      ),
    ).toEqual([])
    // The reader leaves an empty WAL behind; the next writer must not mind.
    expect(yield* head(path)).toBe(12)
  }),
)

it.effect('says what to do when there is nothing to read', () =>
  Effect.gen(function* () {
    const path = newPath()
    expect(yield* reading(path)).toMatch(/there is no event log at .*: start `signalbox serve` first/)
    mkdirSync(dirname(path))
    writeFileSync(path, '')
    expect(yield* reading(path)).toMatch(/is empty: start `signalbox serve` first/)
  }),
)

it.effect('replays in long pages while the log grows, without a gap or a repetition', () =>
  Effect.gen(function* () {
    const path = yield* logOf(2_000)
    yield* withLog(path, (log) =>
      Effect.gen(function* () {
        const wrap = envelopes('box_grows')
        const seen: number[] = []
        for (let growing = 0; ; growing++) {
          // A page is read ahead by now, or is not yet full.
          if (growing < 12) {
            const more = Array.from({ length: 50 }, (_, n) => wrap(servedRequest(100_000 + growing * 50 + n))).flat()
            yield* log.append(more)
          }
          const page = known(yield* log.read({ after: seen.length, limit: 1_000 }))
          seen.push(...page.map(({ position }) => position))
          if (page.length === 0) break
        }
        expect(seen).toEqual(Array.from({ length: 8_000 + 12 * 200 }, (_, n) => n + 1))
      }),
    )
  }),
)

// ---- limits --------------------------------------------------------------------------------------------------------

it.effect('says Unavailable while the disk is full, and goes on when there is space again', () =>
  Effect.gen(function* () {
    const path = newPath()
    yield* withLog(
      path,
      (log) =>
        Effect.gen(function* () {
          // Noise, so that neither can be made small, nor the second by what the first one has.
          const large = () => randomBytes(50_000).toString('hex')
          yield* log.saveSnapshot({ version: 'fold', position: 1, state: large() })
          yield* log.saveSnapshot({ version: 'fold', position: 2, state: large() })
          const wrap = envelopes()
          let last = 0
          let refused: ReturnType<typeof wrap> | undefined
          for (let n = 0; refused === undefined && n < 2_000; n++) {
            const events = wrap(servedRequest(n))
            const position = yield* Effect.catch(log.append(events), (error) => {
              expect(error.reason._tag).toBe('Unavailable')
              expect(error.message).toMatch(/disk of the event log is full/)
              return Effect.succeed(undefined)
            })
            if (position === undefined) refused = events
            else last = position
          }
          expect(refused).toBeDefined()
          expect(yield* log.head).toBe(last)
          // The first large snapshot is the oldest of three now, and makes room.
          yield* log.saveSnapshot({ version: 'fold', position: 3, state: '{}' })
          expect(yield* log.append(refused!)).toBe(last + 4)
          expect((yield* log.verify(() => {})).problems).toEqual([])
        }),
      ['max_page_count = 120'],
    )
  }),
)

it.effect('takes at most 2,500 bytes of disk for a request of four events', () =>
  Effect.gen(function* () {
    const requests = 2_000
    const path = yield* logOf(requests)
    const empty = yield* logOf(0)
    expect((statSync(path).size - statSync(empty).size) / requests).toBeLessThan(2_500)
  }),
)

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8)
