import Database from 'better-sqlite3'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { packBatch } from '#infra/event-log/batch.ts'
import { currentVersions, dataOf, readPage, readRow, rowOf } from '#infra/event-log/codec.ts'
import { writePage } from '#infra/event-log/page-text.ts'
import type { RawRow } from '#infra/event-log/raw-row.ts'
import { makeAppend } from '#infra/event-log/sqlite-append.ts'
import { migrate } from '#infra/event-log/sqlite-migrations.ts'
import { compileRead } from '#infra/event-log/sqlite-query.ts'
import { domainEvents, histories } from '#test/recorded-events.ts'

const database = new Database(':memory:')
beforeAll(() => migrate(database, 0))
afterAll(() => database.close())

/** The log alone is what is looked at. */
const noBooks = { book: () => undefined, write: () => undefined, forget: () => undefined }

/** The page text of all that lies in the database, as the reading thread would make it. */
const pageOf = (current: ReadonlyMap<string, number>): string => {
  const { sql, parameters } = compileRead({ after: 0, limit: 10_000 }, { from: 1, to: Number.MAX_SAFE_INTEGER })
  const rows = database
    .prepare<unknown[], (string | number | null)[]>(sql)
    .raw()
    .all(...parameters)
  return writePage(
    rows.map((row) => row.with(5, 'box_3kTMd82hVbQ9') as unknown as RawRow),
    current,
  )
}

it('reads every event as the validating decoder reads it, keys in the same order', () => {
  fc.assert(
    fc.property(histories(), (events) => {
      try {
        const rows = events.map(rowOf)
        const [outcome] = makeAppend(database, noBooks)([packBatch(rows)], 1_780_000_000_000)
        expect(outcome).toEqual({ position: events.length })
        const slow = rows.map((row, index) => readRow({ ...row, position: index + 1, recordedAt: 1_780_000_000_000 }))
        expect(readPage(pageOf(new Map()))).toEqual(slow)
        const fast = readPage(pageOf(currentVersions)) ?? []
        expect(fast).toEqual(slow)
        // A fold that keeps a part of an event must have the same text whether it ran live or from the log.
        expect(fast.map((read) => read._tag === 'Known' && JSON.stringify(read.recorded.event))).toEqual(
          events.map(({ event }) => JSON.stringify(event)),
        )
      } finally {
        empty()
      }
    }),
  )
})

it('stores an event without its tag, wherever the tag stands', () => {
  fc.assert(
    fc.property(domainEvents, (event) => {
      const { _tag, ...data } = event
      const tagLast = { ...data, _tag } as typeof event
      for (const form of [event, tagLast]) expect(JSON.parse(dataOf(form))).toEqual(JSON.parse(JSON.stringify(data)))
    }),
  )
})

it('answers undefined for a page that is not JSON as a whole', () => {
  expect(readPage('[{"_tag":"Known","recorded":{"event":{"_tag":"X","broken}}]')).toBeUndefined()
})

const empty = () =>
  database.exec(`DROP TRIGGER IF EXISTS events_no_delete; DELETE FROM events; DELETE FROM writers;
    UPDATE log_head SET position = 0`)
