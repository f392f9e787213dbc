/**
 * A page of the log as one JSON text. The reading thread joins the text, the main thread parses it in one go: one
 * JSON.parse of a page is several times cheaper than copying rows between threads and building events one by one
 * (measured: see docs/benchmarks.md, "event log").
 *
 * Rows of the current schema version are taken as they are, without decoding: this program validated nothing else when it
 * wrote them, the schemas are pure checks (a property test holds them to it), and `verify` decodes every row in full.
 * All other rows go through the upcaster (readPage in codec.ts).
 */
import { correlationOf, type StoredRow } from '#infra/event-log/row.ts'

/** Rows in the order of the page's columns, see PAGE_COLUMNS. */
export type RawRow = readonly [
  position: number,
  stream: string,
  streamVersion: number,
  type: string,
  schemaVersion: number,
  writer: string,
  writerSeq: number,
  occurredAt: number,
  recordedAt: number,
  correlation: string | null,
  causation: number | null,
  data: string,
]

/** Writes the page. `current` tells each known type's current schema version. */
export const writePage = (rows: readonly RawRow[], current: ReadonlyMap<string, number>): string => {
  const names = new Map<string, string>()
  /** The same few writers and types come again and again. */
  const quoted = (text: string): string => {
    const known = names.get(text)
    if (known !== undefined) return known
    const json = JSON.stringify(text)
    names.set(text, json)
    return json
  }
  let page = '['
  for (const row of rows) {
    const [
      position,
      stream,
      streamVersion,
      type,
      version,
      writer,
      writerSeq,
      occurredAt,
      recordedAt,
      ,
      causation,
      data,
    ] = row
    if (page.length > 1) page += ','
    if (current.get(type) !== version || data[0] !== '{') {
      page += JSON.stringify({ _tag: 'Row', row })
      continue
    }
    const correlation = correlationOf(stream, row[9])
    page +=
      `{"_tag":"Known","recorded":{"event":{"_tag":${quoted(type)}${data.length > 2 ? ',' : ''}${data.slice(1)}` +
      `,"stream":${JSON.stringify(stream)},"streamVersion":${streamVersion},"occurredAt":${occurredAt}` +
      `,"writer":${quoted(writer)},"writerSeq":${writerSeq}` +
      (correlation === undefined ? '' : `,"correlation":${JSON.stringify(correlation)}`) +
      (causation === null ? '' : `,"causation":${causation}`) +
      `,"position":${position},"schemaVersion":${version},"recordedAt":${recordedAt}}}`
  }
  return `${page}]`
}

/** A raw row with its columns named. */
export const namedRow = (row: RawRow): StoredRow => ({
  position: row[0],
  stream: row[1],
  streamVersion: row[2],
  type: row[3],
  schemaVersion: row[4],
  writer: row[5],
  writerSeq: row[6],
  occurredAt: row[7],
  recordedAt: row[8],
  correlation: row[9],
  causation: row[10],
  data: row[11],
})
