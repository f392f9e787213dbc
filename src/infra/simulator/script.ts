/**
 * The script of a simulated provider: plain data that says how the next requests are answered. An entry is used up after
 * `times` requests (default 1); the first entry that fits a request and is not used up serves it. When nothing fits, the
 * world decides, and without a world the provider simply answers.
 */
import type { HeaderList } from '#actors/ports.ts'
import type { Block } from '#infra/simulator/content.ts'
import type { LimitName } from '#infra/simulator/rate-limits.ts'
import type { Refusal } from '#infra/simulator/refusal.ts'

/** A point of a response. Events and bytes are counted from the start of the body; `bytes` may lie inside an event. */
export type Where = 'beforeHeaders' | 'afterHeaders' | { readonly events: number } | { readonly bytes: number }

/** What goes wrong on the way. */
export type Fault =
  /** `reset` = RST, `fin` = FIN in the middle of the HTTP message, `cleanEnd` = a complete HTTP message that lacks events. */
  | { readonly _tag: 'Drop'; readonly at: Where; readonly how: 'reset' | 'fin' | 'cleanEnd' }
  /** Silence, for ever or `forMs`; with `pingEveryMs` (in streams) pings go on. */
  | { readonly _tag: 'Stall'; readonly at: Where; readonly forMs?: number; readonly pingEveryMs?: number }
  /** An `error` event after that many events, then the end. A non-streaming answer becomes the status of that type. */
  | { readonly _tag: 'ErrorEvent'; readonly afterEvents: number; readonly type: string; readonly message?: string }

/** How an answer's bytes come. Everything at once by default. */
export interface Pace {
  /** Until the status line and `message_start`; default: firstTokenMs. */
  readonly headersMs?: number
  /** Until the first content; for a non-streaming answer the time of thinking before the tokens. */
  readonly firstTokenMs?: number
  readonly tokensPerSecond?: number
  /** Characters per delta, default 12 (three tokens). */
  readonly charactersPerDelta?: number
  readonly eventsPerWrite?: number
  /** Exact sizes of the writes; the last one repeats. They ignore event borders. */
  readonly bytesPerWrite?: number | readonly number[]
  /** Pause between writes, on top of the above. */
  readonly betweenWritesMs?: number
}

export interface AnswerStep {
  readonly _tag: 'Answer'
  /** Default: the story's turn, or a sentence that says who simulated it. */
  readonly blocks?: readonly Block[]
  readonly stopReason?: string
  /** Overrides the reported output tokens (default: by the token rule). */
  readonly outputTokens?: number
  readonly pace?: Pace
  readonly fault?: Fault
}
export interface StatusStep {
  readonly _tag: 'Status'
  readonly status: number
  /** Added to, or replacing, the usual ones. */
  readonly headers?: { readonly [name: string]: string }
  /** An object is sent as JSON with the API's headers (Claude wires add `request_id`); a text as it is, without them. */
  readonly body: object | string
  /** What the step means, for wires that say it in other words than the body. */
  readonly refusal?: Refusal
  /** Shown as used up in the rate-limit headers, until `retry-after`. */
  readonly exhausted?: LimitName
  readonly afterMs?: number
}
/** These bytes as the body, e.g. a recorded stream. */
export interface RawStep {
  readonly _tag: 'Raw'
  readonly bytes: Uint8Array | string
  readonly status?: number
  /** Replace all usual headers; default: those of an event stream. */
  readonly headers?: HeaderList
  readonly pace?: Pick<Pace, 'headersMs' | 'bytesPerWrite' | 'betweenWritesMs'>
  readonly fault?: Exclude<Fault, { _tag: 'ErrorEvent' }>
}
/** Drops every connection and stops listening for a while, on the same port. */
export interface RefuseStep {
  readonly _tag: 'RefuseConnections'
  readonly forMs: number
}
export type Step = AnswerStep | StatusStep | RawStep | RefuseStep

