/**
 * /admin/requests: who asked, who served, and why it went that way.
 */
import { Effect, Schema } from 'effect'
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, OpenApi } from 'effect/http-api'
import { Ledger } from '#actors/ledger.ts'
import { Explanation } from '#actors/views/explanation.ts'
import { readExplanation } from '#actors/views/read-explanation.ts'
import { OUTCOMES, RequestRow, requestRows } from '#actors/views/requests-view.ts'
import { ProviderId } from '#domain/ids.ts'
import { Access } from '#http/admin/access.ts'
import { ADMIN_API, Admin, orUnavailable } from '#http/admin/admin.ts'
import { adminError, InvalidRequest, NotFound, Unavailable } from '#http/admin/admin-error.ts'
import { EventRow, recordedRow } from '#http/admin/event-row.ts'
import { RequestErrors } from '#http/admin/request-errors.ts'

const DEFAULT_LIMIT = 50

const Filter = {
  provider: Schema.optionalKey(ProviderId),
  outcome: Schema.optionalKey(Schema.Literals(OUTCOMES)),
  session: Schema.optionalKey(Schema.String),
  limit: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 }))),
  /** The `next` of the page before. */
  cursor: Schema.optionalKey(Schema.String),
}

export const requestsGroup = HttpApiGroup.make('requests')
  .add(
    HttpApiEndpoint.get('list', '/', {
      query: Filter,
      success: Schema.Struct({ data: Schema.Array(RequestRow), next: Schema.NullOr(Schema.String) }),
      error: InvalidRequest,
    }).annotateMerge(
      OpenApi.annotations({ description: 'Requests under way and the last that ended, the newest first.' }),
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

/** A place in the order of the list, which stays where it is when newer requests come. */
const cursorOf = ({ admittedAt, requestId }: RequestRow): string => `${admittedAt}.${requestId}`
const CURSOR = /^(\d+)\.(.+)$/

export const requestsLayer = HttpApiBuilder.group(
  HttpApi.make(ADMIN_API).add(requestsGroup),
  'requests',
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    const { log } = yield* Admin
    return handlers.handleAll({
      list: Effect.fnUntraced(function* ({ query }) {
        const place = query.cursor === undefined ? undefined : CURSOR.exec(query.cursor)
        if (place === null) return yield* Effect.fail(adminError.invalidRequest('cursor: is none that a page gave.'))
        const rows = requestRows(ledger.state.projections.requests, query)
        const after = place === undefined ? rows : rows.filter(isAfter(Number(place[1]), place[2] ?? ''))
        const data = after.slice(0, query.limit ?? DEFAULT_LIMIT)
        const last = data.at(-1)
        return { data, next: last === undefined || data.length === after.length ? null : cursorOf(last) }
      }),
      get: Effect.fnUntraced(function* ({ params: { id } }) {
        const found = yield* orUnavailable(readExplanation(log, id))
        if (found === undefined) return yield* Effect.fail(adminError.notFound(`The log knows no request ${id}.`))
        return { explanation: found.explanation, events: found.events.map(recordedRow) }
      }),
    })
  }),
)

const isAfter =
  (admittedAt: number, requestId: string) =>
  (row: RequestRow): boolean =>
    row.admittedAt < admittedAt || (row.admittedAt === admittedAt && row.requestId < requestId)
