/** `signalbox migrate`: what a copy has of the log, what it refuses, and that it goes on where it was interrupted. */
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import Database from 'better-sqlite3'
import { Deferred, Effect } from 'effect'
import { TestConsole } from 'effect/testing'
import { vi } from 'vitest'
import { EventLog } from '#actors/ports.ts'
import { readOnlyDatabaseLayer } from '#cli/database.ts'
import { parseLogPlace } from '#cli/log-place.ts'
import { type MigrateOptions, migrate } from '#cli/migrate.ts'
import { openReading, openWriting } from '#cli/open-log-place.ts'
import { replay } from '#cli/replay.ts'
import { compareBeginning, copyRest } from '#infra/event-log/log-copy-run.ts'
import { startCopying } from '#infra/event-log/log-copy-walk.ts'
import { layerPostgres } from '#infra/event-log/postgres.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { archivedLog, newFile, onLog, outageLog, seen } from '#test/copied-logs.ts'
import { freshDatabase, onDatabase } from '#test/postgres.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'

// Each test opens several logs, threads and all.
vi.setConfig({ testTimeout: 180_000 })

const placeOf = (url: string) => {
  const place = parseLogPlace(url)
  if (place === undefined) throw new Error(`no place: ${url}`)
  return place
}

const sqlite = (path: string): string => `sqlite:${path}`
const freshPostgres = Effect.promise(() => freshDatabase())

const run = (from: string, to: string, more: Partial<MigrateOptions> = {}) =>
  migrate({
    ...{ from: placeOf(from), to: placeOf(to), whileRunning: false, yes: true, json: true },
    confirm: () => Effect.die('nobody is to be asked'),
    ...more,
  })

const printed = Effect.map(TestConsole.logLines, (lines) => JSON.parse(String(lines.at(-1))))

/** Every column of every event and of what is kept beside, by SQL of the file itself. */
const rawRows = (path: string) => {
  const database = new Database(path, { readonly: true })
  const all = (sql: string) => database.prepare(sql).raw().all()
  const found = [
    all(`SELECT position, stream, stream_version, type, schema_version, name, writer_seq, occurred_at, recorded_at,
      correlation, causation, CAST(data AS BLOB) FROM events JOIN writers ON writers.id = writer ORDER BY position`),
    all('SELECT position, archived_to, archived_events FROM log_head'),
    all('SELECT name, archived_seq FROM writers ORDER BY name'),
    all('SELECT version, position, occurred_at, base, state FROM snapshots ORDER BY version, position'),
  ]
  database.close()
  return found
}

