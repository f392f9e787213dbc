/**
 * What the actors need from outside. Adapters in src/infra implement these, tests implement them in memory.
 */
import { Context, Data, type Effect, type Redacted, type Schema } from 'effect'
import type { BookedRequest } from '#domain/books.ts'
import type { CostQuery, CostReport, RequestPage, RequestQuery, SessionBook, SpentQuery } from '#domain/books-query.ts'
import type { WantedKey } from '#domain/client-key.ts'
import type { LimitReading, RequestAdmitted } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'
import type { ModelId, ProviderId, RequestId } from '#domain/ids.ts'
import type { AlertsSilenced } from '#domain/operator-facts.ts'
import type { ClientKey } from '#domain/projections/client-keys.ts'
import type { NewEvent, RecordedEvent } from '#domain/recorded-event.ts'
import type { Upcast } from '#domain/upcast.ts'

// ---- the event log -------------------------------------------------------------------------------------------------

/** Why the log could not do what it was asked. */
export type EventLogReason =
  /** The disk is full or failing, the file is locked, the worker is gone: trying again later may work. */
  | { readonly _tag: 'Unavailable'; readonly detail: string }
  /** Another writer has used this (writer, writerSeq) or (stream, streamVersion) for something else. */
  | { readonly _tag: 'Conflict'; readonly detail: string }
  /** The file cannot be used: not ours, newer than this program, damaged. The message says what to do. */
  | { readonly _tag: 'Unusable'; readonly detail: string }

export class EventLogError extends Data.TaggedError('EventLogError')<{ readonly reason: EventLogReason }> {
  override get message(): string {
    return this.reason.detail
  }
}

/** A snapshot of folded state. `version` names the fold that made it; another version is never loaded. */
export interface StoredSnapshot {
  readonly version: string
  /** The last position that is folded in. */
  readonly position: number
  /** JSON text. */
  readonly state: string
}

/** `occurredAt`: epoch ms of the last event that is folded in; null: the log does not know it (any more). */
export interface DatedSnapshot extends StoredSnapshot {
  readonly occurredAt: number | null
}

/** Where the log stood at a moment. */
export interface LogPlace {
  /** The last position whose event had occurred by then; 0: none. */
  readonly position: number
  /** Up to this position events are missing, because they went to an archive; 0: none are. */
  readonly archivedTo: number
}

/** One row as it is read back; events that this release cannot know are passed on as such, never dropped silently. */
export type ReadEvent =
  | { readonly _tag: 'Known'; readonly recorded: RecordedEvent }
  | { readonly _tag: 'Foreign'; readonly position: number; readonly upcast: Exclude<Upcast, { _tag: 'Known' }> }

export interface ReadQuery {
  /** Exclusive; 0 reads from the beginning. */
  readonly after: number
  /** At most this many rows (at most 10,000). */
  readonly limit: number
  readonly types?: readonly string[]
  readonly stream?: string
  readonly correlation?: string
  /** Epoch ms, inclusive, by occurredAt. */
  readonly since?: number
  readonly until?: number
  /** Newest first; `after` is then ignored and `before` (exclusive) pages. */
  readonly descending?: boolean
  readonly before?: number
}

export interface LogStats {
  readonly head: number
  readonly databaseBytes: number
  readonly walBytes: number
}

export interface VerifyProblem {
  readonly position: number | null
  readonly problem: string
}

export interface VerifyReport {
  readonly events: number
  readonly head: number
  readonly problems: readonly VerifyProblem[]
}

/**
 * The append-only log. Contract (test/support/event-log-contract.ts): positions gapless from 1 in append order; an append
 * is all or nothing and durable when it returns; appending the same (writer, writerSeq) range again returns the same
 * positions and changes nothing; what a reader has seen never changes.
 */
export class EventLog extends Context.Service<
  EventLog,
  {
    /** Appends in order; returns the position of the last event. */
    readonly append: (events: readonly NewEvent[]) => Effect.Effect<number, EventLogError>
    readonly read: (query: ReadQuery) => Effect.Effect<readonly ReadEvent[], EventLogError>
    readonly head: Effect.Effect<number, EventLogError>
    readonly saveSnapshot: (snapshot: StoredSnapshot) => Effect.Effect<void, EventLogError>
    /** The newest snapshot of this version, if any. */
    readonly latestSnapshot: (version: string) => Effect.Effect<StoredSnapshot | undefined, EventLogError>
    /** The newest snapshot of this version up to a position (inclusive), if any. Older ones are thinned out with time. */
    readonly snapshotBefore: (
      version: string,
      position: number,
    ) => Effect.Effect<DatedSnapshot | undefined, EventLogError>
    /** Where the log stood at a moment (epoch ms), as far as clocks were never set back by more than an hour. */
    readonly placeAt: (at: number) => Effect.Effect<LogPlace, EventLogError>
    /** Reads the whole log and checks it; calls back with the share done (0..1). */
    readonly verify: (progress: (share: number) => void) => Effect.Effect<VerifyReport, EventLogError>
    readonly stats: Effect.Effect<LogStats, EventLogError>
  }
