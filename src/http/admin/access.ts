/**
 * Who may call the admin API: whoever has its token. The admin token reads and changes; the read token only reads. Every
 * endpoint but those of GET changes something, unless it is annotated as one that only reads; and some show what not everybody may
 * see who looks.
 */
import { Context, Effect, Layer, Option, Redacted } from 'effect'
import { HttpServerRequest, HttpServerResponse } from 'effect/http'
import { HttpApiMiddleware, HttpApiSecurity } from 'effect/http-api'
import { adminError, Forbidden, RateLimited, Unauthorized } from '#http/admin/admin-error.ts'
import { type JudgeToken, secondsUntil } from '#http/admin/tokens.ts'

/** Who calls, as events name it: `admin 127.0.0.1`. */
export class Caller extends Context.Service<Caller, { readonly by: string }>()('signalbox/http/admin/Caller') {}

/** Annotation of an endpoint that is asked with POST and yet changes nothing. */
export const OnlyReads: Context.Reference<boolean> = Context.Reference('signalbox/http/admin/OnlyReads', {
  defaultValue: () => false,
})

/** Annotation of an endpoint that the read token does not open, although it changes nothing. */
export const AdminOnly: Context.Reference<boolean> = Context.Reference('signalbox/http/admin/AdminOnly', {
  defaultValue: () => false,
})

export class Access extends HttpApiMiddleware.Service<Access, { provides: Caller }>()('signalbox/http/admin/Access', {
  security: { token: HttpApiSecurity.bearer },
  error: [Unauthorized, Forbidden, RateLimited],
}) {}

const refusal = (status: number, body: object, headers: Readonly<Record<string, string>>) =>
  HttpServerResponse.jsonUnsafe(body, { status, headers })

export const accessLayer = (judge: JudgeToken): Layer.Layer<Access> =>
  Layer.effect(
    Access,
    Effect.gen(function* () {
      const clock = yield* Effect.clockWith(Effect.succeed)

      return Access.of({
        token: Effect.fnUntraced(function* (endpointEffect, { credential, endpoint }) {
          const request = yield* HttpServerRequest.HttpServerRequest
          const address = Option.getOrElse(request.remoteAddress, () => 'unknown')
          const now = clock.currentTimeMillisUnsafe()
          const verdict = judge(Redacted.value(credential), address, now)
          if (verdict._tag === 'Blocked') {
            return refusal(429, adminError.rateLimited('Too many wrong tokens from this address. Wait.'), {
              'retry-after': String(secondsUntil(verdict.until, now)),
            })
          }
          if (verdict._tag === 'Wrong') {
            return refusal(
              401,
              adminError.unauthorized('Send the admin token: `authorization: Bearer TOKEN`. See docs/admin.md.'),
              { 'www-authenticate': 'Bearer' },
            )
          }
          const isAdmin = verdict._tag === 'Admin'
          if (!isAdmin && endpoint.method !== 'GET' && !Context.get(endpoint.annotations, OnlyReads)) {
            return refusal(403, adminError.forbidden('The read token changes nothing; this needs the admin token.'), {})
          }
          if (!isAdmin && Context.get(endpoint.annotations, AdminOnly)) {
            return refusal(
              403,
              adminError.forbidden('The read token does not open this; it needs the admin token.'),
              {},
            )
          }
          const by = `${isAdmin ? 'admin' : 'reader'} ${address}`
          return yield* Effect.provideService(endpointEffect, Caller, Caller.of({ by }))
        }),
      })
    }),
  )
