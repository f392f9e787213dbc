/**
 * The first look at a request, before routing and on every path: is it meant for us? A page in a browser can reach a local
 * port by re-binding a name to 127.0.0.1, so the Host must be one of ours; duplicate Host headers and absolute-form targets
 * pass Node's parser and are refused here.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { type ErrorAnswer, errorAnswer } from '#domain/dialect/anthropic-error.ts'

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

const HOST = 'host'

/** Host name of a Host header without its port, in lower case. */
const hostName = (host: string): string => host.toLowerCase().replace(/:\d*$/, '')

const hostHeaders = (request: IncomingMessage): readonly string[] => {
  const hosts: string[] = []
  const { rawHeaders } = request
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]
    if (name?.length === HOST.length && name.toLowerCase() === HOST) hosts.push(rawHeaders[i + 1] ?? '')
  }
  return hosts
}

/**
 * @param allowed names beside the loopback ones, from `server.allowedHosts`
 * @param corsOrigins origins whose pages may call the admin API
 * @returns the refusal, or undefined when the request may go on
 */
export const guard = (
  request: IncomingMessage,
  allowed: ReadonlySet<string>,
  corsOrigins: ReadonlySet<string> = NOBODY,
): ErrorAnswer | undefined => {
  const hosts = hostHeaders(request)
  const [host] = hosts
  if (host === undefined || hosts.length !== 1)
    return errorAnswer.invalidRequest('Exactly one Host header is required.')
  if (!request.url?.startsWith('/')) return errorAnswer.invalidRequest('The request target must be a path.')
  const name = hostName(host)
  if (!LOOPBACK.has(name) && !allowed.has(name) && name !== ownAddress(request)) {
    return errorAnswer.forbidden(
      'This Host is not served here. Use 127.0.0.1 or localhost, or add the name to server.allowedHosts.',
    )
  }
  // A page of another origin has no business here; tools and scripts send no such headers. The admin API looks at Origin itself.
  const { headers, url } = request
  const isForeign =
    isOfAnotherOrigin(headers) ||
    (headers.origin !== undefined && !url.startsWith('/admin/') && !isSameOrigin(headers.origin, host))
  if (isForeign && !mayCall(request, corsOrigins) && !opensThePage(request)) {
    return errorAnswer.forbidden('Requests from other sites are not served.')
  }
  return undefined
}

/**
 * By what a browser says itself. A page on another port of this machine, or of another host of the domain, is of the same site.
 * What a page has fetched in advance says that nobody caused it (`none`), wherever the page is from.
 */
const isOfAnotherOrigin = (headers: IncomingHttpHeaders): boolean =>
  headers['sec-fetch-site'] === 'cross-site' ||
  headers['sec-fetch-site'] === 'same-site' ||
  String(headers['sec-purpose'] ?? '').startsWith('prefetch')

/** A page that was loaded from here. `null`, the origin of a sandbox, is nobody's. */
export const isSameOrigin = (origin: string, host: string | undefined): boolean =>
  host !== undefined && URL.parse(origin)?.host === host.toLowerCase()

/**
 * The address that the connection came to, as a Host header writes it: health checks and Prometheus ask by it. An address
 * cannot be re-bound, so whoever asks for ours means us.
 */
const ownAddress = ({ socket: { localAddress } }: IncomingMessage): string | undefined => {
  if (localAddress?.startsWith('::ffff:')) return localAddress.slice('::ffff:'.length)
  return localAddress?.includes(':') ? `[${localAddress}]` : localAddress
}

/** Somebody clicked a link to the dashboard on another site. The page that opens asks with its own token, and cannot be framed. */
const opensThePage = ({ method, url, headers }: IncomingMessage): boolean =>
  method === 'GET' &&
  url === '/' &&
  headers['sec-purpose'] === undefined &&
  headers['sec-fetch-mode'] === 'navigate' &&
  headers['sec-fetch-dest'] === 'document'

const NOBODY: ReadonlySet<string> = new Set()

const mayCall = ({ url, headers }: IncomingMessage, corsOrigins: ReadonlySet<string>): boolean =>
  url?.startsWith('/admin/') === true && headers.origin !== undefined && corsOrigins.has(headers.origin)
