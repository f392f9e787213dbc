/**
 * What stands around every path of the admin API, its documents included: whose pages may call, bodies in JSON only, and
 * headers that keep answers out of caches and from being taken for something else. Host and other sites were looked at before
 * (http/guard.ts); a token is asked for behind (access.ts).
 */
import { ByteSize, Cause, Effect } from 'effect'
import { HttpIncomingMessage, HttpServerError, HttpServerRequest, HttpServerResponse } from 'effect/http'
import { adminError } from '#http/admin/admin-error.ts'
import { isSameOrigin } from '#http/guard.ts'

type Response = HttpServerResponse.HttpServerResponse

const refusal = (status: number, body: object, headers: Readonly<Record<string, string>> = {}): Response =>
  HttpServerResponse.jsonUnsafe(body, { status, headers })

const SAFE = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' }

/** Kept by a browser for ten minutes: what it asks about changes with a restart only. */
const PREFLIGHT = {
  'access-control-allow-methods': 'GET, POST, PUT, DELETE',
  'access-control-allow-headers': 'authorization, content-type, last-event-id',
  'access-control-max-age': '600',
}

export interface GateOptions {
  /** As browsers write them: scheme, host and port, no path. */
  readonly corsOrigins: ReadonlySet<string>
  /** Bytes of a body. */
  readonly bodyLimit: number
}

export const gate = <E, R>(
  { corsOrigins, bodyLimit }: GateOptions,
  routes: Effect.Effect<Response, E, R>,
  /** What a path that no route has, or not with this method, is told. */
  fallback: (request: HttpServerRequest.HttpServerRequest) => Response,
): Effect.Effect<Response, never, R | HttpServerRequest.HttpServerRequest> =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const { origin, host } = request.headers
    const isOther = origin !== undefined && !isSameOrigin(origin, host)
    if (isOther && !corsOrigins.has(origin)) {
      const message = 'Pages of this origin may not call. Add it to server.corsOrigins, if it is yours.'
      return HttpServerResponse.setHeaders(refusal(403, adminError.forbidden(message)), SAFE)
    }
    const open = isOther ? { 'access-control-allow-origin': origin, vary: 'origin' } : {}
    const response = yield* answer(request, isOther, limited(routes, bodyLimit), fallback, bodyLimit)
    return HttpServerResponse.setHeaders(response, { ...SAFE, ...open })
  })

const answer = <E, R>(
  request: HttpServerRequest.HttpServerRequest,
  isOther: boolean,
  routes: Effect.Effect<Response, E, R>,
  fallback: (request: HttpServerRequest.HttpServerRequest) => Response,
  bodyLimit: number,
): Effect.Effect<Response, never, R> => {
  if (request.method === 'OPTIONS' && isOther) {
    return Effect.succeed(HttpServerResponse.empty({ status: 204, headers: PREFLIGHT }))
  }
  // A form of another page can send no JSON without asking first.
  if (!READS.has(request.method) && !isJson(request.headers['content-type'])) {
    const message = 'Send the request with content-type: application/json.'
    return Effect.succeed(refusal(415, adminError.unsupportedMediaType(message)))
  }
  if (Number(request.headers['content-length'] ?? 0) > bodyLimit) {
    return Effect.succeed(refusal(413, adminError.tooLarge(`The body exceeds ${bodyLimit} bytes (server.bodyLimit).`)))
  }
  return Effect.catchCause(routes, (cause) => {
    if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
    const reason = reasonOf(cause)
    if (reason === 'RouteNotFound') return Effect.succeed(fallback(request))
    if (reason === 'RequestParseError') {
      const message = `The body cannot be read: it is no JSON, or exceeds ${bodyLimit} bytes (server.bodyLimit).`
      return Effect.succeed(refusal(400, adminError.invalidRequest(message)))
    }
    return Effect.as(
      Effect.logError('a request to the admin API died of a bug', cause),
      refusal(500, adminError.internal('Signalbox has made a mistake; its log has the details.')),
    )
  })
}

/** What comes in chunks tells its length at the end only. */
const limited = <A, E, R>(routes: Effect.Effect<A, E, R>, bodyLimit: number): Effect.Effect<A, E, R> =>
  Effect.provideService(routes, HttpIncomingMessage.MaxBodySize, ByteSize.bytes(bodyLimit))

const READS = new Set(['GET', 'HEAD', 'OPTIONS'])

const isJson = (type: string | undefined): boolean => type?.split(';')[0]?.trim().toLowerCase() === 'application/json'

const reasonOf = (cause: Cause.Cause<unknown>): HttpServerError.HttpServerError['reason']['_tag'] | undefined => {
  const error = Cause.squash(cause)
  return HttpServerError.isHttpServerError(error) ? error.reason._tag : undefined
}
