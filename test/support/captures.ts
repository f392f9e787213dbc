/**
 * The recorded exchanges of test/fixtures/captures: what the real clients sent, and what the scripted server answered.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { HeaderList } from '#actors/ports.ts'

export interface CapturedResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: HeaderList
  /** The bytes of the body as the server wrote them; an event stream with LF line ends. */
  readonly body: Buffer
  /** How the response ended: in full, by a reset of the connection, or because the client left. */
  readonly ending: 'complete' | 'reset' | 'clientLeft'
}

export interface CapturedExchange {
  /** 1, 2, 3 … in the capture; requests whose body was not recorded are missing. */
  readonly n: number
  readonly method: string
  /** With query. */
  readonly path: string
  /** In wire order, names as they were sent, connection headers included. */
  readonly headers: HeaderList
  readonly body: Buffer
  /** `standIn`: another capture's body of the same kind. */
  readonly bodyIs: 'recorded' | 'standIn'
  /** Undefined when the client left before there was one. */
  readonly response: CapturedResponse | undefined
}

export interface Capture {
  readonly name: string
  readonly about: string
  readonly client: string
  readonly exchanges: readonly CapturedExchange[]
}

/** All captures, by name. About 7 MB of text: load them once per test file. */
export const loadCaptures = (): readonly Capture[] =>
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json.gz'))
    .sort()
    .map((file) => {
      const stored = JSON.parse(gunzipSync(readFileSync(new URL(file, FOLDER))).toString()) as Stored
      return { ...stored, exchanges: stored.exchanges.map(revive) }
    })

const FOLDER = new URL('../fixtures/captures/', import.meta.url)

type StoredResponse = Omit<CapturedResponse, 'body'> & { readonly body: string }
type StoredExchange = Omit<CapturedExchange, 'body' | 'response'> & {
  readonly body: string
  readonly response: StoredResponse | null
}
type Stored = Omit<Capture, 'exchanges'> & { readonly exchanges: readonly StoredExchange[] }

const revive = (exchange: StoredExchange): CapturedExchange => ({
  ...exchange,
  body: Buffer.from(exchange.body),
  response:
    exchange.response === null ? undefined : { ...exchange.response, body: Buffer.from(exchange.response.body) },
})
