/**
 * /admin/sessions: one conversation with its agents, what each used, and its newest requests.
 */
import { Effect, Schema } from 'effect'
import { HttpServerResponse } from 'effect/http'
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, OpenApi } from 'effect/http-api'
import { SessionBook } from '#actors/views/books-view.ts'
import { Access } from '#http/admin/access.ts'
import { ADMIN_API, Admin, orUnavailable } from '#http/admin/admin.ts'
import { adminError, NotFound, Unavailable } from '#http/admin/admin-error.ts'
import { RequestErrors } from '#http/admin/request-errors.ts'

export const sessionsGroup = HttpApiGroup.make('sessions')
  .add(
    HttpApiEndpoint.get('get', '/:id', {
      params: { id: Schema.String },
      success: SessionBook,
      error: [NotFound, Unavailable],
    }).annotateMerge(
      OpenApi.annotations({
        description:
          'A session as a tree: the conversation itself, the agents that it started, and what each and its branch used. With its newest requests; older ones with `/admin/requests?session=`.',
      }),
    ),
  )
  .middleware(RequestErrors)
  .middleware(Access)
  .prefix('/admin/sessions')
  .annotateMerge(OpenApi.annotations({ description: 'Conversations with their agents.' }))

export const sessionsLayer = HttpApiBuilder.group(
  HttpApi.make(ADMIN_API).add(sessionsGroup),
  'sessions',
  Effect.fnUntraced(function* (handlers) {
    const { books } = yield* Admin
    return handlers.handle(
      'get',
      Effect.fnUntraced(function* ({ params: { id } }) {
        const found = yield* orUnavailable(books.session(id))
        if (found === undefined) return yield* Effect.fail(adminError.notFound(`Nothing is known of a session ${id}.`))
        return HttpServerResponse.jsonUnsafe(found)
      }),
    )
  }),
)
