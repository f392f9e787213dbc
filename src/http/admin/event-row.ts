/**
 * An event of the log as the admin API tells it, in pages and live.
 */
import { Schema } from 'effect'
import type { ReadEvent } from '#actors/ports.ts'
import { DomainEvent } from '#domain/events.ts'
import type { PlacedEvent } from '#domain/recorded-event.ts'

/** Times are epoch ms. An event of a newer release is told by its position and its type alone. */
export const EventRow = Schema.Struct({
  position: Schema.Int,
  type: Schema.String,
  schemaVersion: Schema.Int,
  occurredAt: Schema.NullOr(Schema.Finite),
  recordedAt: Schema.NullOr(Schema.Finite),
  stream: Schema.NullOr(Schema.String),
  streamVersion: Schema.NullOr(Schema.Int),
  writer: Schema.NullOr(Schema.String),
  writerSeq: Schema.NullOr(Schema.Int),
  /** The request that it belongs to. */
  correlation: Schema.NullOr(Schema.String),
  /** The writerSeq of the event that led to it. */
  causation: Schema.NullOr(Schema.Int),
  event: Schema.NullOr(DomainEvent.annotate({ identifier: 'DomainEvent' })),
}).annotate({ identifier: 'EventRow' })
export type EventRow = typeof EventRow.Type

export const eventRow = (row: ReadEvent): EventRow =>
  row._tag === 'Known' ? recordedRow(row.recorded) : foreignRow(row)

export const recordedRow = (recorded: PlacedEvent): EventRow => ({
  position: recorded.position,
  type: recorded.event._tag,
  schemaVersion: recorded.schemaVersion,
  occurredAt: recorded.occurredAt,
  recordedAt: recorded.recordedAt,
  stream: recorded.stream,
  streamVersion: recorded.streamVersion ?? null,
  writer: recorded.writer,
  writerSeq: recorded.writerSeq,
  correlation: recorded.correlation ?? null,
  causation: recorded.causation ?? null,
  event: recorded.event,
})

const foreignRow = ({ position, upcast }: Extract<ReadEvent, { readonly _tag: 'Foreign' }>): EventRow => ({
  position,
  type: upcast.type,
  schemaVersion: upcast.schemaVersion,
  ...{ occurredAt: null, recordedAt: null, stream: null, streamVersion: null, writer: null, writerSeq: null },
  ...{ correlation: null, causation: null, event: null },
})
