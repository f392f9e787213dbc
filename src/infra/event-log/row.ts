/**
 * How an event lies in a row, for every adapter. `data` is the event's JSON without its tag, which is the `type` column.
 * `correlation` is stored only where it cannot be told from the stream (see correlationColumn): most events belong to the
 * stream of the request that they correlate with, and the id would be stored twice.
 *
 * The worker threads load this file and must start fast, so it does not load the catalogue; codec.ts does.
 */

/** In place of a stream version: the log gives the next one. */
export const NEXT_VERSION = 0

/** A row before it has a position. `causation` is a writerSeq. */
export interface NewRow {
  readonly stream: string
  /** 1, 2, 3 …, or NEXT_VERSION. */
  readonly streamVersion: number
  readonly type: string
  readonly schemaVersion: number
  readonly writer: string
  readonly writerSeq: number
  readonly occurredAt: number
  readonly correlation: string | null
  readonly causation: number | null
  readonly data: string
}

export interface StoredRow extends NewRow {
  readonly position: number
  readonly recordedAt: number
}

/**
 * True when a row holds this very event: what an idempotent append must find. The writer is compared by the caller. Where the log
 * was to give the version, it is whatever was given.
 */
export const sameEvent = (stored: Omit<NewRow, 'writer'>, row: NewRow): boolean =>
  stored.stream === row.stream &&
  (row.streamVersion === NEXT_VERSION || stored.streamVersion === row.streamVersion) &&
  stored.type === row.type &&
  stored.schemaVersion === row.schemaVersion &&
  stored.writerSeq === row.writerSeq &&
  stored.occurredAt === row.occurredAt &&
  stored.correlation === row.correlation &&
  stored.causation === row.causation &&
  stored.data === row.data

const REQUEST = 'request:'
const NONE = ''

/** Null where the correlation is what the stream tells: its request's id, or none. Empty: none, against the stream. */
export const correlationColumn = (stream: string, correlation: string | undefined): string | null =>
  correlation === impliedCorrelation(stream) ? null : (correlation ?? NONE)

export const correlationOf = (stream: string, column: string | null): string | undefined =>
  column === null ? impliedCorrelation(stream) : column === NONE ? undefined : column

/** The stream whose rows carry this correlation without saying so. */
export const streamImplying = (correlation: string): string => REQUEST + correlation

const impliedCorrelation = (stream: string): string | undefined =>
  stream.startsWith(REQUEST) ? stream.slice(REQUEST.length) : undefined
