/**
 * A client key as operators see it: all that is known of it but its digest, which is of no use to anybody.
 */
import { Schema } from 'effect'
import { hasExpired } from '#domain/client-key.ts'
import type { ClientKey } from '#domain/projections/client-keys.ts'

/** Times are epoch ms. */
export const ClientKeyView = Schema.Struct({
  keyId: Schema.String,
  name: Schema.String,
  state: Schema.Literals(['active', 'expired', 'revoked']),
  /** Patterns of the models that it may ask for; null: all. */
  models: Schema.NullOr(Schema.Array(Schema.String)),
  requestsPerMinute: Schema.NullOr(Schema.Int),
  expiresAt: Schema.NullOr(Schema.Finite),
  createdAt: Schema.Finite,
  createdBy: Schema.String,
  revokedAt: Schema.NullOr(Schema.Finite),
}).annotate({ identifier: 'ClientKey' })
export type ClientKeyView = typeof ClientKeyView.Type

export const clientKeyView = (key: ClientKey, at: number): ClientKeyView => ({
  keyId: key.keyId,
  name: key.name,
  state: key.revokedAt !== undefined ? 'revoked' : hasExpired(key, at) ? 'expired' : 'active',
  models: key.models ?? null,
  requestsPerMinute: key.requestsPerMinute ?? null,
  expiresAt: key.expiresAt ?? null,
  createdAt: key.createdAt,
  createdBy: key.createdBy,
  revokedAt: key.revokedAt ?? null,
})
