/** A batch as the arguments of the function that appends it (postgres-functions.ts). Pure. */
import { BOOKS_VERSION } from '#domain/book-event.ts'
import type { NewEvent } from '#domain/recorded-event.ts'
import { encodeBooks, type FoldedBatch } from '#infra/event-log/book-batch.ts'
import { rowOf } from '#infra/event-log/codec.ts'
import type { Parameters } from '#infra/event-log/postgres-connections.ts'
import { toText } from '#infra/event-log/postgres-tables.ts'
import { NEXT_VERSION, type NewRow } from '#infra/event-log/row.ts'

/** An event with its row. */
export interface Appendable {
  readonly event: NewEvent['event']
  readonly row: NewRow
}

export const appendable = (event: NewEvent): Appendable => ({ event: event.event, row: rowOf(event) })

/** What a batch has of one writer or one stream: rows that follow each other. */
interface Run {
  readonly name: string
  /** Among those of its kind, from 1. */
  readonly place: number
  /** Its first row in the batch, from 1. */
  readonly firstRow: number
  count: number
}

interface WriterRun extends Run {
  readonly firstSeq: number
}

interface StreamRun extends Run {
  /** The version that the stream must have before; null: any. */
  base: number | null
}

/** The runs of a batch, and of each row its stream and its place in it. */
export interface BatchPlan {
  readonly writers: ReadonlyMap<string, WriterRun>
  readonly streams: ReadonlyMap<string, StreamRun>
  readonly steps: readonly number[]
}

/** Undefined: numbers of a writer or versions of a stream do not follow each other within the batch. */
export const planBatch = (batch: readonly Appendable[]): BatchPlan | undefined => {
  const writers = new Map<string, WriterRun>()
  const streams = new Map<string, StreamRun>()
  const steps: number[] = []
  for (const [index, { row }] of batch.entries()) {
    const writer = writers.get(row.writer) ?? {
      ...{ name: row.writer, place: writers.size + 1, firstRow: index + 1, count: 0, firstSeq: row.writerSeq },
    }
    if (row.writerSeq !== writer.firstSeq + writer.count) return undefined
    writer.count += 1
    writers.set(row.writer, writer)
    const stream = streams.get(row.stream) ?? {
      ...{ name: row.stream, place: streams.size + 1, firstRow: index + 1, count: 0, base: null },
    }
    if (row.streamVersion !== NEXT_VERSION) {
      const base = row.streamVersion - stream.count - 1
      if (stream.base !== null && stream.base !== base) return undefined
      stream.base = base
    }
    stream.count += 1
    streams.set(row.stream, stream)
    steps.push(stream.count)
  }
  return { writers, streams, steps }
}

export const APPEND_STATEMENT = `SELECT head, behind FROM signalbox.append(${Array.from({ length: 23 }, (_, n) => `$${n + 1}`).join(', ')})`

/** @param foldedFrom the version that the books of a stream were folded from; undefined: it is not booked */
export const appendParameters = (
  batch: readonly Appendable[],
  { writers, streams, steps }: BatchPlan,
  books: FoldedBatch,
  foldedFrom: (stream: string) => number | undefined,
  waitMs: number,
): Parameters => {
  const [writerRuns, streamRuns] = [[...writers.values()], [...streams.values()]]
  const rows = batch.map(({ row }) => row)
  const encoded =
    books.requests.length + books.entries.length === 0 ? undefined : encodeBooks(books.requests, books.entries)
  return [
    waitMs,
    BOOKS_VERSION,
    writerRuns.map(({ name }) => toText(name)),
    writerRuns.map(({ firstSeq }) => firstSeq),
    writerRuns.map(({ count }) => count),
    streamRuns.map(({ name }) => toText(name)),
    streamRuns.map(({ firstRow }) => firstRow),
    streamRuns.map(({ count }) => count),
    streamRuns.map(({ base }) => base),
    streamRuns.map(({ name }) => foldedFrom(name) ?? null),
    rows.map(({ stream }) => streams.get(stream)?.place),
    steps,
    rows.map(({ type }) => type),
    rows.map(({ schemaVersion }) => schemaVersion),
    rows.map(({ writer }) => writers.get(writer)?.place),
    rows.map(({ writerSeq }) => writerSeq),
    rows.map(({ occurredAt }) => occurredAt),
    rows.map(({ correlation }) => correlation && toText(correlation)),
    rows.map(({ causation }) => causation),
    rows.map(({ data }) => data),
    encoded?.texts.map(toText),
    encoded?.requests,
    encoded?.cells,
  ]
}