describe('a copy', () => {
  it.effect('from a file to PostgreSQL and back is the same log to the letter, and replays', () =>
    Effect.gen(function* () {
      const path = yield* outageLog
      const url = yield* freshPostgres
      // Partitions so small that some slices lie in several of them.
      yield* onLog(layerPostgres({ url, partitionEvents: 1_500 }), Effect.void)
      expect(yield* run(sqlite(path), url)).toBe(0)
      const forth = yield* printed
      const before = yield* seen(sqlite(path))
      expect(forth).toMatchObject({ added: before.head, events: before.head, head: before.head, problems: [] })
      expect(forth.snapshots).toBeGreaterThan(3)
      expect(yield* seen(url)).toEqual(before)
      expect(yield* Effect.provide(replay({ json: true }), readOnlyDatabaseLayer(url), { local: true })).toBe(0)
      expect(yield* printed).toMatchObject({ identical: true, snapshotComparedAt: before.head })

      const back = newFile()
      expect(yield* run(url, sqlite(back))).toBe(0)
      expect((yield* printed).digest).toBe(forth.digest)
      expect(rawRows(back)).toEqual(rawRows(path))
      expect(yield* seen(sqlite(back))).toEqual(before)
    }),
  )

  it.effect('has what archives have left: sums, numbers of writers, the gap itself; and strange names', () =>
    Effect.gen(function* () {
      const path = yield* archivedLog
      const before = yield* seen(sqlite(path))
      expect(before.places[0]?.archivedTo).toBeGreaterThan(1_000)
      expect(before.rows.length).toBeLessThan(before.head - 1_000)
      const [url, back] = [yield* freshPostgres, newFile()]
      expect(yield* run(sqlite(path), url)).toBe(0)
      expect(yield* printed).toMatchObject({ archivedEvents: before.head - before.rows.length })
      const between = yield* seen(url)
      expect(between).toEqual(before)
      expect(yield* run(url, sqlite(back))).toBe(0)
      expect(rawRows(back)).toEqual(rawRows(path))
      expect(yield* seen(sqlite(back))).toEqual(before)
    }),
  )

  it.effect('between two files, or two databases, is one too', () =>
    Effect.gen(function* () {
      const path = yield* archivedLog
      const other = newFile()
      expect(yield* run(sqlite(path), sqlite(other))).toBe(0)
      expect(rawRows(other)).toEqual(rawRows(path))
      const [one, two] = [yield* freshPostgres, yield* freshPostgres]
      expect(yield* run(sqlite(path), one)).toBe(0)
      expect(yield* run(one, two)).toBe(0)
      expect(yield* seen(two)).toEqual(yield* seen(sqlite(path)))
    }),
  )

  it.effect('takes more from every writer where the log had stopped, and knows what it has been given', () =>
    Effect.gen(function* () {
      const wrap = envelopes('box_goes_on')
      const [first, second] = [wrap(servedRequest(1)), wrap(servedRequest(2))]
      const path = newFile()
      yield* onLog(
        layerSqlite({ path }),
        Effect.flatMap(EventLog, (log) => log.append(first)),
      )
      const url = yield* freshPostgres
      yield* run(sqlite(path), url)
      yield* onLog(
        layerPostgres({ url }),
        Effect.gen(function* () {
          const log = yield* EventLog
          expect(yield* log.append(first)).toBe(4)
          expect(yield* log.append(second)).toBe(8)
        }),
      )
      // What has come since is added to the older copy.
      expect(yield* run(url, sqlite(path))).toBe(0)
      expect(yield* printed).toMatchObject({ added: 4, events: 8 })
      expect(yield* seen(sqlite(path))).toEqual(yield* seen(url))
    }),
  )

  it.effect('of a log without events is none', () =>
    Effect.gen(function* () {
      const [path, to] = [newFile(), newFile()]
      yield* onLog(layerSqlite({ path }), Effect.void)
      expect(yield* run(sqlite(path), sqlite(to))).toBe(0)
      expect(yield* printed).toEqual({ added: 0, events: 0 })
      expect(readdirSync(dirname(to))).toEqual([])
    }),
  )

  it.effect('is told of in words, with what to do next', () =>
    Effect.gen(function* () {
      const [path, to] = [yield* archivedLog, newFile()]
      expect(yield* run(sqlite(path), sqlite(to), { json: false })).toBe(0)
      const text = (yield* TestConsole.logLines).join('\n')
      expect(text).toMatch(
        /^Copied 16\d events from sqlite:.*: 16\d are there now, up to position 1,36\d, and 2 snapshots\./,
      )
      expect(text).toMatch(/The sums of 1,204 archived events came with them\./)
      expect(text).toMatch(/^Both were compared to the letter: SHA-256 [0-9a-f]{64}$/m)
      expect(text).toMatch(/^Verified: no problem was found\.$/m)
      expect(text).toContain(`start Signalbox with ${sqlite(to)} as SIGNALBOX_DATABASE_URL`)
    }),
  )
})

