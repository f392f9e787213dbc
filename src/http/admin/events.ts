/**
 * /admin/events: the log itself, in pages and as it grows.
 */
import * as NodeHttpServerRequest from '@effect/platform-node/NodeHttpServerRequest'
import { Effect, Schema } from 'effect'
import { HttpServerResponse } from 'effect/http'
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from 'effect/http-api'
import { Ledger } from '#actors/ledger.ts'
import { Access } from '#http/admin/access.ts'
import { ADMIN_API, Admin, orUnavailable } from '#http/admin/admin.ts'
import { adminError, InvalidRequest, Unavailable } from '#http/admin/admin-error.ts'
import { EventRow, eventRow } from '#http/admin/event-row.ts'
import { liveEvents, MOST_LISTENERS } from '#http/admin/live-events.ts'
import { Moment, momentOf } from '#http/admin/moment.ts'
import { RequestErrors } from '#http/admin/request-errors.ts'

const DEFAULT_LIMIT = 100

const Position = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Selection = {
  type: Schema.optionalKey(Schema.Array(Schema.String)),
  stream: Schema.optionalKey(Schema.String),
}
const Page = Schema.Struct({
  data: Schema.Array(EventRow),
  /** For the next page, as `before`, or as `after` when that was given; null: this is the last. */
  next: Schema.NullOr(Schema.Int),
})
type Page = typeof Page.Type

const PageQuery = {
  ...Selection,
  /** Oldest first from this position on (exclusive). Without it: newest first. */
  after: Schema.optionalKey(Position),
  /** Newest first down from this position (exclusive). */
  before: Schema.optionalKey(Position),
  limit: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 500 }))),
  request: Schema.optionalKey(Schema.String),
  since: Schema.optionalKey(Moment),
  until: Schema.optionalKey(Moment),
}

export const eventsGroup = HttpApiGroup.make('events')
  .add(
    HttpApiEndpoint.get('page', '/', {
      query: PageQuery,
      success: Page,
      error: [InvalidRequest, Unavailable],
    }).annotateMerge(
      OpenApi.annotations({
        description: 'Events of the log: the newest first, or with `after` the oldest first. Filters add up.',
      }),
    ),
    HttpApiEndpoint.get('live', '/live', {
      query: { ...Selection, after: Schema.optionalKey(Position) },
      headers: { 'last-event-id': Schema.optionalKey(Position) },
      success: HttpApiSchema.StreamSse({ data: EventRow }),
      error: [InvalidRequest, Unavailable],
    }).annotateMerge(
      OpenApi.annotations({
        description:
          'Events as they are committed, as server-sent events whose ids are positions. `Last-Event-ID`, or `after`, resumes behind a position; without it begins what is committed from now on. A listener that is too slow is cut off and may resume.',
      }),
    ),
  )
  .middleware(RequestErrors)
  .middleware(Access)
  .prefix('/admin/events')
  .annotateMerge(OpenApi.annotations({ description: 'The event log.' }))

export const eventsLayer = HttpApiBuilder.group(
  HttpApi.make(ADMIN_API).add(eventsGroup),
  'events',
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    const { log } = yield* Admin
    let listeners = 0

    return handlers.handleAll({
      page: Effect.fnUntraced(function* ({ query }) {
        const { type, stream, request, since, until, after, before, limit = DEFAULT_LIMIT } = query
        if (after !== undefined && before !== undefined) {
          return yield* Effect.fail(adminError.invalidRequest('after, before: give one of them.'))
        }
        const rows = yield* orUnavailable(
          log.read({
            after: after ?? 0,
            limit: limit + 1,
            descending: after === undefined,
            ...(before === undefined ? {} : { before }),
            ...(type === undefined ? {} : { types: type }),
            ...(stream === undefined ? {} : { stream }),
            ...(request === undefined ? {} : { correlation: request }),
            ...(since === undefined ? {} : { since: momentOf(since) }),
            ...(until === undefined ? {} : { until: momentOf(until) }),
          }),
        )
        const data = rows.slice(0, limit).map(eventRow)
        // Rows are JSON as they stand; to encode each by the schema of all events would hold the box up for ten times as long.
        return HttpServerResponse.jsonUnsafe({
          data,
          next: rows.length > limit ? (data.at(-1)?.position ?? null) : null,
        } satisfies Page)
      }),

      live: Effect.fnUntraced(function* ({ query, headers, request }) {
        if (listeners >= MOST_LISTENERS) {
          return yield* Effect.fail(adminError.unavailable(`There are ${MOST_LISTENERS} listeners already.`))
        }
        const response = NodeHttpServerRequest.toServerResponse(request)
        const stream = liveEvents({
          ledger,
          log,
          after: headers['last-event-id'] ?? query.after ?? ledger.heard().position,
          types: query.type === undefined ? undefined : new Set(query.type),
          stream: query.stream,
          cut: () => response.destroy(),
        })
        listeners += 1
        response.once('close', () => {
          listeners -= 1
        })
        return HttpServerResponse.stream(stream, { contentType: 'text/event-stream' })
      }),
    })
  }),
)
