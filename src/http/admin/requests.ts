/**
 * /admin/requests: who asked, who served, and why it went that way.
 */
import { Effect, Schema } from 'effect'
import { HttpServerResponse } from 'effect/http'
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, OpenApi } from 'effect/http-api'
import { Ledger } from '#actors/ledger.ts'
import { BookedRequest } from '#actors/views/books-view.ts'
import { Explanation } from '#actors/views/explanation.ts'
import { readExplanation } from '#actors/views/read-explanation.ts'
import { OUTCOMES } from '#actors/views/requests-view.ts'
import { Access } from '#http/admin/access.ts'
import { ADMIN_API, Admin, orUnavailable } from '#http/admin/admin.ts'
import { adminError, InvalidRequest, NotFound, Unavailable } from '#http/admin/admin-error.ts'
import { EventRow, recordedRow } from '#http/admin/event-row.ts'
import { DayOrMoment, edgeOf } from '#http/admin/moment.ts'
import { RequestErrors } from '#http/admin/request-errors.ts'

const DEFAULT_LIMIT = 50

const text = Schema.optionalKey(Schema.String)
const Filter = {
  provider: text,
  outcome: Schema.optionalKey(Schema.Literals(OUTCOMES)),
  session: text,
  /** As the client named it. */
  model: text,
  /** Name of the client key. */
  key: text,
  project: text,
  /** Of the admission: from here on, and before; a day is taken whole, in the configured time zone. */
  from: Schema.optionalKey(DayOrMoment),
  to: Schema.optionalKey(DayOrMoment),
  /** Only what costs at least so much, in billionths of a US dollar. */
  minimumNanoUsd: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
  limit: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 }))),
  /** The `next` of the page before. */
  cursor: text,
}

const Page = Schema.Struct({ data: Schema.Array(BookedRequest), next: Schema.NullOr(Schema.String) })
type Page = typeof Page.Type

export const requestsGroup = HttpApiGroup.make('requests')
  .add(
    HttpApiEndpoint.get('list', '/', {
      query: Filter,
      success: Page,
      error: [InvalidRequest, Unavailable],
    }).annotateMerge(
      OpenApi.annotations({
        description:
          'Requests of any age, the newest first; of those under way `outcome` is null. Filters add up. Archived ones are not in it.',
      }),
    ),
    HttpApiEndpoint.get('get', '/:id', {
      params: { id: Schema.String },
      success: Schema.Struct({ explanation: Explanation, events: Schema.Array(EventRow) }),
      error: [NotFound, Unavailable],
    }).annotateMerge(
      OpenApi.annotations({
        description: 'Why one request went where it went, and what came of it; with all its events.',
      }),
    ),
  )
  .middleware(RequestErrors)
  .middleware(Access)
  .prefix('/admin/requests')
  .annotateMerge(OpenApi.annotations({ description: 'Who asked, who served, and why it went that way.' }))

/** Position of the last row of a page: it stays where it is when newer requests come. */
const CURSOR = /^[1-9]\d{0,14}$/

export const requestsLayer = HttpApiBuilder.group(
  HttpApi.make(ADMIN_API).add(requestsGroup),
  'requests',
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    const { log, books } = yield* Admin
    return handlers.handleAll({
      list: Effect.fnUntraced(function* ({ query }) {
        const { cursor, from, to, limit = DEFAULT_LIMIT, ...filter } = query
        if (cursor !== undefined && !CURSOR.test(cursor)) {
          return yield* Effect.fail(adminError.invalidRequest('cursor: is none that a page gave.'))
        }
        const timeZone = ledger.state.policy.timeZone ?? 'UTC'
        const { rows, next } = yield* orUnavailable(
          books.requests({
            ...filter,
            limit,
            ...(cursor === undefined ? {} : { before: Number(cursor) }),
            ...(from === undefined ? {} : { from: edgeOf(from, timeZone, 'start') }),
            ...(to === undefined ? {} : { to: edgeOf(to, timeZone, 'end') }),
          }),
        )
        return HttpServerResponse.jsonUnsafe({
          data: rows,
          next: next === undefined ? null : String(next),
        } satisfies Page)
      }),
      get: Effect.fnUntraced(function* ({ params: { id } }) {
        const found = yield* orUnavailable(readExplanation(log, id))
        if (found === undefined) return yield* Effect.fail(adminError.notFound(`The log knows no request ${id}.`))
        return { explanation: found.explanation, events: found.events.map(recordedRow) }
      }),
    })
  }),
)
