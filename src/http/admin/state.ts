/**
 * /admin/state: the box as it is, and as it was at any moment of its log.
 */
import { Effect, Schema, Semaphore } from 'effect'
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, OpenApi } from 'effect/http-api'
import { Ledger } from '#actors/ledger.ts'
import { BoxView, boxView } from '#actors/views/box-view.ts'
import { pastState } from '#actors/views/past-state.ts'
import { Access } from '#http/admin/access.ts'
import { ADMIN_API, Admin, orUnavailable } from '#http/admin/admin.ts'
import { InvalidRequest, Unavailable } from '#http/admin/admin-error.ts'
import { Moment, momentOf } from '#http/admin/moment.ts'
import { RequestErrors } from '#http/admin/request-errors.ts'

export const stateGroup = HttpApiGroup.make('state')
  .add(
    HttpApiEndpoint.get('get', '/', {
      query: { at: Schema.optionalKey(Moment) },
      success: BoxView,
      error: [InvalidRequest, Unavailable],
    }).annotateMerge(
      OpenApi.annotations({
        description:
          'The box as a whole: providers, routing, requests under way, what went through and what it used. With `at` as it was at that moment: the log folded up to the last event that had occurred by then. Where events went to an archive it is the last moment before that is known; the answer’s own `at` says which.',
      }),
    ),
  )
  .middleware(RequestErrors)
  .middleware(Access)
  .prefix('/admin/state')
  .annotateMerge(OpenApi.annotations({ description: 'The box now, and at any past moment.' }))

export const stateLayer = HttpApiBuilder.group(
  HttpApi.make(ADMIN_API).add(stateGroup),
  'state',
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    const { log } = yield* Admin
    const clock = yield* Effect.clockWith(Effect.succeed)
    /** A time slider asks faster than a long log folds; one fold at a time leaves the rest of the box alone. */
    const oneAtATime = Semaphore.makeUnsafe(1)

    return handlers.handle(
      'get',
      Effect.fnUntraced(function* ({ query }) {
        const now = clock.currentTimeMillisUnsafe()
        const at = query.at === undefined ? now : momentOf(query.at)
        if (at >= now) return boxView(ledger.state, now, ledger.health().committedPosition)
        const past = yield* orUnavailable(pastState(log, at)).pipe(oneAtATime.withPermit)
        return boxView(past.state, past.at, past.position)
      }),
    )
  }),
)
