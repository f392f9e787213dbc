/** A row as the verifier reads it and as a page carries those that must be decoded. */
import type { StoredRow } from '#infra/event-log/row.ts'

/** In this order in every query. */
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
