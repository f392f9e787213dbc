/**
 * The tables of the log on PostgreSQL, in a schema of their own; postgres-schema.ts makes them. They are those of the SQLite log
 * (sqlite-tables.ts, books-schema.ts) where nothing speaks against it. What is different:
 *
 * - `events` is partitioned by position, so that old blocks can be detached and a table never grows beyond what can be repaired. A
 *   unique index cannot span partitions: `streams` and `writers` hold the last version and number of each instead, and are
 *   changed under the lock of the head.
 * - There is no index on time. `time_marks` has the earliest and the latest time of each block of positions, which is enough to find
 *   where to look.
 */
import type { Generated } from 'kysely'

/** Everything lies in this schema, and every statement says so: behind a pooler no session has a search path of ours. */
export const SCHEMA = 'signalbox'

/** The number of migrations that a database has had. */
export const SCHEMA_VERSION = 1

/** Events of a partition. With a kilobyte each, indexes included, some 5 GB. */
export const PARTITION_EVENTS = 5_000_000

/** Positions of a mark of time: as many rows are looked at, at most, where a question for a time begins or ends. */
export const MARK_POSITIONS = 4_096

export interface PostgresLogTables {
  readonly 'signalbox.events': {
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
    /** Epoch ms, clock of the database, when it was appended. */
    readonly recorded_at: number
    /** See correlationColumn in row.ts. */
    readonly correlation: string | null
    readonly causation: number | null
    /** JSON text; the type `json` keeps it to the letter. */
    readonly data: string
  }
  readonly 'signalbox.writers': { readonly id: Generated<number>; readonly name: string }
  readonly 'signalbox.streams': { readonly stream: string; readonly version: number; readonly first: number }
  readonly 'signalbox.time_marks': { readonly block: number; readonly first_at: number; readonly last_at: number }
}

/**
 * A text as it is stored. PostgreSQL's cannot hold the character NUL, which a client may well send within a name: it is written as
 * `\0`, and so `\` as `\\`.
 */
export const toText = (text: string): string =>
  NEEDS_ESCAPE.test(text) ? text.replaceAll('\\', '\\\\').replaceAll('\0', '\\0') : text

export const fromText = (text: string): string =>
  text.includes('\\') ? text.replace(/\\(.)/g, (_, escaped) => (escaped === '0' ? '\0' : escaped)) : text

const NEEDS_ESCAPE = /[\0\\]/
