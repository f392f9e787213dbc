/**
 * /admin/providers: how each provider is, and what an operator does about it.
 */
import { Effect, Schema } from 'effect'
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, OpenApi } from 'effect/http-api'
import { Ledger } from '#actors/ledger.ts'
import { ProviderView, providerView, providerViews } from '#actors/views/provider-view.ts'
import { ProviderId } from '#domain/ids.ts'
import { Access, Caller } from '#http/admin/access.ts'
import { ADMIN_API, Admin } from '#http/admin/admin.ts'
import { adminError, Conflict, InvalidRequest, NotFound } from '#http/admin/admin-error.ts'
import { refusedAsError } from '#http/admin/change-refused.ts'
import { RequestErrors } from '#http/admin/request-errors.ts'

const one = { params: { id: ProviderId }, success: ProviderView }

const action = <const Name extends string>(name: Name, description: string) =>
  HttpApiEndpoint.post(name, `/:id/${name}`, { ...one, error: [NotFound, Conflict, InvalidRequest] }).annotateMerge(
    OpenApi.annotations({ description }),
  )

export const providersGroup = HttpApiGroup.make('providers')
  .add(
    HttpApiEndpoint.get('list', '/', { success: Schema.Struct({ data: Schema.Array(ProviderView) }) }).annotateMerge(
      OpenApi.annotations({ description: 'All providers of the policy in force, in its order.' }),
    ),
    HttpApiEndpoint.get('get', '/:id', { ...one, error: NotFound }).annotateMerge(
      OpenApi.annotations({
        description: 'One provider: its state, why it is in it, what ends it, its limits and health.',
      }),
    ),
    action('drain', 'Sends it nothing new; what is under way runs out. The same as `enabled: false`, until `enable`.'),
    action('enable', 'Takes it into the routing (again).'),
    action('reset', 'Declares it well: its circuit closes, its throttle ends.'),
  )
  .middleware(RequestErrors)
  .middleware(Access)
  .prefix('/admin/providers')
  .annotateMerge(OpenApi.annotations({ description: 'How each provider is, and what an operator does about it.' }))

export const providersLayer = HttpApiBuilder.group(
  HttpApi.make(ADMIN_API).add(providersGroup),
  'providers',
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    const { actions } = yield* Admin
    const clock = yield* Effect.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()

    const look = (id: ProviderId) =>
      Effect.suspend(() => {
        const view = providerView(ledger.state, id, now())
        return view === undefined
          ? Effect.fail(adminError.notFound(`There is no provider ${id}.`))
          : Effect.succeed(view)
      })
    const enable = Effect.fnUntraced(function* (id: ProviderId, enabled: boolean) {
      yield* look(id)
      const { by } = yield* Caller
      yield* refusedAsError(actions.setOverrides([{ path: `providers.${id}.enabled`, value: enabled }], by))
      return yield* look(id)
    })

    return handlers.handleAll({
      list: () => Effect.sync(() => ({ data: providerViews(ledger.state, now()) })),
      get: ({ params }) => look(params.id),
      drain: ({ params }) => enable(params.id, false),
      enable: ({ params }) => enable(params.id, true),
      reset: Effect.fnUntraced(function* ({ params: { id } }) {
        yield* look(id)
        const { by } = yield* Caller
        yield* refusedAsError(actions.resetBreaker(id, by))
        return yield* look(id)
      }),
    })
  }),
)
