/**
 * A batch of new events on its way to the writing thread: one flat array, ten cells an event. Flat and of strings and
 * numbers only, because that is what copies fastest between threads.
 */
import type { NewRow } from '#infra/event-log/row.ts'

export type Cell = string | number | null
export type Batch = readonly Cell[]

const CELLS = 10

export const packBatch = (rows: readonly NewRow[]): Batch => {
  const cells: Cell[] = []
  for (const row of rows) {
    cells.push(
      row.stream,
      row.streamVersion,
      row.type,
      row.schemaVersion,
      row.writer,
      row.writerSeq,
      row.occurredAt,
      row.correlation,
      row.causation,
      row.data,
    )
  }
  return cells
}

export const unpackBatch = (batch: Batch): readonly NewRow[] => {
  const rows: NewRow[] = []
  for (let at = 0; at < batch.length; at += CELLS) {
    rows.push({
      stream: batch[at] as string,
      streamVersion: batch[at + 1] as number,
      type: batch[at + 2] as string,
      schemaVersion: batch[at + 3] as number,
      writer: batch[at + 4] as string,
      writerSeq: batch[at + 5] as number,
      occurredAt: batch[at + 6] as number,
      correlation: batch[at + 7] as string | null,
      causation: batch[at + 8] as number | null,
      data: batch[at + 9] as string,
    })
  }
  return rows
}
