/** A row as queries answer with it, and its columns by name. */
import type { StoredRow } from '#infra/event-log/row.ts'

export type RawRowHead = readonly [
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
]

/** In this order in every query. */
export type RawRow = readonly [...head: RawRowHead, data: string]

export const namedRow = <Data>(
  row: readonly [...head: RawRowHead, data: Data],
): Omit<StoredRow, 'data'> & { readonly data: Data } => ({
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
