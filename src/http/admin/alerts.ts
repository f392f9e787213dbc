/**
 * /admin/alerts: what asks for an operator, and what an operator wants to hear nothing of.
 */
import { Effect, Schema } from 'effect'
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, OpenApi } from 'effect/http-api'
import { Ledger } from '#actors/ledger.ts'
import { AlertsView, alertsView } from '#actors/views/alerts-view.ts'
import { ALERT_KINDS } from '#domain/policy.ts'
import { Access, Caller } from '#http/admin/access.ts'
import { ADMIN_API, Admin } from '#http/admin/admin.ts'
import { adminError, InvalidRequest } from '#http/admin/admin-error.ts'
import { RequestErrors } from '#http/admin/request-errors.ts'

/** A year: who wants to hear nothing for longer changes the rule. */
const LONGEST_MS = 366 * 86_400_000

const WantedSilence = Schema.Struct({
  /** Absent: any. */
  kind: Schema.optionalKey(Schema.Literals(ALERT_KINDS)),
  /** Absent: any. `vertex` covers `vertex/requests/day` too. */
  subject: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(200))),
  /** Epoch ms; one that has passed ends a silence. */
  until: Schema.optionalKey(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))),
  /** Instead of `until`: from now; 0 ends a silence. */
  forMs: Schema.optionalKey(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))),
}).annotate({ identifier: 'WantedSilence' })

export const alertsGroup = HttpApiGroup.make('alerts')
  .add(
    HttpApiEndpoint.get('list', '/', { success: AlertsView }).annotateMerge(
      OpenApi.annotations({ description: 'Alerts that stand, in words, and the silences that operators asked for.' }),
    ),
    HttpApiEndpoint.post('silence', '/silence', {
      payload: WantedSilence,
      success: AlertsView,
      error: InvalidRequest,
    }).annotateMerge(
      OpenApi.annotations({
        description:
          'Nothing is sent of alerts of this kind about this subject until then, for a year at most. They are raised and cleared all the same; what still stands when the silence ends is sent then.',
      }),
    ),
  )
  .middleware(RequestErrors)
  .middleware(Access)
  .prefix('/admin/alerts')
  .annotateMerge(OpenApi.annotations({ description: 'What asks for an operator.' }))

export const alertsLayer = HttpApiBuilder.group(
  HttpApi.make(ADMIN_API).add(alertsGroup),
  'alerts',
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    const { actions } = yield* Admin
    const clock = yield* Effect.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()
    return handlers.handleAll({
      list: () => Effect.sync(() => alertsView(ledger.state, now())),
      silence: Effect.fnUntraced(function* ({ payload: { until, forMs, ...about } }) {
        const end = until ?? now() + (forMs ?? 0)
        if ((until === undefined) === (forMs === undefined)) {
          return yield* Effect.fail(adminError.invalidRequest('until, forMs: give one of them.'))
        }
        if (end > now() + LONGEST_MS)
          return yield* Effect.fail(adminError.invalidRequest('A silence lasts a year at most.'))
        const { by } = yield* Caller
        yield* actions.silence({ ...about, until: end }, by)
        return alertsView(ledger.state, now())
      }),
    })
  }),
)
