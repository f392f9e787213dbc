/**
 * The envelope in which an event lies in the log. Positions are gapless over the whole log, stream versions within their
 * stream. `recordedAt` and `position` belong to the log: no fold may depend on them, because the live fold runs before
 * they are known.
 */
import type { DomainEvent } from '#domain/events.ts'

/** An event as the core hands it over: decided, ordered, not yet durable. */
export interface NewEvent {
  readonly event: DomainEvent
  /** `request:<id>`, `provider:<id>`, `key:<id>`, `budget:<name>`, `alerts`, `instance:<writer>` or `box`. */
  readonly stream: string
  /** 1, 2, 3 … within the stream, when nobody else writes to it. Absent: the log gives the next one. */
  readonly streamVersion?: number
  /** Epoch ms by the producer's clock. */
  readonly occurredAt: number
  /** Unique per process start; with `writerSeq` it makes appends idempotent. */
  readonly writer: string
  /** 1, 2, 3 … per writer, without holes. */
  readonly writerSeq: number
  /** What belongs together: the request's id, for events that a request led to. */
  readonly correlation?: string
  /** The writerSeq of the event that led to this one, when it is another event of the same writer. */
  readonly causation?: number
}

/** An event that is durable, although its place in the log may not be known here yet. */
export interface CommittedEvent extends NewEvent {
  /** The version under which it was stored (the event itself has been upcast to the current one). */
  readonly schemaVersion: number
  readonly recordedAt: number
  /** Absent: not known here. */
  readonly position?: number
}

/** An event that is durable at a known place. */
export interface PlacedEvent extends CommittedEvent {
  /** 1, 2, 3 … over the whole log. */
  readonly position: number
}

/** An event as it is read from the log. */
export interface RecordedEvent extends PlacedEvent {
  readonly streamVersion: number
}

/** The stream that an event belongs to. */
export const streamOf = (event: DomainEvent): string => {
  switch (event._tag) {
    case 'BoxStarted':
    case 'BoxStopped':
    case 'ConfigChanged':
    case 'PolicyChanged':
    case 'SettingOverridden':
    case 'AlertDelivered':
    case 'AlertsSilenced':
    case 'LogArchived':
    case 'PeersHeard':
    // About a request, but its stream has ended.
    case 'CaptureRead':
      return 'box'
    case 'ClientKeyCreated':
    case 'ClientKeyRevoked':
      return `key:${event.keyId}`
    case 'InstanceLost':
      return `instance:${event.instance}`
    case 'BudgetSeeded':
      return `budget:${event.budget}`
    case 'AlertRaised':
    case 'AlertCleared':
      // One for all: what they are about are names that clients may make up, and a stream is remembered for ever.
      return 'alerts'
    case 'CooldownElapsed':
    case 'ProbeLeaseExpired':
    case 'ProviderThrottled':
    case 'ProviderRecovered':
    case 'CircuitOpened':
    case 'CircuitHalfOpened':
    case 'CircuitClosed':
    case 'ProviderRetired':
    case 'SunsetAnnounced':
    case 'ProviderChecked':
    case 'BreakerReset':
      return `provider:${event.provider}`
    default:
      return `request:${event.requestId}`
  }
}

/** Whether a stored event may lie there. Releases up to 0.1.0 gave each alert a stream of its own. */
export const liesIn = (event: DomainEvent, stream: string): boolean =>
  stream === streamOf(event) || ('alertId' in event && stream === `alert:${event.alertId}`)
