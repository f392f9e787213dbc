/**
 * Between events and rows. Loads the catalogue and its schemas, so for the main thread and the verifier only.
 */
import type { ReadEvent } from '#actors/ports.ts'
import { CATALOGUE, type DomainEvent, type EventType } from '#domain/events.ts'
import type { NewEvent } from '#domain/recorded-event.ts'
import { upcast } from '#domain/upcast.ts'
import { namedRow, type RawRow } from '#infra/event-log/raw-row.ts'
import { correlationColumn, correlationOf, type NewRow, type StoredRow } from '#infra/event-log/row.ts'

export const rowOf = (event: NewEvent): NewRow => ({
  stream: event.stream,
  streamVersion: event.streamVersion,
  type: event.event._tag,
  schemaVersion: CATALOGUE[event.event._tag].schemaVersion,
  writer: event.writer,
  writerSeq: event.writerSeq,
  occurredAt: event.occurredAt,
  correlation: correlationColumn(event.stream, event.correlation),
  causation: event.causation ?? null,
  data: dataOf(event.event),
})

/** The event's JSON without its tag. */
export const dataOf = (event: DomainEvent): string => {
  const whole = JSON.stringify(event)
  const head = `{"_tag":"${event._tag}"`
  // The tag comes first in every event that the core makes; cutting it off costs half of copying the object without it.
  if (whole.startsWith(head)) return whole.length === head.length + 1 ? '{}' : `{${whole.slice(head.length + 1)}`
  const { _tag, ...data } = event
  return JSON.stringify(data)
}

/** Reads a row back, with full validation of its data. */
export const readRow = (row: StoredRow): ReadEvent => {
  const raw = parseData(row.data)
  const lifted =
    raw === undefined
      ? ({
          _tag: 'Undecodable',
          type: row.type,
          schemaVersion: row.schemaVersion,
          message: 'the data is not a JSON object',
        } as const)
      : upcast(row.type, row.schemaVersion, raw)
  if (lifted._tag !== 'Known') return { _tag: 'Foreign', position: row.position, upcast: lifted }
  const correlation = correlationOf(row.stream, row.correlation)
  return {
    _tag: 'Known',
    recorded: {
      event: lifted.event,
      stream: row.stream,
      streamVersion: row.streamVersion,
      occurredAt: row.occurredAt,
      writer: row.writer,
      writerSeq: row.writerSeq,
      ...(correlation === undefined ? {} : { correlation }),
      ...(row.causation === null ? {} : { causation: row.causation }),
      position: row.position,
      schemaVersion: row.schemaVersion,
      recordedAt: row.recordedAt,
    },
  }
}

/** The schema version of every event type that this release writes. */
export const currentVersions: ReadonlyMap<string, number> = new Map(
  (Object.keys(CATALOGUE) as EventType[]).map((type) => [type, CATALOGUE[type].schemaVersion]),
)

/** Reads the page back. Undefined when it is not JSON: some row's data is damaged, and the rows must be asked for. */
export const readPage = (page: string): readonly ReadEvent[] | undefined => {
  let items: (ReadEvent | { readonly _tag: 'Row'; readonly row: RawRow })[]
  try {
    items = JSON.parse(page)
  } catch {
    return undefined
  }
  for (const [index, item] of items.entries()) {
    if (item._tag === 'Row') items[index] = readRow(namedRow(item.row))
  }
  return items as readonly ReadEvent[]
}

const parseData = (data: string): { readonly [key: string]: unknown } | undefined => {
  try {
    const value: unknown = JSON.parse(data)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as { readonly [key: string]: unknown })
      : undefined
  } catch {
    // Not JSON: the caller reports it as undecodable.
    return undefined
  }
}
