/**
 * /admin/overrides: settings that operators changed while the box ran, and taking one back.
 */
import { Effect, Schema } from 'effect'
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, OpenApi } from 'effect/http-api'
import { Ledger } from '#actors/ledger.ts'
import { Access, Caller } from '#http/admin/access.ts'
import { ADMIN_API, Admin } from '#http/admin/admin.ts'
import { adminError, Conflict, InvalidRequest, NotFound } from '#http/admin/admin-error.ts'
import { refusedAsError } from '#http/admin/change-refused.ts'
import { RequestErrors } from '#http/admin/request-errors.ts'

const OverrideList = Schema.Struct({
  data: Schema.Array(
    Schema.Struct({
      /** As in the configuration, e.g. `routing.strategy`. */
      path: Schema.String,
      value: Schema.Json,
      /** As `admin 127.0.0.1`. */
      by: Schema.String,
      /** Epoch ms. */
      at: Schema.Finite,
    }).annotate({ identifier: 'Override' }),
  ),
})

export const overridesGroup = HttpApiGroup.make('overrides')
  .add(
    HttpApiEndpoint.get('list', '/', { success: OverrideList }).annotateMerge(
      OpenApi.annotations({
        description: 'What stands above the configuration, by whom and since when; the last change is the last.',
      }),
    ),
    HttpApiEndpoint.delete('remove', '/:path', {
      params: { path: Schema.String },
      success: OverrideList,
      error: [InvalidRequest, NotFound, Conflict],
    }).annotateMerge(
      OpenApi.annotations({
        description: 'Goes back to what the configuration says for one setting; answers those that are left.',
      }),
    ),
  )
  .middleware(RequestErrors)
  .middleware(Access)
  .prefix('/admin/overrides')
  .annotateMerge(OpenApi.annotations({ description: 'What operators changed while the box ran.' }))

export const overridesLayer = HttpApiBuilder.group(
  HttpApi.make(ADMIN_API).add(overridesGroup),
  'overrides',
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    const { actions } = yield* Admin
    const list = () => ({
      data: [...ledger.state.projections.overrides].map(([path, { value, by, at }]) => ({ path, value, by, at })),
    })
    return handlers.handleAll({
      list: () => Effect.sync(list),
      remove: Effect.fnUntraced(function* ({ params: { path } }) {
        if (!ledger.state.projections.overrides.has(path)) {
          return yield* Effect.fail(adminError.notFound(`Nobody has changed ${path}.`))
        }
        const { by } = yield* Caller
        yield* refusedAsError(actions.setOverrides([{ path, value: null }], by))
        return list()
      }),
    })
  }),
)
