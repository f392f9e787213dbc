/**
 * /admin/routing: how requests find their providers, and changing it.
 */
import { Effect, Schema } from 'effect'
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, OpenApi } from 'effect/http-api'
import { Ledger } from '#actors/ledger.ts'
import type { Setting } from '#actors/ports.ts'
import { RoutingView, routingView } from '#actors/views/routing-view.ts'
import { ShadowView, shadowView } from '#actors/views/shadow-view.ts'
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
const fallbacks = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 }))
const ms = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

/** What the shadow policy does otherwise. */
const ShadowChange = Schema.Struct({
  strategy: change(routing.fields.strategy),
  weights: change(
    Schema.Struct({
      headroom: Schema.optionalKey(weight),
      performance: Schema.optionalKey(weight),
      cost: Schema.optionalKey(weight),
      reliability: Schema.optionalKey(weight),
    }),
  ),
  limitThreshold: change(share),
  substitutes: change(routing.fields.substitutes),
  explorationShare: change(share),
  maxFallbacks: change(fallbacks),
}).annotate({ identifier: 'ShadowChange' })

/** Only what is named changes; null goes back to what the configuration says. */
export const RoutingChange = Schema.Struct({
  strategy: change(routing.fields.strategy),
  weights: change(Schema.Struct({ headroom: weight, performance: weight, cost: weight, reliability: weight })),
  limitThreshold: change(share),
  substitutes: change(routing.fields.substitutes),
  explorationShare: change(share),
  maxFallbacks: change(fallbacks),
  fallbackDelayMs: change(ms),
  queueMs: change(ms),
  deadlineMs: change(ms),
  /** False takes the shadow policy out. */
  shadow: change(Schema.Union([ShadowChange, Schema.Literal(false)])),
}).annotate({ identifier: 'RoutingChange' })
export type RoutingChange = typeof RoutingChange.Type

type Changes = Omit<RoutingChange, 'weights' | 'shadow'>

/** What the policy calls by its unit, the configuration does not. */
const SETTINGS: { readonly [K in keyof Changes]-?: string } = {
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
const NO_SHADOW = {
  ...{ strategy: null, weights: null, limitThreshold: null, substitutes: null, explorationShare: null },
  maxFallbacks: null,
} satisfies typeof ShadowChange.Type

/** The change in the words of the configuration. */
export const settingsOf = ({ shadow, ...rest }: RoutingChange): readonly Setting[] => [
  ...settingsIn('routing', rest),
  // What is set after false makes a new shadow policy; to go back, both must go.
  ...(shadow === false || shadow === null ? [{ path: 'routing.shadow', value: shadow }] : []),
  ...(shadow === false ? [] : settingsIn('routing.shadow', shadow === null ? NO_SHADOW : (shadow ?? {}))),
]

const settingsIn = (block: string, { weights, ...rest }: Changes & Pick<typeof ShadowChange.Type, 'weights'>) => [
  ...Object.entries(rest).map(([name, value]) => ({
    path: `${block}.${SETTINGS[name as keyof typeof SETTINGS]}`,
    value,
  })),
  ...WEIGHTS.filter((name) => weights === null || weights?.[name] !== undefined).map((name) => ({
    path: `${block}.weights.${name}`,
    value: weights?.[name] ?? null,
  })),
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
    HttpApiEndpoint.get('shadow', '/shadow', { success: ShadowView, error: NotFound }).annotateMerge(
      OpenApi.annotations({
        description:
          'How the choices of the shadow policy compare with the live ones, since either last changed: how often both ask the same provider first, and what is expected of both.',
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
      shadow: () =>
        Effect.suspend(() => {
          const view = shadowView(ledger.state)
          return view === null
            ? Effect.fail(adminError.notFound('There is no shadow policy; set what it does otherwise in `shadow`.'))
            : Effect.succeed(view)
        }),
      change: Effect.fnUntraced(function* ({ payload }) {
        const { strategy, weights, shadow } = payload
        for (const wish of [strategy, shadow === false ? null : shadow?.strategy]) {
          if (wish === undefined || wish === null || strategies().includes(wish)) continue
          const others = strategies().join(', ')
          return yield* Effect.fail(adminError.invalidRequest(`${wish} is switched off; there are ${others}.`))
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
