/**
 * Which of the client's headers travel on to a provider of its own dialect: an open list, all but those of the connection,
 * of proxies in front of us, of our own, and the client's credential where Signalbox holds another.
 */
import type { HeaderList } from '#actors/ports.ts'
import { HOP_BY_HOP } from '#infra/upstream/hop-by-hop.ts'

const NEVER_FORWARDED = new Set([
  ...HOP_BY_HOP,
  'host',
  'expect',
  'accept-encoding',
  'cookie',
  'forwarded',
  'via',
  'x-real-ip',
  // A trace names other systems of the client's; it goes on where the configuration says so, by UpstreamRequest.trace.
  'traceparent',
  'tracestate',
  'baggage',
])

const CREDENTIALS = new Set(['authorization', 'x-api-key', 'api-key'])

const travels = (name: string): boolean =>
  !NEVER_FORWARDED.has(name) && !name.startsWith('x-forwarded-') && !name.startsWith('x-signalbox-')

/** @param ownCredential true: the client's own credential goes along. */
export const forwardedHeaders = (headers: HeaderList, ownCredential: boolean): HeaderList => {
  // Headers that the client's Connection header names are hop-by-hop too.
  const connection = headers
    .filter(([name]) => name === 'connection')
    .flatMap(([, value]) => value.toLowerCase().split(/\s*,\s*/))
  return headers.filter(
    ([name]) => travels(name) && !connection.includes(name) && (ownCredential || !CREDENTIALS.has(name)),
  )
}

/** `headers` with `more` in place of those of the same names. */
export const withHeaders = (headers: HeaderList, more: HeaderList): HeaderList => {
  if (more.length === 0) return headers
  const replaced = new Set(more.map(([name]) => name))
  return [...headers.filter(([name]) => !replaced.has(name)), ...more]
}
