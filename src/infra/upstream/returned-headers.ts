/**
 * Which of a provider's response headers travel on to the client: an open list, all but those of the connection, and those that
 * would speak for Signalbox's own address instead of for the answer.
 */
import type { HeaderList } from '#actors/ports.ts'
import { HOP_BY_HOP } from '#infra/upstream/hop-by-hop.ts'

/**
 * A client takes these as said by the address that it asked, which is ours: a provider would set cookies there, send it elsewhere
 * (`location`, `alt-svc`, `refresh`), have it report to others, open it to their pages, or force TLS on it.
 */
const OF_THE_ORIGIN = [
  'alt-svc',
  'clear-site-data',
  'location',
  'nel',
  'refresh',
  'report-to',
  'reporting-endpoints',
  'set-cookie',
  'strict-transport-security',
]

const KEPT_BACK = new Set([...HOP_BY_HOP, ...OF_THE_ORIGIN])

/** @param headers as undici gives them: names in lower case, repeated ones as a list */
export const returnedHeaders = (headers: NodeJS.Dict<string | string[]>): HeaderList => {
  const list: (readonly [string, string])[] = []
  const connection = String(headers.connection ?? '')
    .toLowerCase()
    .split(/\s*,\s*/)
  for (const name in headers) {
    if (KEPT_BACK.has(name) || name.startsWith('access-control-') || connection.includes(name)) continue
    const value = headers[name]
    if (typeof value === 'string') list.push([name, value])
    else if (value !== undefined) for (const one of value) list.push([name, one])
  }
  return list
}
