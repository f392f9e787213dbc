/**
 * /admin/requests/{id}/capture: the prompt and the answer of one request, where they were captured. Never part of a list, for the
 * admin token alone, and in the log with who looked.
 */
import { isUtf8 } from 'node:buffer'
import { Effect, Schema } from 'effect'
import { HttpServerResponse } from 'effect/http'
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, OpenApi } from 'effect/http-api'
import { Ledger } from '#actors/ledger.ts'
import type { CapturedRequest } from '#actors/ports.ts'
import { RequestId } from '#domain/ids.ts'
import { Access, AdminOnly, Caller } from '#http/admin/access.ts'
import { ADMIN_API, Admin } from '#http/admin/admin.ts'
import { adminError, NotFound, Unavailable } from '#http/admin/admin-error.ts'
import { RequestErrors } from '#http/admin/request-errors.ts'

/** Bytes as a text; in base64 where they are none. */
const Body = Schema.Struct({
  bytes: Schema.Int,
  encoding: Schema.Literals(['utf8', 'base64']),
  text: Schema.String,
}).annotate({ identifier: 'CapturedBody' })

export const CaptureView = Schema.Struct({
  requestId: RequestId,
  /** Epoch ms of its end. */
  at: Schema.Finite,
  /** What the client got; null: nothing. */
  status: Schema.NullOr(Schema.Int),
  /** The answer went out to its end. */
  complete: Schema.Boolean,
  /** Credentials that were replaced before it was kept. */
  redactions: Schema.Int,
  request: Body,
  /** As it was sent; of a stream its events. */
  answer: Body,
}).annotate({ identifier: 'Capture' })
export type CaptureView = typeof CaptureView.Type

const bodyOf = (bytes: Uint8Array): typeof Body.Type => {
  const encoding = isUtf8(bytes) ? 'utf8' : 'base64'
  return { bytes: bytes.length, encoding, text: Buffer.from(bytes).toString(encoding) }
}

export const captureView = ({ request, answer, ...told }: CapturedRequest): CaptureView => ({
  ...told,
  request: bodyOf(request),
  answer: bodyOf(answer),
})

export const capturesGroup = HttpApiGroup.make('captures')
  .add(
    HttpApiEndpoint.get('get', '/:id/capture', {
      params: { id: Schema.String },
      success: CaptureView,
      error: [NotFound, Unavailable],
    })
      .annotate(AdminOnly, true)
      .annotateMerge(
        OpenApi.annotations({
          description:
            'The prompt and the answer of one request, where they were captured; credentials in them were replaced. Needs the admin token, and leaves an event that says who looked.',
        }),
      ),
  )
  .middleware(RequestErrors)
  .middleware(Access)
  .prefix('/admin/requests')
  .annotateMerge(OpenApi.annotations({ description: 'Prompts and answers, where they are captured.' }))

export const capturesLayer = HttpApiBuilder.group(
  HttpApi.make(ADMIN_API).add(capturesGroup),
  'captures',
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    const { captures } = yield* Admin
    const clock = yield* Effect.clockWith(Effect.succeed)
    return handlers.handleAll({
      get: Effect.fnUntraced(function* ({ params: { id } }) {
        if (captures === undefined) {
          return yield* Effect.fail(adminError.notFound('Nothing is captured: capture.enabled is false.'))
        }
        const found = yield* captures.read(id).pipe(
          Effect.tapError((error) => Effect.logError('a capture cannot be read', { detail: error.message })),
          Effect.mapError(() => adminError.unavailable('The captures cannot be read at present.')),
        )
        if (found === undefined) return yield* Effect.fail(adminError.notFound('Nothing was captured of this request.'))
        const { by } = yield* Caller
        ledger.record({ _tag: 'CaptureRead', requestId: found.requestId, by }, clock.currentTimeMillisUnsafe())
        yield* ledger.committed
        return HttpServerResponse.jsonUnsafe(captureView(found))
      }),
    })
  }),
)
