/**
 * Branded identifiers. A bare string never goes where an id is meant; the constructors below are the only casts.
 */
import { Schema } from 'effect'

/** The operator's name of a provider in the configuration, e.g. `vertex`. */
export const ProviderId = Schema.String.pipe(Schema.brand('ProviderId'))
export type ProviderId = typeof ProviderId.Type

/** One client request, `req_` + 22 base-62 characters; also the `x-signalbox-request-id` response header. */
export const RequestId = Schema.String.pipe(Schema.brand('RequestId'))
export type RequestId = typeof RequestId.Type

/** A model's name as some party spells it: the client in a request, a provider in an attempt. */
export const ModelId = Schema.String.pipe(Schema.brand('ModelId'))
export type ModelId = typeof ModelId.Type

export const providerId = (value: string): ProviderId => value as ProviderId
export const requestId = (value: string): RequestId => value as RequestId
export const modelId = (value: string): ModelId => value as ModelId
