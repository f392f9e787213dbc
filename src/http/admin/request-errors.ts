/**
 * A parameter or a body that does not fit its schema: 400 with what is wrong, in words.
 */
import { Effect, type Layer } from 'effect'
import { HttpApiMiddleware } from 'effect/http-api'
import { adminError, InvalidRequest } from '#http/admin/admin-error.ts'

export class RequestErrors extends HttpApiMiddleware.Service<RequestErrors>()('signalbox/http/admin/RequestErrors', {
  error: InvalidRequest,
}) {}

/** What we answer ourselves is not the caller's mistake: it stays a defect. */
const INCOMING = new Set(['Params', 'Headers', 'Query', 'Payload'])

export const requestErrorsLayer: Layer.Layer<RequestErrors> = HttpApiMiddleware.layerSchemaErrorTransform(
  RequestErrors,
  (error) =>
    INCOMING.has(error.kind)
      ? Effect.fail(
          adminError.invalidRequest(`${error.kind.toLowerCase()}: ${error.cause.message.replaceAll(/\s+/g, ' ')}`),
        )
      : Effect.fail(error),
)
