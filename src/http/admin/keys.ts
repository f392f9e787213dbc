/**
 * /admin/keys: the keys of clients to this Signalbox. A key is told once, in the answer that made it.
 */
import { Effect, Redacted, Schema } from 'effect'
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, OpenApi } from 'effect/http-api'
import { Ledger } from '#actors/ledger.ts'
import { ClientKeyView, clientKeyView } from '#actors/views/client-key-view.ts'
import { Access, Caller } from '#http/admin/access.ts'
import { ADMIN_API, Admin } from '#http/admin/admin.ts'
import { Conflict, InvalidRequest, NotFound } from '#http/admin/admin-error.ts'
import { refusedAsError } from '#http/admin/change-refused.ts'
import { RequestErrors } from '#http/admin/request-errors.ts'

const WantedKey = Schema.Struct({
  name: Schema.String,
  /** Patterns of the models that it may ask for. */
  models: Schema.optionalKey(Schema.Array(Schema.String)),
  requestsPerMinute: Schema.optionalKey(Schema.Int),
  /** Epoch ms. */
  expiresAt: Schema.optionalKey(Schema.Finite),
}).annotate({ identifier: 'WantedKey' })

export const CreatedKey = Schema.Struct({
  /** Told here and never again. */
  secret: Schema.String,
  key: ClientKeyView,
}).annotate({ identifier: 'CreatedKey' })

export const KeyList = Schema.Struct({ data: Schema.Array(ClientKeyView) })

export const keysGroup = HttpApiGroup.make('keys')
  .add(
    HttpApiEndpoint.get('list', '/', { success: KeyList }).annotateMerge(
      OpenApi.annotations({
        description: 'All keys, the oldest first; revoked ones too. No key is in it, only what is known of it.',
      }),
    ),
    HttpApiEndpoint.post('create', '/', {
      payload: WantedKey,
      success: CreatedKey,
      error: [InvalidRequest, NotFound, Conflict],
    }).annotateMerge(
      OpenApi.annotations({
        description: 'Makes a key and tells it, once. Names are unique among the keys that are not revoked.',
      }),
    ),
    HttpApiEndpoint.delete('revoke', '/:id', {
      params: { id: Schema.String },
      success: ClientKeyView,
      error: [NotFound, InvalidRequest, Conflict],
    }).annotateMerge(
      OpenApi.annotations({
        description: 'Revokes a key, by its id: from now on it is refused. One that is revoked already stays as it is.',
      }),
    ),
  )
  .middleware(RequestErrors)
  .middleware(Access)
  .prefix('/admin/keys')
  .annotateMerge(OpenApi.annotations({ description: 'The keys of clients to this Signalbox.' }))

export const keysLayer = HttpApiBuilder.group(
  HttpApi.make(ADMIN_API).add(keysGroup),
  'keys',
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    const { actions } = yield* Admin
    const clock = yield* Effect.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()
    return handlers.handleAll({
      list: () =>
        Effect.sync(() => ({
          data: ledger.state.projections.clientKeys.byId
            .values()
            .map((key) => clientKeyView(key, now()))
            .toArray(),
        })),
      create: Effect.fnUntraced(function* ({ payload }) {
        const { by } = yield* Caller
        const { key, secret } = yield* refusedAsError(actions.createKey(payload, by))
        return { secret: Redacted.value(secret), key: clientKeyView(key, now()) }
      }),
      revoke: Effect.fnUntraced(function* ({ params: { id } }) {
        const { by } = yield* Caller
        return clientKeyView(yield* refusedAsError(actions.revokeKey(id, by)), now())
      }),
    })
  }),
)
