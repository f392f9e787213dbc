/**
 * /admin/routing: how requests find their providers, and changing it.
 */
import { Effect, Schema } from 'effect'
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, OpenApi } from 'effect/http-api'
import { Ledger } from '#actors/ledger.ts'
import type { Setting } from '#actors/ports.ts'
import { RoutingView, routingView } from '#actors/views/routing-view.ts'
import { Policy } from '#domain/policy.ts'
import { Access, Caller } from '#http/admin/access.ts'
import { ADMIN_API, Admin } from '#http/admin/admin.ts'
import { adminError, Conflict, InvalidRequest, NotFound } from '#http/admin/admin-error.ts'
import { refusedAsError } from '#http/admin/change-refused.ts'
import { RequestErrors } from '#http/admin/request-errors.ts'

const { routing } = Policy.fields
const change = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))
const share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))
const weight = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))
const ms = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

/** Only what is named changes; null goes back to what the configuration says. */
export const RoutingChange = Schema.Struct({
  strategy: change(routing.fields.strategy),
  weights: change(Schema.Struct({ headroom: weight, performance: weight, cost: weight, reliability: weight })),
  limitThreshold: change(share),
  substitutes: change(routing.fields.substitutes),
  explorationShare: change(share),
  maxFallbacks: change(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 }))),
  fallbackDelayMs: change(ms),
  queueMs: change(ms),
  deadlineMs: change(ms),
}).annotate({ identifier: 'RoutingChange' })
export type RoutingChange = typeof RoutingChange.Type

/** What the policy calls by its unit, the configuration does not. */
const SETTINGS: { readonly [K in keyof Omit<RoutingChange, 'weights'>]-?: string } = {
  strategy: 'strategy',
  limitThreshold: 'limitThreshold',
  substitutes: 'substitutes',
  explorationShare: 'exploration',
  maxFallbacks: 'maxFallbacks',
  fallbackDelayMs: 'fallbackDelay',
  queueMs: 'queue',
  deadlineMs: 'deadline',
}
const WEIGHTS = ['headroom', 'performance', 'cost', 'reliability'] as const

/** The change in the words of the configuration. */
export const settingsOf = ({ weights, ...rest }: RoutingChange): readonly Setting[] => [
  ...Object.entries(rest).map(([name, value]) => ({
    path: `routing.${SETTINGS[name as keyof typeof SETTINGS]}`,
    value,
  })),
  ...(weights === undefined
    ? []
    : WEIGHTS.map((name) => ({ path: `routing.weights.${name}`, value: weights === null ? null : weights[name] }))),
]

export const routingGroup = HttpApiGroup.make('routing')
  .add(
    HttpApiEndpoint.get('get', '/', { success: RoutingView }).annotateMerge(
      OpenApi.annotations({ description: 'The routing part of the policy in force.' }),
    ),
    HttpApiEndpoint.put('change', '/', {
      payload: RoutingChange,
      success: RoutingView,
      error: [InvalidRequest, NotFound, Conflict],
    }).annotateMerge(
      OpenApi.annotations({
        description:
          'Changes what is named, all or nothing; null goes back to what the configuration says. It holds over restarts, and the next request follows it.',
      }),
    ),
  )
  .middleware(RequestErrors)
  .middleware(Access)
  .prefix('/admin/routing')
  .annotateMerge(OpenApi.annotations({ description: 'How requests find their providers.' }))

export const routingLayer = HttpApiBuilder.group(
  HttpApi.make(ADMIN_API).add(routingGroup),
  'routing',
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    const { actions, strategies } = yield* Admin
    return handlers.handleAll({
      get: () => Effect.sync(() => routingView(ledger.state)),
      change: Effect.fnUntraced(function* ({ payload }) {
        const { strategy, weights } = payload
        if (strategy !== undefined && strategy !== null && !strategies().includes(strategy)) {
          const others = strategies().join(', ')
          return yield* Effect.fail(adminError.invalidRequest(`${strategy} is switched off; there are ${others}.`))
        }
        if (weights !== undefined && weights !== null && WEIGHTS.every((name) => weights[name] === 0)) {
          return yield* Effect.fail(adminError.invalidRequest('weights: one of them must be above 0.'))
        }
        const settings = settingsOf(payload)
        if (settings.length === 0) return yield* Effect.fail(adminError.invalidRequest('Nothing to change is named.'))
        const { by } = yield* Caller
        yield* refusedAsError(actions.setOverrides(settings, by))
        return routingView(ledger.state)
      }),
    })
  }),
)
