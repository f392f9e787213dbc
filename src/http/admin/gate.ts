/**
 * What stands around every path of the admin API, its documents included: whose pages may call, bodies in JSON only, and
 * headers that keep answers out of caches and from being taken for something else. Host and other sites were looked at before
 * (http/guard.ts); a token is asked for behind (access.ts).
 */
import { Cause, Effect } from 'effect'
import { HttpServerError, HttpServerRequest, HttpServerResponse } from 'effect/http'
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

/** @param corsOrigins as browsers write them: scheme, host and port, no path */
export const gate = <E, R>(
  corsOrigins: ReadonlySet<string>,
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
    const response = yield* answer(request, isOther, routes, fallback)
    return HttpServerResponse.setHeaders(response, { ...SAFE, ...open })
  })

const answer = <E, R>(
  request: HttpServerRequest.HttpServerRequest,
  isOther: boolean,
  routes: Effect.Effect<Response, E, R>,
  fallback: (request: HttpServerRequest.HttpServerRequest) => Response,
): Effect.Effect<Response, never, R> => {
  if (request.method === 'OPTIONS' && isOther) {
    return Effect.succeed(HttpServerResponse.empty({ status: 204, headers: PREFLIGHT }))
  }
  // A form of another page can send no JSON without asking first.
  if (!READS.has(request.method) && !isJson(request.headers['content-type'])) {
    const message = 'Send the request with content-type: application/json.'
    return Effect.succeed(refusal(415, adminError.unsupportedMediaType(message)))
  }
  return Effect.catchCause(routes, (cause) => {
    if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
    if (isNotFound(cause)) return Effect.succeed(fallback(request))
    return Effect.as(
      Effect.logError('a request to the admin API died of a bug', cause),
      refusal(500, adminError.internal('Signalbox has made a mistake; its log has the details.')),
    )
  })
}

const READS = new Set(['GET', 'HEAD', 'OPTIONS'])

const isJson = (type: string | undefined): boolean => type?.split(';')[0]?.trim().toLowerCase() === 'application/json'

const isNotFound = (cause: Cause.Cause<unknown>): boolean => {
  const error = Cause.squash(cause)
  return HttpServerError.isHttpServerError(error) && error.reason._tag === 'RouteNotFound'
}
