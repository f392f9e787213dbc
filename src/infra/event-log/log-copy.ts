/**
 * Copying a log as it lies from one database to another: the same positions, writers, numbers, versions and times, and data to the
 * letter. Here is what adapters offer for it; log-copy-run.ts does it. The EventLog port cannot: it gives positions and times
 * by itself, and a marker of an instance (`PeersHeard`) names positions.
 */
import type { Effect } from 'effect'
import type { EventLogError } from '#actors/ports.ts'
import type { CostEntry } from '#domain/books.ts'
import type { RawRow } from '#infra/event-log/raw-row.ts'

/** Rows of a page, and of a transaction: some megabytes, some tenths of a second. */
export const COPY_ROWS = 2_000

/** What the head of a log says: see `log_head` in sqlite-tables.ts. */
export interface LogHead {
  readonly head: number
  readonly archivedTo: number
  readonly archivedEvents: number
}

export interface LogExtent extends LogHead {
  /** Position of the last event that is in it; 0: there is none. */
  readonly last: number
  /** How many are in it. */
  readonly events: number
}

/** The highest number of a writer among its events that went to an archive; above 0. */
export interface ArchivedWriter {
  readonly name: string
  readonly archivedSeq: number
}

/** A snapshot as it is stored: see snapshot-pack.ts. */
export interface PackedSnapshot {
  readonly version: string
  readonly position: number
  readonly occurredAt: number | null
  readonly base: number | null
  readonly state: Uint8Array
}

/** Where a page of cells ended; whoever made it reads it. */
export type CellCursor = readonly number[]

export interface CellPage {
  readonly entries: readonly CostEntry[]
  /** Undefined: there are no more. */
  readonly next: CellCursor | undefined
}

/** A log that is read as it lies. */
export interface LogReading {
  /** Names of the instances that use the log now. Of a log that one process has for itself, opening it fails instead. */
  readonly users: Effect.Effect<readonly string[], EventLogError>
  readonly extent: Effect.Effect<LogExtent, EventLogError>
  /** The next rows after a position, up to another (inclusive), in the order of the log; at most COPY_ROWS. */
  readonly rows: (after: number, upTo: number) => Effect.Effect<readonly RawRow[], EventLogError>
  /** What is left of events that went to an archive: numbers of writers, and sums of the books. */
  readonly archivedWriters: Effect.Effect<readonly ArchivedWriter[], EventLogError>
  readonly archivedCells: (after: CellCursor | undefined) => Effect.Effect<CellPage, EventLogError>
  /** The next snapshot in the order of versions and positions; undefined asks for the first, and answers that there is none. */
  readonly snapshotAfter: (
    after: Pick<PackedSnapshot, 'version' | 'position'> | undefined,
  ) => Effect.Effect<PackedSnapshot | undefined, EventLogError>
}

/** A log that is made as another one lies. Each call is a transaction; after each it is a sound log, though not a whole one. */
export interface LogWriting extends LogReading {
  /**
   * Adds rows behind those that there are. Fails as Conflict when the head is not `before` any more. The books are then behind by
   * them, and the next who opens the log for writing makes them.
   */
  readonly add: (rows: readonly RawRow[], before: number, after: LogHead) => Effect.Effect<void, EventLogError>
  /** Deletes sums of archived events and snapshots, which an interrupted copy has left. */
  readonly clear: Effect.Effect<void, EventLogError>
  readonly addArchivedCells: (entries: readonly CostEntry[]) => Effect.Effect<void, EventLogError>
  readonly addSnapshot: (snapshot: PackedSnapshot) => Effect.Effect<void, EventLogError>
  /** The last step. */
  readonly finish: (head: LogHead, writers: readonly ArchivedWriter[]) => Effect.Effect<void, EventLogError>
}
