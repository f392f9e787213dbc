/**
 * /admin/stats and /admin/config: the box's counters, and how it is set up.
 */
import { Effect, Schema } from 'effect'
import { HttpServerResponse } from 'effect/http'
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, OpenApi } from 'effect/http-api'
import { Ledger } from '#actors/ledger.ts'
import { StatsView, statsView } from '#actors/views/stats-view.ts'
import { Access } from '#http/admin/access.ts'
import { ADMIN_API, Admin } from '#http/admin/admin.ts'
import { RequestErrors } from '#http/admin/request-errors.ts'

export const boxGroup = HttpApiGroup.make('box')
  .add(
    HttpApiEndpoint.get('stats', '/stats', { success: StatsView }).annotateMerge(
      OpenApi.annotations({
        description:
          'Counters since the log began, minutes of the last hour, and tokens by provider, model and UTC day.',
      }),
    ),
    HttpApiEndpoint.get('config', '/config', {
      success: Schema.Struct({ version: Schema.String, config: Schema.Json }),
    }).annotateMerge(
      OpenApi.annotations({
        description:
          'The configuration as running, every default filled in. Secrets are not in it, only where they are found.',
      }),
    ),
  )
  .middleware(RequestErrors)
  .middleware(Access)
  .prefix('/admin')
  .annotateMerge(OpenApi.annotations({ description: 'Counters, and the configuration as running.' }))

export const boxLayer = HttpApiBuilder.group(
  HttpApi.make(ADMIN_API).add(boxGroup),
  'box',
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    const { config, version } = yield* Admin
    return handlers.handleAll({
      stats: () => Effect.sync(() => statsView(ledger.state)),
      // What it holds besides JSON, as an absent member, goes on the way to text.
      config: () => Effect.sync(() => HttpServerResponse.jsonUnsafe({ version, config: config() })),
    })
  }),
)
