/**
 * The tables of the SQLite log; sqlite-migrations.ts makes them.
 *
 * Compact on purpose (a request of four events takes less than 2.5 kB, indexes included; a test holds it): writers are
 * numbered, the correlation is stored only where the stream does not tell it, and the indexes for rare questions cover
 * rare rows only. The view `event_log` shows it all in plain words to a person with a SQLite shell. The tables of the books are
 * told of in books-schema.ts.
 */
import type { Generated } from 'kysely'

/** "SIGB": tells our files from other SQLite databases. */
export const APPLICATION_ID = 0x5349_4742

/** The `user_version` of a file that has had every migration. */
export const SCHEMA_VERSION = 3

export interface LogTables {
  readonly events: {
    /** Given by log_head, never by SQLite: it may use a deleted rowid again. */
    readonly position: number
    readonly stream: string
    readonly stream_version: number
    readonly type: string
    readonly schema_version: number
    /** writers.id */
    readonly writer: number
    readonly writer_seq: number
    /** Epoch ms, producer's clock. */
    readonly occurred_at: number
    /** Epoch ms, when it was appended. */
    readonly recorded_at: number
    /** See correlationColumn in row.ts. */
    readonly correlation: string | null
    readonly causation: number | null
    readonly data: string
  }
  readonly writers: {
    readonly id: Generated<number>
    readonly name: string
    /** The highest number among its events that went to an archive. */
    readonly archived_seq: Generated<number>
  }
  /** One row. */
  readonly log_head: {
    readonly one: number
    /** Of the last event. */
    readonly position: number
    /** The highest position that went to an archive: up to it events are missing, after it none. */
    readonly archived_to: Generated<number>
    /** How many are missing. */
    readonly archived_events: Generated<number>
  }
  /** One row: who last opened the file for writing; the lock beside the file decides, this only names it. */
  readonly holder: { readonly one: number; readonly pid: number; readonly host: string; readonly since: number }
  readonly snapshots: {
    readonly version: string
    readonly position: number
    /** Of the last event that is folded in, epoch ms: the event itself may go to an archive. */
    readonly occurred_at: number | null
    /** Position of the snapshot of the same version without which this one cannot be read; null: none. See snapshot-pack.ts. */
    readonly base: number | null
    readonly state: Uint8Array
  }
  /** One row. `folded_to`: how far the books have been made from the log; null when they keep up with it. */
  readonly books: { readonly one: number; readonly version: number; readonly folded_to: number | null }
}