/** As far as a share of the events, and no further. */
const interrupted = (from: string, to: string, share: number) =>
  Effect.gen(function* () {
    const enough = yield* Deferred.make<void>()
    const copying = yield* startCopying(yield* openReading(placeOf(from)))
    const target = yield* openWriting(placeOf(to))
    const have = yield* compareBeginning(copying, target, () => undefined)
    const copy = copyRest(copying, target, have, (done) => {
      if (done >= share) Deferred.doneUnsafe(enough, Effect.void)
    })
    return yield* Effect.raceFirst(Effect.as(copy, 'copied'), Effect.as(Deferred.await(enough), 'interrupted'))
  }).pipe(Effect.scoped)

describe('a copy that was interrupted', () => {
  it.effect.each(['to PostgreSQL', 'to a file'])('goes on where it had stopped, %s', (way) =>
    Effect.gen(function* () {
      const path = yield* outageLog
      const to = way === 'to a file' ? sqlite(newFile()) : yield* freshPostgres
      const before = yield* seen(sqlite(path))
      for (const share of [0.2, 0.5]) expect(yield* interrupted(sqlite(path), to, share)).toBe('interrupted')
      const half = yield* Effect.provide(
        Effect.gen(function* () {
          const log = yield* EventLog
          return { head: yield* log.head, problems: (yield* log.verify(() => undefined)).problems }
        }),
        readOnlyDatabaseLayer(to),
        { local: true },
      )
      // A beginning of the log, and sound by itself.
      expect(half.problems).toEqual([])
      expect(half.head).toBeGreaterThan(0.5 * before.head)
      expect(half.head).toBeLessThan(before.head)
      expect(yield* run(sqlite(path), to)).toBe(0)
      expect(yield* printed).toMatchObject({ added: before.head - half.head, events: before.head })
      expect(yield* seen(to)).toEqual(before)
    }),
  )

  it.effect('leaves no sum twice when the end had been reached but for the last step', () =>
    Effect.gen(function* () {
      const [path, url] = [yield* archivedLog, yield* freshPostgres]
      expect(yield* interrupted(sqlite(path), url, 2)).toBe('copied')
      expect(yield* run(sqlite(path), url)).toBe(0)
      expect(yield* printed).toMatchObject({ added: 0 })
      expect(yield* seen(url)).toEqual(yield* seen(sqlite(path)))
    }),
  )
})

const messageOf = (from: string, to: string, more: Partial<MigrateOptions> = {}) =>
  Effect.map(Effect.flip(run(from, to, more)), (error) => error.message)

const append = (writer: string, requests: readonly number[]) =>
  Effect.flatMap(EventLog, (log) => log.append(envelopes(writer)(requests.flatMap(servedRequest))))

