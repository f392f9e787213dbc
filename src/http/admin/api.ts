/**
 * The admin API: all its groups, joined. Everything that is told of it, the OpenAPI document and the reference, follows from
 * this value.
 */
import { HttpApi, OpenApi } from 'effect/http-api'
import { ADMIN_API } from '#http/admin/admin.ts'
import { alertsGroup } from '#http/admin/alerts.ts'
import { boxGroup } from '#http/admin/box.ts'
import { budgetsGroup } from '#http/admin/budgets.ts'
import { capturesGroup } from '#http/admin/captures.ts'
import { costsGroup } from '#http/admin/costs.ts'
import { eventsGroup } from '#http/admin/events.ts'
import { instancesGroup } from '#http/admin/instances.ts'
import { keysGroup } from '#http/admin/keys.ts'
import { overridesGroup } from '#http/admin/overrides.ts'
import { providersGroup } from '#http/admin/providers.ts'
import { requestsGroup } from '#http/admin/requests.ts'
import { routeGroup } from '#http/admin/route.ts'
import { routingGroup } from '#http/admin/routing.ts'
import { sessionsGroup } from '#http/admin/sessions.ts'
import { stateGroup } from '#http/admin/state.ts'
import { statuslineGroup } from '#http/admin/statusline.ts'

export const adminApi = HttpApi.make(ADMIN_API)
  .add(providersGroup)
  .add(routingGroup)
  .add(routeGroup)
  .add(requestsGroup)
  .add(capturesGroup)
  .add(sessionsGroup)
  .add(costsGroup)
  .add(budgetsGroup)
  .add(eventsGroup)
  .add(stateGroup)
  .add(statuslineGroup)
  .add(alertsGroup)
  .add(overridesGroup)
  .add(keysGroup)
  .add(instancesGroup)
  .add(boxGroup)
  .annotateMerge(
    OpenApi.annotations({
      title: 'Signalbox admin API',
      description:
        'Look at a Signalbox, and change it while it runs. Every path but this document and the reference needs the admin token; the read token may not change anything. Times are milliseconds since 1970.',
    }),
  )
