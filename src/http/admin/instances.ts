/**
 * /admin/instances: who shares the log.
 */
import { Effect } from 'effect'
import { HttpServerResponse } from 'effect/http'
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, OpenApi } from 'effect/http-api'
import { Ledger } from '#actors/ledger.ts'
import { Membership } from '#actors/membership.ts'
import { InstancesView, instancesView } from '#actors/views/instances-view.ts'
import { Access } from '#http/admin/access.ts'
import { ADMIN_API } from '#http/admin/admin.ts'
import { RequestErrors } from '#http/admin/request-errors.ts'

export const instancesGroup = HttpApiGroup.make('instances')
  .add(
    HttpApiEndpoint.get('list', '/instances', { success: InstancesView }).annotateMerge(
      OpenApi.annotations({
        description:
          'The instances that share the log of this one, how old what it knows of them is, and what waits here for the database.',
      }),
    ),
  )
  .middleware(RequestErrors)
  .middleware(Access)
  .prefix('/admin')
  .annotateMerge(OpenApi.annotations({ description: 'Several instances on one log.' }))

export const instancesLayer = HttpApiBuilder.group(
  HttpApi.make(ADMIN_API).add(instancesGroup),
  'instances',
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    const membership = yield* Membership
    return handlers.handle('list', () =>
      Effect.clockWith((clock) =>
        Effect.map(clock.currentTimeMillis, (at) =>
          HttpServerResponse.jsonUnsafe(instancesView(ledger, membership, at)),
        ),
      ),
    )
  }),
)
