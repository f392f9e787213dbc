/**
 * Folding a batch into the books before it is appended, for a log that takes events and their books in one statement. Where the
 * events will lie is not known yet: positions are counted from the last event of the batch backwards, 0, -1, -2 …, and become
 * positions of the log with `placed`. Pure.
 */
import { bookEvent, type RequestBook } from '#domain/book-event.ts'
import type { BookedRequest, CostEntry } from '#domain/books.ts'
import type { DomainEvent } from '#domain/events.ts'
import { CELL_COLUMNS, NO_NAME, REQUEST_COLUMNS, requestCells, SUM_COLUMNS } from '#infra/event-log/books-schema.ts'
import { together } from '#infra/event-log/cost-entries.ts'

/** A request as far as its stream has come. No book: nothing of it was booked. */
export interface FoldedRequest {
  readonly book: RequestBook | undefined
  /** Of the last event of its stream; 0: there is none. */
  readonly version: number
}

export interface FoldableEvent {
  readonly stream: string
  readonly event: DomainEvent
  readonly occurredAt: number
  readonly position: number
}

export interface FoldedBatch {
  /** The requests after the batch, by stream. */
  readonly after: ReadonlyMap<string, FoldedRequest>
  /** Rows that are new or changed. */
  readonly requests: readonly BookedRequest[]
  readonly entries: readonly CostEntry[]
}

export const NOTHING_FOLDED: FoldedRequest = { book: undefined, version: 0 }

/** Only requests are booked. */
export const isBooked = (stream: string): boolean => stream.startsWith('request:')

/** @param before the request of a stream before its first event in the batch */
export const foldBatch = (events: readonly FoldableEvent[], before: (stream: string) => FoldedRequest): FoldedBatch => {
  const after = new Map<string, FoldedRequest>()
  const changed = new Set<string>()
  const entries: CostEntry[] = []
  for (const { stream, event, occurredAt, position } of events) {
    if (!isBooked(stream)) continue
    const { book, version } = after.get(stream) ?? before(stream)
    const booking = bookEvent(book, event, occurredAt, position)
    after.set(stream, { book: booking?.book ?? book, version: version + 1 })
    if (booking === undefined) continue
    changed.add(stream)
    if (booking.entry !== undefined) entries.push(booking.entry)
  }
  const requests = [...changed].flatMap((stream) => after.get(stream)?.book?.row ?? [])
  return { after, requests, entries }
}

/** The request with positions of the log, once the position of the batch's last event is known. */
export const placed = ({ book, version }: FoldedRequest, head: number): FoldedRequest => {
  if (book === undefined) return { book, version }
  const { position, endedPosition } = book.row
  const place = (at: number): number => (at > 0 ? at : head + at)
  const row = {
    ...book.row,
    position: place(position),
    endedPosition: endedPosition === null ? null : place(endedPosition),
  }
  return { book: { ...book, row }, version }
}

/** Rows and sums as JSON objects of columns, with the names in a list of their own, by place in it, from 1. */
export interface EncodedBooks {
  readonly texts: readonly string[]
  readonly requests: string
  readonly cells: string
}

/** @param entries sums of cells of events that are in the log; `archived`: of events that are not any more */
export const encodeBooks = (
  requests: readonly BookedRequest[],
  entries: readonly CostEntry[],
  archived: readonly CostEntry[] = [],
): EncodedBooks => {
  const places = new Map<string, number>()
  const placeOf = (text: string): number => {
    const place = places.get(text) ?? places.size + 1
    places.set(text, place)
    return place
  }
  const rows = requests.map((row) => {
    const cells = requestCells(row, placeOf)
    return Object.fromEntries(REQUEST_COLUMNS.map((column, index) => [column, cells[index]]))
  })
  const cellOf =
    (isArchived: 0 | 1) =>
    ({ cell, sums }: CostEntry) => {
      const keys = Object.entries(CELL_COLUMNS).map(([field, column]) => {
        const value = cell[field as keyof typeof cell]
        return [column, typeof value === 'number' ? value : value === null ? NO_NAME : placeOf(value)]
      })
      const added = Object.entries(SUM_COLUMNS).map(([sum, column]) => [column, sums[sum as keyof typeof sums]])
      return Object.fromEntries([...keys, ...added, ['archived', isArchived]])
    }
  const cells = [...together(entries).map(cellOf(0)), ...together(archived).map(cellOf(1))]
  return { texts: [...places.keys()], requests: JSON.stringify(rows), cells: JSON.stringify(cells) }
}
