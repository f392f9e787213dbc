/**
 * The last step towards the client: headers of our own beside the upstream's, and the answer when nobody served.
 */
import type { FinalAnswer } from '#actors/final-answer.ts'
import type { ClientResponse, HeaderList } from '#actors/ports.ts'
import { errorBody, errorFrame } from '#domain/dialect/anthropic-error.ts'
import type { ModelId, ProviderId, RequestId } from '#domain/ids.ts'

export interface Served {
  readonly requestId: RequestId
  readonly provider?: ProviderId
  readonly model?: ModelId
  readonly attempts?: number
}

/** What of the request a translated provider did not get to see, as paths; set by the adapter. */
export const DROPPED_HEADER = 'x-signalbox-dropped'

const encoder = new TextEncoder()

/** What a client calls a model may have any character, of which a header takes few. */
const inAscii = (name: string): string => name.toWellFormed().replaceAll(/[^ -~]/gu, encodeURIComponent)

/** The upstream's end-to-end headers plus who served; `request-id` is ours only where the upstream gave none. */
export const answerHeaders = (upstream: HeaderList, served: Served, ownHeaders: HeaderList): HeaderList => {
  // An upstream that is a Signalbox too says who served it; the client hears of the nearest one.
  const headers = upstream.filter(([name]) => !name.startsWith('x-signalbox-') || name === DROPPED_HEADER)
  if (!upstream.some(([name]) => name === 'request-id')) headers.push(['request-id', served.requestId])
  headers.push(['x-signalbox-request-id', served.requestId])
  if (served.provider !== undefined) headers.push(['x-signalbox-provider', inAscii(served.provider)])
  if (served.model !== undefined) headers.push(['x-signalbox-model', inAscii(served.model)])
  if (served.attempts !== undefined) headers.push(['x-signalbox-attempts', String(served.attempts)])
  headers.push(...ownHeaders)
  return headers
}

/** Tells the client that nobody served: as an HTTP error, or as an `error` event when its 200 has gone out already. */
export const sendFinal = (client: ClientResponse, final: FinalAnswer, served: Served, ownHeaders: HeaderList): void => {
  if (client.started()) {
    // Only a stream is started early, by the gate's keep-alive.
    client.end(encoder.encode(final._tag === 'Own' ? errorFrame(final.answer) : errorEventOf(final.answer.body)))
    return
  }
  if (final._tag === 'Upstream') {
    const headers: HeaderList = final.hopeless
      ? [...final.answer.headers.filter(([name]) => name !== 'x-should-retry'), ['x-should-retry', 'false']]
      : final.answer.headers
    client.start(final.answer.status, answerHeaders(headers, { ...served, provider: final.provider }, ownHeaders))
    client.end(final.answer.body)
    return
  }
  const body = encoder.encode(errorBody(final.answer, served.requestId))
  client.start(
    final.answer.status,
    answerHeaders([['content-type', 'application/json'], ...final.answer.headers], served, ownHeaders),
  )
  client.end(body)
}

/** An upstream's error body as an event; a held stream that failed by its own event already is one. */
const errorEventOf = (body: Uint8Array): string => {
  const text = new TextDecoder().decode(body)
  // At the start of a line only: the words may stand inside a JSON message too.
  const at = text.search(/^event: ?error/m)
  if (at !== -1) return text.slice(at)
  try {
    return `event: error\ndata: ${JSON.stringify(JSON.parse(text))}\n\n`
  } catch {
    return errorFrame({
      status: 500,
      type: 'api_error',
      message: 'The provider failed with an unreadable error.',
      headers: [],
    })
  }
}
