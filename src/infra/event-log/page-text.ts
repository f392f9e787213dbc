/**
 * A page of the log as one JSON text of arrays, a RawRow each: the reading thread joins it, the main thread parses it in
 * one go. Chosen over JSON objects and over objects put together in SQL by prototypes on 10,000 rows (CPU a row, lowest of
 * 12 rounds in each of two runs, busy machine): arrays 2.4–2.7 µs in the reader and 1.3–1.8 in the main thread, objects
 * 2.4–2.5 and 2.1–2.5, SQL 3.2 and 2.1–2.5.
 *
 * In rows of a current schema version the data is the event itself, tag first as it was made, and is taken without
 * decoding: this program made it, the schemas are pure checks (a property test compares with the decoder), and `verify`
 * decodes every row in full. In all other rows the data stays a string, which readPage in codec.ts decodes and upcasts.
 */
import type { RawRow } from '#infra/event-log/raw-row.ts'

/** `current`: the schema version of each type whose rows need no decoding; empty to have every row decoded. */
export const writePage = (rows: readonly RawRow[], current: ReadonlyMap<string, number>): string => {
  /** The same few writers and types come again and again. */
  const names = new Map<string, string>()
  const quoted = (text: string): string => {
    const known = names.get(text)
    if (known !== undefined) return known
    const json = JSON.stringify(text)
    names.set(text, json)
    return json
  }
  let page = '['
  for (const row of rows) {
    const [position, stream, streamVersion, type, version, writer, writerSeq, occurredAt, recordedAt] = row
    const [, , , , , , , , , correlation, causation, data] = row
    if (page.length > 1) page += ','
    page +=
      `[${position},${JSON.stringify(stream)},${streamVersion},${quoted(type)},${version},${quoted(writer)},${writerSeq}` +
      `,${occurredAt},${recordedAt},${correlation === null ? 'null' : JSON.stringify(correlation)},${causation},` +
      (current.get(type) === version && data[0] === '{'
        ? `{"_tag":${quoted(type)}${data.length > 2 ? ',' : ''}${data.slice(1)}]`
        : `${JSON.stringify(data)}]`)
  }
  return `${page}]`
}
