/**
 * /admin/costs: what was used and what it cost, summed by up to two dimensions.
 */
import { Effect, Schema } from 'effect'
import { HttpServerResponse } from 'effect/http'
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, OpenApi } from 'effect/http-api'
import { Ledger } from '#actors/ledger.ts'
import { CostReport } from '#actors/views/books-view.ts'
import { DIMENSIONS, MOST_COST_ROWS } from '#domain/books-query.ts'
import { isTimeZone } from '#domain/local-days.ts'
import { Access } from '#http/admin/access.ts'
import { ADMIN_API, Admin, orUnavailable } from '#http/admin/admin.ts'
import { adminError, InvalidRequest, Unavailable } from '#http/admin/admin-error.ts'
import { DayOrMoment, edgeOf } from '#http/admin/moment.ts'
import { RequestErrors } from '#http/admin/request-errors.ts'

const LISTED = DIMENSIONS.join(', ')

/** Names of dimensions, several in one text or each for itself. */
const By = Schema.Array(Schema.String).annotate({ description: `At most two of ${LISTED}, as in \`day,provider\`.` })

const filter = Schema.optionalKey(Schema.String)
const FILTERS = {
  provider: filter,
  /** As the provider names it. */
  model: filter,
  /** As the client named it. */
  asked: filter,
  session: filter,
  agent: filter,
  key: filter,
  project: filter,
}

const Answer = Schema.Struct({
  by: Schema.Array(Schema.Literals(DIMENSIONS)),
  timeZone: Schema.String,
  /** Epoch ms; null: no bound. */
  from: Schema.NullOr(Schema.Finite),
  to: Schema.NullOr(Schema.Finite),
  ...CostReport.fields,
})
type Answer = typeof Answer.Type

export const costsGroup = HttpApiGroup.make('costs')
  .add(
    HttpApiEndpoint.get('report', '/', {
      query: {
        by: Schema.optionalKey(By),
        from: Schema.optionalKey(DayOrMoment),
        /** Exclusive; a day is taken whole. */
        to: Schema.optionalKey(DayOrMoment),
        timeZone: Schema.optionalKey(Schema.String),
        ...FILTERS,
        limit: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: MOST_COST_ROWS }))),
      },
      success: Answer,
      error: [InvalidRequest, Unavailable],
    }).annotateMerge(
      OpenApi.annotations({
        description:
          'Requests, tokens and costs by up to two dimensions: the newest days first, else the most expensive. Days are those of `timeZone`, by default the configured one. `total` is of all, whatever the limit. Kept for ever, also when events go to an archive.',
      }),
    ),
  )
  .middleware(RequestErrors)
  .middleware(Access)
  .prefix('/admin/costs')
  .annotateMerge(OpenApi.annotations({ description: 'What was used, and what it cost.' }))

export const costsLayer = HttpApiBuilder.group(
  HttpApi.make(ADMIN_API).add(costsGroup),
  'costs',
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    const { books } = yield* Admin
    return handlers.handle(
      'report',
      Effect.fnUntraced(function* ({ query }) {
        const { by: texts = [], from, to, timeZone = ledger.state.policy.timeZone ?? 'UTC', limit, ...filter } = query
        const by = dimensionsIn(texts)
        if (by === undefined) return yield* Effect.fail(adminError.invalidRequest(`by: give at most two of ${LISTED}.`))
        if (!isTimeZone(timeZone)) {
          return yield* Effect.fail(adminError.invalidRequest('timeZone: expected an IANA name, as Europe/Berlin.'))
        }
        const span = {
          ...(from === undefined ? {} : { from: edgeOf(from, timeZone, 'start') }),
          ...(to === undefined ? {} : { to: edgeOf(to, timeZone, 'end') }),
        }
        const asked = { by, timeZone, filter, ...span, ...(limit === undefined ? {} : { limit }) }
        const report = yield* orUnavailable(books.costs(asked))
        // Plain numbers as they stand: to encode a thousand rows by their schema would hold the box up.
        return HttpServerResponse.jsonUnsafe({
          ...{ by, timeZone, from: span.from ?? null, to: span.to ?? null },
          ...report,
        } satisfies Answer)
      }),
    )
  }),
)

const dimensionsIn = (texts: readonly string[]) => {
  const names = texts
    .flatMap((text) => text.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const known = DIMENSIONS.filter((dimension) => names.includes(dimension))
  if (names.length > 2 || known.length < names.length) return undefined
  return known.toSorted((a, b) => names.indexOf(a) - names.indexOf(b))
}