/** Which requests an entry serves; all named members must fit. Default: any model call, e.g. `/v1/messages`. */
export interface Match {
  readonly method?: string
  /** Without query; default: where the provider's wire takes model calls. */
  readonly path?: string
  /** 1 = the first request to that path (or the first model call), counted over all of them. */
  readonly nth?: number
  readonly stream?: boolean
  readonly model?: string
  /** Lower-case header names that must be there; a text must be equal. */
  readonly headers?: { readonly [name: string]: string | true }
  readonly bodyIncludes?: string
}
export interface Entry {
  readonly when?: Match
  /** How many requests; default 1, `Infinity` for all. */
  readonly times?: number
  readonly step: Step
}
/** A bare step is an entry for the next model call. */
export type Script = readonly (Entry | Step)[]

/** What a match looks at. */
export interface Matchable {
  readonly method: string
  readonly path: string
  /** It is a model call of the provider's wire, or wants to be: the path says so. */
  readonly calls: boolean
  /** Of this path, or of all model calls; 1 for the first. */
  readonly nth: number
  readonly headers: HeaderList
  readonly body: Uint8Array
  readonly model: string | undefined
  readonly stream: boolean
}

export const answer = (
  content?: string | readonly Block[],
  rest: Omit<AnswerStep, '_tag' | 'blocks'> = {},
): AnswerStep => ({
  _tag: 'Answer',
  ...(content === undefined
    ? {}
    : { blocks: typeof content === 'string' ? [{ type: 'text', text: content }] : content }),
  ...rest,
})
export const raw = (bytes: Uint8Array | string, rest: Omit<RawStep, '_tag' | 'bytes'> = {}): RawStep => ({
  _tag: 'Raw',
  bytes,
  ...rest,
})
export const refuseConnections = (forMs: number): RefuseStep => ({ _tag: 'RefuseConnections', forMs })
export const drop = (at: Where, how: 'reset' | 'fin' | 'cleanEnd' = 'reset'): AnswerStep =>
  answer(undefined, { fault: { _tag: 'Drop', at, how } })
export const stall = (at: Where, rest: { readonly forMs?: number; readonly pingEveryMs?: number } = {}): AnswerStep =>
  answer(undefined, { fault: { _tag: 'Stall', at, ...rest } })
export const errorEvent = (afterEvents: number, type: string, message?: string): AnswerStep =>
  answer(undefined, { fault: { _tag: 'ErrorEvent', afterEvents, type, ...(message === undefined ? {} : { message }) } })

export interface ScriptPlayer {
  readonly add: (script: Script) => void
  /** The step for this request, if an entry fits; uses it up. */
  readonly next: (request: Matchable) => Step | undefined
  /** Entries that are not used up. */
  readonly left: () => number
}

export const makeScriptPlayer = (script: Script): ScriptPlayer => {
  const entries: { readonly entry: Entry; left: number }[] = []
  const add = (more: Script): void => {
    for (const item of more) {
      const entry = 'step' in item ? item : { step: item }
      entries.push({ entry, left: entry.times ?? 1 })
    }
  }
  add(script)
  return {
    add,
    left: () => entries.length,
    next: (request) => {
      const index = entries.findIndex(({ entry }) => fits(entry.when ?? {}, request))
      const found = entries[index]
      if (found === undefined) return undefined
      found.left--
      if (found.left <= 0) entries.splice(index, 1)
      return found.entry.step
    },
  }
}

const fits = (match: Match, request: Matchable): boolean =>
  (match.path === undefined ? request.calls : match.path === request.path) &&
  (match.method === undefined || match.method === request.method) &&
  (match.nth === undefined || match.nth === request.nth) &&
  (match.stream === undefined || match.stream === request.stream) &&
  (match.model === undefined || match.model === request.model) &&
  (match.bodyIncludes === undefined || Buffer.from(request.body).includes(match.bodyIncludes)) &&
  Object.entries(match.headers ?? {}).every(([name, wanted]) =>
    request.headers.some(([key, value]) => key.toLowerCase() === name && (wanted === true || wanted === value)),
  )