>()('signalbox/actors/EventLog') {}

// ---- the books -----------------------------------------------------------------------------------------------------

/**
 * Requests and costs as tables beside the log, which change in the same transaction as it. Asking them costs the main thread
 * no more than taking the answer. Contract: test/support/books-contract.ts.
 */
export class Books extends Context.Service<
  Books,
  {
    /** Sums by up to two dimensions. Dies with RangeError for a time zone that does not exist. */
    readonly costs: (query: CostQuery) => Effect.Effect<CostReport, EventLogError>
    /** Pages of requests, newest first. */
    readonly requests: (query: RequestQuery) => Effect.Effect<RequestPage, EventLogError>
    readonly request: (requestId: string) => Effect.Effect<BookedRequest | undefined, EventLogError>
    /** Undefined when nothing of such a session has been seen. */
    readonly session: (sessionId: string) => Effect.Effect<SessionBook | undefined, EventLogError>
    /** Billionths of a US dollar that attempts cost which ended in hours that begin in the span. */
    readonly spent: (query: SpentQuery) => Effect.Effect<number, EventLogError>
  }
>()('signalbox/actors/Books') {}

// ---- upstreams -----------------------------------------------------------------------------------------------------

/** Header names in lower case; values as they were sent. Order and repetition are kept. */
export type HeaderList = readonly (readonly [name: string, value: string])[]

/** What a call asks of which model. */
export interface Target {
  /** As the client spelled it. */
  readonly asked: ModelId
  /** The name that this provider is asked for. */
  readonly model: ModelId
  readonly stream: boolean
  /** Features that this provider has refused for this model (see projections/capabilities.ts). */
  readonly without: readonly string[]
  /** Estimated tokens of the prompt, for answers that tell the count at their end only. */
  readonly inputTokens: number
}

export interface UpstreamRequest {
  /** The path of the client's call without base URL, and its query: with the question mark, or empty. */
  readonly path: '/v1/messages' | '/v1/messages/count_tokens' | '/v1/models'
  readonly query: string
  readonly method: 'GET' | 'POST'
  /** The client's headers; the adapter removes what must not travel and adds the credential. */
  readonly headers: HeaderList
  /** The client's body; the adapter makes of it what its provider accepts. Clean: nothing of its history must be taken off (provenance.ts). */
  readonly body: Uint8Array | null
  readonly isClean?: boolean
  /** Absent for model lists. */
  readonly target?: Target
  /** Headers of the trace that it is part of, whatever the provider speaks; absent: the provider is told of none. */
  readonly trace?: HeaderList
}

/** A whole answer: the upstream's own, or what the client is to hear instead. */
export interface UpstreamAnswer {
  readonly status: number
  readonly headers: HeaderList
  readonly body: Uint8Array
}

/** What an answer that is no success means, and how the client hears of it. */
export interface Refusal {
  readonly reason: FailureReason
  /** The upstream's own answer where the client understands it, else its translation. */
  readonly answer: UpstreamAnswer
}

/** What an upstream tells while it answers. Calls come in order; after `end` or `fail` none follows. */
export interface UpstreamListener {
  readonly connected: () => void
  readonly headers: (status: number, headers: HeaderList) => void
  /** Answers false to ask for a pause; the caller of `Exchange.resume` ends it. */
  readonly data: (chunk: Uint8Array) => boolean
  readonly end: () => void
  /** `answer`: what the client may hear of it, when it is more than a lost connection. */
  readonly fail: (reason: FailureReason, answer?: UpstreamAnswer) => void
}

/** One model of a list. */
export interface ModelEntry {
  readonly id: string
  readonly displayName: string
}

/** One exchange under way. */
export interface Exchange {
  readonly resume: () => void
  /** Closes the upstream connection at once; no further call reaches the listener. */
  readonly abort: () => void
}

/** One provider as the attempt sees it: whatever it speaks, answers arrive in the Anthropic format. */
export interface Upstream {
  readonly id: ProviderId
  /** Whether it counts tokens. */
  readonly counts: boolean
  /** The models that it is known to offer without being asked; undefined: ask it. */
  readonly models: readonly ModelEntry[] | undefined
  /** Starts the exchange; failures arrive at the listener. */
  readonly open: (request: UpstreamRequest, listener: UpstreamListener) => Exchange
  /** What an answer's headers, received at `at` (epoch ms), say of the provider's limits. */
  readonly readLimits: (headers: HeaderList, at: number) => readonly LimitReading[]
  /** What a whole answer means at `at` (epoch ms). Undefined = a success. */
  readonly classify: (answer: UpstreamAnswer, at: number) => Refusal | undefined
  /** What an `error` event inside a 200 stream means. */
  readonly classifyStreamError: (data: string, at: number) => FailureReason
}

