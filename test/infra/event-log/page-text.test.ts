import fc from 'fast-check'
import { expect, it } from 'vitest'
import { currentVersions, dataOf, readPage, readRow, rowOf } from '#infra/event-log/codec.ts'
import { type RawRow, writePage } from '#infra/event-log/page-text.ts'
import type { StoredRow } from '#infra/event-log/row.ts'
import { domainEvents, histories } from '#test/recorded-events.ts'

const stored = (events: ReturnType<typeof histories> extends fc.Arbitrary<infer E> ? E : never): readonly StoredRow[] =>
  events.map((event, index) => ({ ...rowOf(event), position: index + 1, recordedAt: 1_780_000_000_000 + index }))

const raw = (row: StoredRow): RawRow => [
  row.position,
  row.stream,
  row.streamVersion,
  row.type,
  row.schemaVersion,
  row.writer,
  row.writerSeq,
  row.occurredAt,
  row.recordedAt,
  row.correlation,
  row.causation,
  row.data,
]

it('reads every event as the validating decoder reads it, keys in the same order', () => {
  fc.assert(
    fc.property(histories(), (events) => {
      const rows = stored(events)
      const slow = rows.map(readRow)
      for (const current of [currentVersions, new Map<string, number>()]) {
        const fast = readPage(writePage(rows.map(raw), current))
        expect(fast).toEqual(slow)
      }
      // A fold that keeps a part of an event must have the same text whether it ran live or from the log.
      const fast = readPage(writePage(rows.map(raw), currentVersions)) ?? []
      expect(fast.map((read) => read._tag === 'Known' && JSON.stringify(read.recorded.event))).toEqual(
        events.map(({ event }) => JSON.stringify(event)),
      )
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

it('is not fooled by data that closes its own brackets', () => {
  const [row] = stored(fc.sample(histories(), { numRuns: 50, seed: 1 }).find((events) => events.length > 0) ?? [])
  const forged = { ...row!, data: '{"a":1},"stream":"x"},"_tag":"Known' }
  expect(readPage(writePage([raw(forged)], currentVersions))).toBeUndefined()
})
