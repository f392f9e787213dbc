/**
 * GET /admin/events: pages of the log.
 */
import type { DomainEvent, EventType } from '#domain/events.ts'
import type { EventRow } from '#http/admin/event-row.ts'
import { type Answer, ask, type Query } from './ask.ts'

export interface EventPage {
  readonly data: readonly EventRow[]
  readonly next: number | null
}

export interface EventQuery {
  readonly type?: readonly string[]
  readonly stream?: string
  readonly request?: string
  /** Epoch ms, or ISO 8601. */
  readonly since?: number | string | null
  readonly until?: number | string | null
  readonly before?: number
  readonly after?: number
  readonly limit?: number
}

export const fetchEvents = (query: EventQuery, signal?: AbortSignal): Promise<Answer<EventPage>> =>
  ask('/admin/events', { query: { ...query } satisfies Query, ...(signal === undefined ? {} : { signal }) })

/** An event of one type with when it occurred (epoch ms). */
export interface Occurred<T extends EventType> {
  readonly at: number
  readonly event: Extract<DomainEvent, { readonly _tag: T }>
}

/** Those of the rows that are of a type. */
export const ofType = <T extends EventType>(rows: readonly EventRow[], type: T): readonly Occurred<T>[] =>
  rows.flatMap(({ event, occurredAt }) =>
    event !== null && occurredAt !== null && isOf(event, type) ? [{ at: occurredAt, event }] : [],
  )

const isOf = <T extends EventType>(event: DomainEvent, type: T): event is Extract<DomainEvent, { readonly _tag: T }> =>
  event._tag === type
