/**
 * /admin/statusline: what `signalbox statusline` puts into one line.
 */
import { Effect, Schema } from 'effect'
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, OpenApi } from 'effect/http-api'
import { Ledger } from '#actors/ledger.ts'
import { StatuslineView, statuslineView } from '#actors/views/statusline-view.ts'
import { Access } from '#http/admin/access.ts'
import { ADMIN_API, Admin, orUnavailable } from '#http/admin/admin.ts'
import { Unavailable } from '#http/admin/admin-error.ts'
import { RequestErrors } from '#http/admin/request-errors.ts'

export const statuslineGroup = HttpApiGroup.make('statusline')
  .add(
    HttpApiEndpoint.get('get', '/', {
      query: {
        session: Schema.optionalKey(
          Schema.String.annotate({ description: 'A session of Claude Code; without it the box as a whole.' }),
        ),
      },
      success: StatuslineView,
      error: Unavailable,
    }).annotateMerge(
      OpenApi.annotations({
        description:
          'Who serves a session, what it and the day cost, the cache hit rate, the nearest limit or budget, raised alerts.',
      }),
    ),
  )
  .middleware(RequestErrors)
  .middleware(Access)
  .prefix('/admin/statusline')
  .annotateMerge(OpenApi.annotations({ description: 'The line in the status bar of Claude Code.' }))

export const statuslineLayer = HttpApiBuilder.group(
  HttpApi.make(ADMIN_API).add(statuslineGroup),
  'statusline',
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    const { books } = yield* Admin
    const clock = yield* Effect.clockWith(Effect.succeed)

    const sumsOf = (session: string) =>
      Effect.map(orUnavailable(books.costs({ by: [], filter: { session } })), ({ total }) => total)

    return handlers.handle(
      'get',
      Effect.fnUntraced(function* ({ query: { session } }) {
        const asked = session === undefined ? undefined : { sessionId: session, sums: yield* sumsOf(session) }
        return statuslineView(ledger.state, asked, clock.currentTimeMillisUnsafe())
      }),
    )
  }),
)