export class Upstreams extends Context.Service<
  Upstreams,
  {
    /** The upstream of a provider of the current configuration. */
    readonly get: (provider: ProviderId) => Upstream | undefined
  }
>()('signalbox/actors/Upstreams') {}

// ---- the client ----------------------------------------------------------------------------------------------------

/** The client's side of one response, as the stream gate writes it. */
export interface ClientResponse {
  /** True once status and headers have gone out. */
  readonly started: () => boolean
  readonly start: (status: number, headers: HeaderList) => void
  /** Answers false when the client reads slower than we write; `onDrain` then tells when to go on. */
  readonly write: (bytes: Uint8Array) => boolean
  readonly onDrain: (listener: () => void) => void
  /** Completes the response. */
  readonly end: (last?: Uint8Array) => void
  /** Breaks the connection off, so that the client cannot take the response for a complete one. */
  readonly destroy: () => void
}

// ---- captures ------------------------------------------------------------------------------------------------------

/** Captures cannot be read now; the message says why and what to do. */
export class CapturesUnavailable extends Data.TaggedError('CapturesUnavailable')<{ readonly message: string }> {}

/** Hears one request's answer. None of its calls waits for a disk. */
export interface CaptureTap {
  /** Bytes as they go to the client; they must not change any more. */
  readonly answer: (bytes: Uint8Array) => void
  /** Nothing follows; told once. */
  readonly end: (told: {
    /** What the client got; undefined: nothing. */
    readonly status: number | undefined
    /** The answer went out to its end. */
    readonly complete: boolean
    /** Who served it, or was tried last. */
    readonly provider: ProviderId | undefined
  }) => void
}

/** A request and its answer, without credentials and without headers. */
export interface CapturedRequest {
  readonly requestId: RequestId
  /** Epoch ms of its end. */
  readonly at: number
  readonly status: number | null
  readonly complete: boolean
  /** Credentials that were replaced before it was kept. */
  readonly redactions: number
  readonly request: Uint8Array
  readonly answer: Uint8Array
}

/** Keeps prompts and answers, where that is switched on. Losing them loses nothing of the log. */
export class Captures extends Context.Service<
  Captures,
  {
    /** Undefined: this request is not to be captured, or there is no room for it. */
    readonly begin: (admitted: Omit<RequestAdmitted, '_tag' | 'draw'>, body: Uint8Array) => CaptureTap | undefined
    /** Undefined: there is none of this request. */
    readonly read: (requestId: string) => Effect.Effect<CapturedRequest | undefined, CapturesUnavailable>
    /** Since the process started; what could not be kept is in `dropped`. */
    readonly counts: () => { readonly kept: number; readonly dropped: number }
  }
>()('signalbox/actors/Captures') {}

// ---- the operator --------------------------------------------------------------------------------------------------

/** A change that is not made. */
export class ChangeRefused extends Data.TaggedError('ChangeRefused')<{
  /** There is no such setting or provider; the value does not fit; the change cannot be made as things stand. */
  readonly reason: 'notFound' | 'invalid' | 'conflict'
  /** For the operator: what is wrong and what would be right. */
  readonly message: string
}> {}

/** One setting as the configuration names it, e.g. `routing.strategy`; null goes back to what the configuration says. */
export interface Setting {
  readonly path: string
  readonly value: Schema.Json
}

/** Absent kind or subject: any. `until`: epoch ms. */
export type WantedSilence = Omit<typeof AlertsSilenced.Type, '_tag' | 'by'>

/** A client key before it is anybody's. */
export interface MadeKey {
  readonly keyId: string
  /** The key itself: told once, kept nowhere. */
  readonly secret: Redacted.Redacted<string>
  /** SHA-256 of it, in hex. */
  readonly digest: string
}

export interface CreatedKey {
  readonly key: ClientKey
  readonly secret: MadeKey['secret']
}

/** What an operator may change while the box runs. `by` says who, as `admin 127.0.0.1`. Changes are durable when they return. */
export class AdminActions extends Context.Service<
  AdminActions,
  {
    /** All of them, or none. */
    readonly setOverrides: (settings: readonly Setting[], by: string) => Effect.Effect<void, ChangeRefused>
    /** Takes a budget out of force, one of the configuration too. */
    readonly removeBudget: (name: string, by: string) => Effect.Effect<void, ChangeRefused>
    /** Nothing is sent of some alerts until then; a time that has passed ends a silence. */
    readonly silence: (wanted: WantedSilence, by: string) => Effect.Effect<void>
    /** Declares a provider well: its circuit closes, its throttle ends. */
    readonly resetBreaker: (provider: ProviderId, by: string) => Effect.Effect<void, ChangeRefused>
    readonly createKey: (wanted: WantedKey, by: string) => Effect.Effect<CreatedKey, ChangeRefused>
    /** One that is revoked already stays as it is. */
    readonly revokeKey: (keyId: string, by: string) => Effect.Effect<ClientKey, ChangeRefused>
  }
>()('signalbox/actors/AdminActions') {}