describe('a copy is refused, and nothing written,', () => {
  it.effect('into a file or a database that holds another log', () =>
    Effect.gen(function* () {
      const path = yield* outageLog
      const [other, url] = [newFile(), yield* freshPostgres]
      yield* onLog(layerSqlite({ path: other }), append('box_other', [1, 2, 3]))
      yield* onLog(layerPostgres({ url }), append('box_other', [1, 2, 3]))
      const before = [rawRows(other), yield* seen(url)]
      for (const to of [sqlite(other), url]) {
        expect(yield* messageOf(sqlite(path), to)).toMatch(
          /cannot take the copy: it differs by position 1: .*\. Name an empty one\.$/,
        )
      }
      expect([rawRows(other), yield* seen(url)]).toEqual(before)
    }),
  )

  it.effect('into a copy on which Signalbox has run, or of a log that has archived requests since', () =>
    Effect.gen(function* () {
      const [path, longer, archived] = [newFile(), newFile(), newFile()]
      yield* onLog(layerSqlite({ path }), append('box_first', [1, 2, 3]))
      yield* run(sqlite(path), sqlite(longer))
      yield* onLog(layerSqlite({ path: longer }), append('box_second', [4]))
      expect(yield* messageOf(sqlite(path), sqlite(longer))).toMatch(
        /it goes to position 16, but what is to be copied only to 12: it holds another log, or Signalbox has run on it/,
      )
      yield* run(sqlite(path), sqlite(archived))
      const database = new Database(path)
      database.exec(`DROP TRIGGER events_no_delete; DELETE FROM events WHERE position BETWEEN 5 AND 8;
        UPDATE log_head SET archived_to = 8, archived_events = 4`)
      database.close()
      expect(yield* messageOf(sqlite(path), sqlite(archived))).toMatch(
        /it differs by position 9: it holds another log, or the source has moved requests to an archive since/,
      )
    }),
  )

  it.effect('from or to a file that a process has', () =>
    Effect.gen(function* () {
      const [path, other] = [yield* archivedLog, newFile()]
      const held = { local: true } as const
      yield* onLog(layerSqlite({ path: other }), Effect.void)
      const refused = Effect.all([messageOf(sqlite(path), sqlite(other)), messageOf(sqlite(other), sqlite(path))])
      const messages = yield* Effect.provide(refused, layerSqlite({ path: other }), held)
      for (const message of messages)
        expect(message).toMatch(/process \d+ on .* is using the event log .*: stop it first/)
    }),
  )

  it.effect('from or to a database that instances use, until they are lost; what is there now may be copied', () =>
    Effect.gen(function* () {
      const [path, url, back] = [yield* archivedLog, yield* freshPostgres, newFile()]
      yield* run(sqlite(path), url)
      const beat = (name: string, agoMs: number) =>
        Effect.promise(() =>
          onDatabase(
            url,
            `INSERT INTO signalbox.instances VALUES ('${name}', '${name}', '1.0.0', 0, 0, now() - ${agoMs} * interval '1 ms')`,
          ),
        )
      yield* beat('lost', 31_000)
      expect(yield* run(sqlite(path), url)).toBe(0)
      yield* beat('one', 0)
      yield* beat('two', 1_000)
      expect(yield* messageOf(sqlite(path), url)).toMatch(/^one, two use postgres:.*: stop them first\.$/)
      expect(yield* messageOf(url, sqlite(back))).toMatch(
        /^one, two use postgres:.*: stop them first, or say --while-running/,
      )
      expect(readdirSync(dirname(back))).toEqual([])
      expect(yield* run(url, sqlite(back), { whileRunning: true })).toBe(0)
      expect(rawRows(back)).toEqual(rawRows(path))
    }),
  )

  it.effect('from where there is no log, and to what belongs to another program', () =>
    Effect.gen(function* () {
      const [path, url, foreign, otherUrl] = [newFile(), yield* freshPostgres, newFile(), yield* freshPostgres]
      expect(yield* messageOf(sqlite(path), url)).toMatch(/there is no event log at/)
      expect(yield* messageOf(url, sqlite(path))).toMatch(/there is no event log in this database/)
      const database = new Database(foreign)
      database.exec('CREATE TABLE theirs (a)')
      database.close()
      const source = yield* archivedLog
      expect(yield* messageOf(sqlite(source), sqlite(foreign))).toMatch(/is a SQLite database of another program/)
      yield* Effect.promise(() =>
        onDatabase(otherUrl, 'CREATE SCHEMA signalbox', 'CREATE TABLE signalbox.theirs (a int)'),
      )
      expect(yield* messageOf(sqlite(source), otherUrl)).toMatch(/has a schema signalbox that is not an event log/)
    }),
  )

  it.effect('when nobody agrees', () =>
    Effect.gen(function* () {
      const [path, to] = [yield* archivedLog, newFile()]
      const asked: string[] = []
      for (const answer of ['no', 'noTerminal'] as const) {
        const confirm = (question: string) =>
          Effect.sync(() => {
            asked.push(question)
            return answer
          })
        expect(yield* run(sqlite(path), sqlite(to), { yes: false, confirm })).toBe(1)
      }
      expect(asked[0]).toMatch(/^Copy 16\d events from sqlite:.* to sqlite:.*\?$/)
      expect(String((yield* TestConsole.errorLines).at(-1))).toMatch(/say --yes/)
      expect(readdirSync(dirname(to))).toEqual([])
    }),
  )
})
