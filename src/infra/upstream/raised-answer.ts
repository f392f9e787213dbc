/**
 * What the translations of whole and of streamed answers share: the headers for the client, errors inside a 200.
 */
import type { HeaderList, UpstreamAnswer } from '#actors/ports.ts'
import { DROPPED_HEADER } from '#actors/respond.ts'
import { type RaisedError, raiseReason } from '#domain/dialect/openai/raise-error.ts'
import type { FailureReason } from '#domain/failure.ts'

const encoder = new TextEncoder()

export const isSuccess = (status: number): boolean => status >= 200 && status < 300

/** The server's headers mean the chat body; of them the client gets the id, and what limits and ends the server announces. */
const KEPT = /^(retry-after|retry-after-ms|sunset|deprecation|openai-processing-ms|x-ratelimit-.+)$/
const ID_HEADERS = ['x-request-id', 'x-generation-id', 'apim-request-id', 'request-id']

export const raisedHeaders = (headers: HeaderList, contentType: string, dropped: readonly string[]): HeaderList => {
  const id = ID_HEADERS.flatMap((wanted) => headers.find(([name]) => name === wanted)?.[1] ?? [])[0]
  return [
    ['content-type', contentType],
    ...headers.filter(([name]) => KEPT.test(name)),
    ...(id === undefined ? [] : ([['request-id', id]] as const)),
    ...(dropped.length === 0 ? [] : ([[DROPPED_HEADER, headerText(dropped)]] as const)),
  ]
}

const headerText = (paths: readonly string[]): string =>
  paths
    .join(', ')
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, MOST_DROPPED)

/** Field names are the client's to choose; a header has its limits. */
const MOST_DROPPED = 1_000

/** An error inside a 200, as the answer that it should have been. */
export const errorAnswerOf = ({ reason, message }: RaisedError, at: number): UpstreamAnswer => {
  const { status, headers, body } = raiseReason(reason, [], message, at)
  return { status, headers, body: encoder.encode(body) }
}

/** As for every whole answer; see attempt.ts. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024
export const TOO_LARGE = `the answer is larger than ${MAX_ANSWER_BYTES} bytes`

export const malformed = (detail: string): FailureReason => ({ _tag: 'MalformedOutput', detail })
