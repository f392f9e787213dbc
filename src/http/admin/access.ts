/**
 * Who may call the admin API: whoever has its token. The admin token reads and changes; the read token only reads. Every
 * endpoint but those of GET changes something, unless it is annotated as one that only reads; and some show what not everybody may
 * see who looks.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { Context, Effect, Layer, Option, Redacted } from 'effect'
import { HttpServerRequest, HttpServerResponse } from 'effect/http'
import { HttpApiMiddleware, HttpApiSecurity } from 'effect/http-api'
import { adminError, Forbidden, RateLimited, Unauthorized } from '#http/admin/admin-error.ts'
import { makeFailedAttempts } from '#http/admin/failed-attempts.ts'

export interface AdminTokens {
  readonly admin: Redacted.Redacted<string>
  readonly read?: Redacted.Redacted<string> | undefined
}

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

/** Of equal length whatever was sent, so that a comparison takes as long for any. */
const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest()

const refusal = (status: number, body: object, headers: Readonly<Record<string, string>>) =>
  HttpServerResponse.jsonUnsafe(body, { status, headers })

export const accessLayer = (tokens: AdminTokens): Layer.Layer<Access> =>
  Layer.effect(
    Access,
    Effect.gen(function* () {
      const clock = yield* Effect.clockWith(Effect.succeed)
      const failed = makeFailedAttempts()
      const admin = digestOf(Redacted.value(tokens.admin))
      const read = tokens.read === undefined ? undefined : digestOf(Redacted.value(tokens.read))

      return Access.of({
        token: Effect.fnUntraced(function* (endpointEffect, { credential, endpoint }) {
          const request = yield* HttpServerRequest.HttpServerRequest
          const address = Option.getOrElse(request.remoteAddress, () => 'unknown')
          const now = clock.currentTimeMillisUnsafe()
          const blockedUntil = failed.blockedUntil(address, now)
          if (blockedUntil !== undefined) {
            const seconds = Math.max(1, Math.ceil((blockedUntil - now) / 1_000))
            return refusal(429, adminError.rateLimited('Too many wrong tokens from this address. Wait.'), {
              'retry-after': String(seconds),
            })
          }
          const digest = digestOf(Redacted.value(credential))
          // Both are compared always: how long it takes says nothing.
          const isAdmin = timingSafeEqual(digest, admin)
          const isReader = timingSafeEqual(digest, read ?? admin)
          if (!isAdmin && !isReader) {
            // To send none is no guess.
            if (Redacted.value(credential) !== '') failed.count(address, digest.toString('base64'), now)
            return refusal(
              401,
              adminError.unauthorized('Send the admin token: `authorization: Bearer TOKEN`. See docs/admin.md.'),
              { 'www-authenticate': 'Bearer' },
            )
          }
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
