/**
 * The envelope in which an event lies in the log. Positions are gapless over the whole log, stream versions within their
 * stream. `recordedAt` and `position` belong to the log: no fold may depend on them, because the live fold runs before
 * they are known.
 */
import type { DomainEvent } from '#domain/events.ts'

/** An event as the core hands it over: decided, ordered, not yet durable. */
export interface NewEvent {
  readonly event: DomainEvent
  /** `request:<id>`, `provider:<id>`, `key:<id>`, `budget:<name>`, `alert:<id>` or `box`. */
  readonly stream: string
  /** 1, 2, 3 … within the stream. */
  readonly streamVersion: number
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

export interface RecordedEvent extends NewEvent {
  /** 1, 2, 3 … over the whole log. */
  readonly position: number
  /** The version under which it was stored (the event itself has been upcast to the current one). */
  readonly schemaVersion: number
  readonly recordedAt: number
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
    // About a request, but its stream has ended.
    case 'CaptureRead':
      return 'box'
    case 'ClientKeyCreated':
    case 'ClientKeyRevoked':
      return `key:${event.keyId}`
    case 'BudgetSeeded':
      return `budget:${event.budget}`
    case 'AlertRaised':
    case 'AlertCleared':
      return `alert:${event.alertId}`
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
