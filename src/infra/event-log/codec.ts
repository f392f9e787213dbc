/**
 * Between events and rows. Loads the catalogue and its schemas, so for the main thread and the verifier only.
 */
import type { ReadEvent } from '#actors/ports.ts'
import { CATALOGUE, type DomainEvent, type EventType } from '#domain/events.ts'
import type { NewEvent, RecordedEvent } from '#domain/recorded-event.ts'
import { upcast } from '#domain/upcast.ts'
import { namedRow, type RawRow, type RawRowHead } from '#infra/event-log/raw-row.ts'
import { correlationColumn, correlationOf, NEXT_VERSION, type NewRow, type StoredRow } from '#infra/event-log/row.ts'

export const rowOf = (event: NewEvent): NewRow => ({
  stream: event.stream,
  streamVersion: event.streamVersion ?? NEXT_VERSION,
  type: event.event._tag,
  schemaVersion: CATALOGUE[event.event._tag].schemaVersion,
  writer: event.writer,
  writerSeq: event.writerSeq,
  occurredAt: event.occurredAt,
  correlation: correlationColumn(event.stream, event.correlation),
  causation: event.causation ?? null,
  data: dataOf(event.event),
})

/** The event's JSON without its tag: cut off where it comes first, because a copy without it costs as much as all the rest. */
export const dataOf = (event: DomainEvent): string => {
  const text = JSON.stringify(event)
  const tag = `{"_tag":"${event._tag}",`
  if (text.startsWith(tag)) return `{${text.slice(tag.length)}`
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
  return known(row, lifted.event)
}

/**
 * Reads a row back; one of a current schema version is taken without validation. This program made it, the schemas are pure checks,
 * and `verify` decodes every row in full.
 */
export const readTrusted = (row: StoredRow): ReadEvent => {
  const data = currentVersions.get(row.type) === row.schemaVersion ? parseData(row.data) : undefined
  return data === undefined ? readRow(row) : known(row, { _tag: row.type, ...data } as DomainEvent)
}

/** The schema version of every event type that this release writes. */
export const currentVersions: ReadonlyMap<string, number> = new Map(
  (Object.keys(CATALOGUE) as EventType[]).map((type) => [type, CATALOGUE[type].schemaVersion]),
)

/** Reads a page back. Undefined when it is not JSON: some row's data is damaged, and every row must come as a string. */
export const readPage = (page: string): readonly ReadEvent[] | undefined => {
  const rows = parsePage(page)
  return rows?.map((row) => {
    const [, , , , , , , , , , , data] = row
    return typeof data === 'string' ? readRow(namedRow(row as RawRow)) : known(namedRow(row), data)
  })
}

/** A row of a page: with its event, where writePage found that it needs no decoding, or with its data. */
type PageRow = readonly [...cells: RawRowHead, data: string | DomainEvent]

const parsePage = (page: string): readonly PageRow[] | undefined => {
  try {
    return JSON.parse(page)
  } catch {
    return undefined
  }
}

const known = (row: Omit<StoredRow, 'data'>, event: DomainEvent): ReadEvent => {
  const recorded: { -readonly [K in keyof RecordedEvent]: RecordedEvent[K] } = {
    event,
    stream: row.stream,
    streamVersion: row.streamVersion,
    occurredAt: row.occurredAt,
    writer: row.writer,
    writerSeq: row.writerSeq,
    position: row.position,
    schemaVersion: row.schemaVersion,
    recordedAt: row.recordedAt,
  }
  // Assigned, because spreading what may be missing takes ten times as long as all the rest, and a replay reads millions.
  const correlation = correlationOf(row.stream, row.correlation)
  if (correlation !== undefined) recorded.correlation = correlation
  if (row.causation !== null) recorded.causation = row.causation
  return { _tag: 'Known', recorded }
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
