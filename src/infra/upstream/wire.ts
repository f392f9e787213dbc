/**
 * What a dialect does between the client's call and the provider's HTTP: it makes the call, and it puts itself between the
 * answer and whoever listens where answers must be translated. Pure but for what it is handed; http-upstream.ts does the I/O.
 */
import type { HeaderList, UpstreamListener, UpstreamRequest } from '#actors/ports.ts'
import type { Steps } from '#domain/steps.ts'

/** A call as the provider gets it, without its credential. */
export interface Outgoing {
  readonly _tag: 'Outgoing'
  /** After the base URL, with the query. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: HeaderList
  readonly body: Uint8Array | null
  /** Absent: the answer is in the Anthropic format already. */
  readonly translate?: Translation
}

/** This provider cannot do what the request is about; another may. `message` is for the client, if nobody can. */
export interface Refused {
  readonly _tag: 'Refused'
  readonly message: string
}

export type Prepared = Outgoing | Refused

/** What a translation may do besides translating. */
export interface TranslationControl {
  /** Epoch ms. */
  readonly now: () => number
  /** Runs once, after `ms`, unless the answer called is run first. */
  readonly after: (ms: number, run: () => void) => () => void
  /** Breaks the exchange off. */
  readonly abort: () => void
}

/** Hears the provider, tells the client's side. */
export type Translation = (client: UpstreamListener, control: TranslationControl) => UpstreamListener

/**
 * Yields between steps that cost time in proportion to the body, so that the caller may let others run in between.
 * @returns what goes out
 */
export type Preparation = Steps<Prepared>

export interface Wire {
  readonly prepare: (request: UpstreamRequest) => Preparation
}

/** The model's name in a path: whole, whatever characters it has, halves of some too; `;` would end a path segment for some servers. */
export const pathOf = (template: string, model: string | undefined): string =>
  template.replaceAll('{model}', () => encodeURIComponent((model ?? '').toWellFormed()))
