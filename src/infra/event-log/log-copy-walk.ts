/** Going through a log page by page, and keeping of what was read only the digests. */
import { Effect } from 'effect'
import type { EventLogError } from '#actors/ports.ts'
import type { CostEntry } from '#domain/books.ts'
import {
  type CellCursor,
  type CellPage,
  COPY_ROWS,
  type LogExtent,
  type LogReading,
  type PackedSnapshot,
} from '#infra/event-log/log-copy.ts'
import { digestOfRows, makeLogDigest } from '#infra/event-log/log-copy-digest.ts'
import type { RawRow } from '#infra/event-log/raw-row.ts'

/** Rows of the source after a position and up to another. */
export interface Slice {
  readonly after: number
  readonly upTo: number
  readonly digest: string
}

/** A source that was opened to be copied as far as it goes now, and what was read of it. */
export interface Copying {
  readonly source: LogReading
  readonly extent: LogExtent
  readonly slices: Slice[]
  readonly digest: ReturnType<typeof makeLogDigest>
}

export const startCopying = (source: LogReading): Effect.Effect<Copying, EventLogError> =>
  Effect.map(source.extent, (extent) => ({ source, extent, slices: [], digest: makeLogDigest() }))

/** Reads the source on, notes what it has read, and hands it over. */
export const eachSlice = Effect.fnUntraced(function* <E>(
  { source, slices, digest }: Copying,
  from: number,
  to: number,
  use: (rows: readonly RawRow[], slice: Slice) => Effect.Effect<void, E>,
) {
  for (let after = from; after < to; ) {
    const rows = yield* source.rows(after, to)
    const last = rows.at(-1)
    const upTo = rows.length === COPY_ROWS && last !== undefined ? last[0] : to
    const slice = { after, upTo, digest: digestOfRows(rows) }
    slices.push(slice)
    digest.take(rows)
    if (rows.length > 0) yield* use(rows, slice)
    after = upTo
  }
})

export const eachCell = Effect.fnUntraced(function* <E>(
  log: LogReading,
  use: (entries: readonly CostEntry[]) => Effect.Effect<void, E>,
) {
  let cursor: CellCursor | undefined
  do {
    const { entries, next }: CellPage = yield* log.archivedCells(cursor)
    if (entries.length > 0) yield* use(entries)
    cursor = next
  } while (cursor !== undefined)
})

/** Those up to a position: a log that is in use may get others meanwhile. */
export const eachSnapshot = Effect.fnUntraced(function* <E>(
  log: LogReading,
  upTo: number,
  use: (snapshot: PackedSnapshot) => Effect.Effect<void, E>,
) {
  let snapshot: PackedSnapshot | undefined
  for (;;) {
    snapshot = yield* log.snapshotAfter(snapshot)
    if (snapshot === undefined) return
    if (snapshot.position <= upTo) yield* use(snapshot)
  }
})
