/**
 * The seam between what a provider decides (engine.ts) and the API it speaks. A wire reads a request: what it asks for, or
 * why it is refused; and brings the speech in which the answer is given.
 */
import type { HeaderList } from '#actors/ports.ts'
import type { Message } from '#infra/simulator/content.ts'
import type { EngineOptions } from '#infra/simulator/engine-options.ts'
import type { LimitName, RateLimits } from '#infra/simulator/rate-limits.ts'
import type { Refusal } from '#infra/simulator/refusal.ts'
import type { MessagesBody } from '#infra/simulator/request-body.ts'
import type { StatusStep } from '#infra/simulator/script.ts'
import type { StreamEvent, StreamShape } from '#infra/simulator/stream-events.ts'

export interface EngineRequest {
  readonly method: string
  /** With query. */
  readonly path: string
  readonly headers: HeaderList
  readonly body: Uint8Array
  readonly requestId: string
  /** Epoch ms. */
  readonly at: number
}

/** What a wire may know of its provider. */
export interface WireContext {
  readonly options: EngineOptions
  readonly seed: number
  readonly limits: RateLimits
}

export type Wire = (request: EngineRequest) => Reading

export interface Reading {
  readonly ask: Ask
  readonly speech: Speech
}

export type Ask =
  /** A model call. `body` has the Messages format, whatever came. Larger prompts than `maxInputTokens` are refused. */
  | { readonly _tag: 'Call'; readonly body: MessagesBody; readonly maxInputTokens: number }
  | { readonly _tag: 'Count'; readonly body: MessagesBody }
  /** A fixed answer, e.g. the model list, unless a script has another. */
  | { readonly _tag: 'Data'; readonly body: object }
  /** The same for what is not there. */
  | { readonly _tag: 'Missing'; readonly refusal: Refusal }
  /** Key, shape or model are wrong: no script is asked. */
  | { readonly _tag: 'Refused'; readonly refusal: Refusal | StatusStep }
  /** 200 and nothing else. */
  | { readonly _tag: 'Hello' }

/** How answers to one request are worded. */
export interface Speech {
  /** What ids of messages and tool calls begin with. */
  readonly ids: { readonly message: string; readonly toolUse: string }
  readonly jsonType: string
  /** On every API response; `exhausted` is shown as used up. */
  readonly headers: (exhausted?: { readonly limit: LimitName; readonly retryAfterSeconds: number }) => HeaderList
  readonly refuse: (refusal: Refusal) => StatusStep
  /** The JSON of an error body; some wires put their request id in. */
  readonly errorBody: (body: object) => object
  readonly json: (message: Message) => object
  readonly events: (message: Message, shape: StreamShape) => readonly StreamEvent[]
  /** An error in the middle of a stream; `type` is an error type of the Anthropic API. */
  readonly errorEvent: (type: string, message: string | undefined) => Uint8Array
  /** What keeps a silent stream alive. */
  readonly ping: Uint8Array
}

export const headerOf = (headers: HeaderList, name: string): string | undefined =>
  headers.find(([key]) => key.toLowerCase() === name)?.[1]

export const bearerOf = (headers: HeaderList): string | undefined =>
  /^Bearer (.+)$/i.exec(headerOf(headers, 'authorization') ?? '')?.[1]

/** 1,000,000 tokens: the context of the models that are simulated. */
export const DEFAULT_MAX_INPUT_TOKENS = 1_000_000

/** Bytes of the largest body by default: 32 MB, as the Anthropic API. */
export const DEFAULT_MAX_BODY_BYTES = 32 * 1_024 * 1_024

export const tooLarge = (request: EngineRequest, options: EngineOptions): boolean =>
  request.body.length > (options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES)
