/**
 * Puts the admin API together: its routes, its documents, the gate around them. What comes out is one handler for every path
 * under /admin.
 */
import * as NodeHttpServer from '@effect/platform-node/NodeHttpServer'
import { Effect, Layer, type Scope } from 'effect'
import { HttpRouter, type HttpServerRequest, HttpServerResponse } from 'effect/http'
import { HttpApiBuilder, OpenApi } from 'effect/http-api'
import { Ledger } from '#actors/ledger.ts'
import { accessLayer } from '#http/admin/access.ts'
import { Admin } from '#http/admin/admin.ts'
import { adminError } from '#http/admin/admin-error.ts'
import { alertsLayer } from '#http/admin/alerts.ts'
import { adminApi } from '#http/admin/api.ts'
import { boxLayer } from '#http/admin/box.ts'
import { budgetsLayer } from '#http/admin/budgets.ts'
import { capturesLayer } from '#http/admin/captures.ts'
import { costsLayer } from '#http/admin/costs.ts'
import { eventsLayer } from '#http/admin/events.ts'
import { gate } from '#http/admin/gate.ts'
import { instancesLayer } from '#http/admin/instances.ts'
import { keysLayer } from '#http/admin/keys.ts'
import { overridesLayer } from '#http/admin/overrides.ts'
import { providersLayer } from '#http/admin/providers.ts'
import { REFERENCE_POLICY, referencePage } from '#http/admin/reference-page.ts'
import { requestErrorsLayer } from '#http/admin/request-errors.ts'
import { requestsLayer } from '#http/admin/requests.ts'
import { routeLayer } from '#http/admin/route.ts'
import { routingLayer } from '#http/admin/routing.ts'
import { sessionsLayer } from '#http/admin/sessions.ts'
import { stateLayer } from '#http/admin/state.ts'
import { statuslineLayer } from '#http/admin/statusline.ts'
import type { JudgeToken } from '#http/admin/tokens.ts'

export type AdminHandler = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  never,
  HttpServerRequest.HttpServerRequest | Scope.Scope
>

const OPENAPI_PATH = '/admin/openapi.json'
const REFERENCE_PATH = '/admin/docs'

/** Lives as long as the scope. */
export const makeAdminHandler = (
  admin: Admin['Service'],
  judge: JudgeToken,
): Effect.Effect<AdminHandler, never, Ledger | Scope.Scope> =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const groups = Layer.mergeAll(
      providersLayer,
      routingLayer,
      routeLayer,
      requestsLayer,
      capturesLayer,
      sessionsLayer,
      costsLayer,
      budgetsLayer,
      eventsLayer,
      stateLayer,
      statuslineLayer,
      alertsLayer,
      overridesLayer,
      keysLayer,
      instancesLayer,
      boxLayer,
    )
    // Made when somebody first asks: it takes longer than the rest of the start.
    const document = yield* Effect.cached(
      Effect.sync(() => {
        const made = OpenApi.fromApi(adminApi)
        return { ...made, info: { ...made.info, version: admin.version } }
      }),
    )
    const documents = Layer.mergeAll(
      HttpRouter.add('GET', OPENAPI_PATH, Effect.map(document, HttpServerResponse.jsonUnsafe)),
      HttpRouter.add(
        'GET',
        REFERENCE_PATH,
        Effect.map(document, (made) =>
          HttpServerResponse.html(referencePage(made)).pipe(
            HttpServerResponse.setHeader('content-security-policy', REFERENCE_POLICY),
          ),
        ),
      ),
    )
    const routes = yield* HttpRouter.toHttpEffect(
      Layer.mergeAll(HttpApiBuilder.layer(adminApi).pipe(Layer.provide(groups)), documents).pipe(
        Layer.provide([accessLayer(judge), requestErrorsLayer]),
        Layer.provide([Layer.succeed(Admin, Admin.of(admin)), Layer.succeed(Ledger, ledger)]),
        Layer.provide(NodeHttpServer.layerHttpServices),
      ),
    )
    return gate({ corsOrigins: new Set(admin.corsOrigins), bodyLimit: admin.bodyLimit }, routes, noSuchRoute)
  })

/** Methods of every path, with the form of its paths. */
const METHODS: readonly { readonly form: RegExp; readonly methods: readonly string[] }[] = Object.entries(
  Object.groupBy(
    Object.values(adminApi.groups).flatMap((group) => Object.values(group.endpoints)),
    ({ path }) => path,
  ),
).map(([path, endpoints = []]) => ({
  form: new RegExp(`^${path.replace(/\/$/, '').replaceAll(/:\w+/g, '[^/]+')}/?$`),
  methods: endpoints.map(({ method }) => method),
}))

const noSuchRoute = ({ url }: HttpServerRequest.HttpServerRequest): HttpServerResponse.HttpServerResponse => {
  const path = url.split('?')[0] ?? url
  const methods = METHODS.filter(({ form }) => form.test(path)).flatMap((known) => known.methods)
  if (methods.length === 0) {
    const message = `There is nothing at this path; ${REFERENCE_PATH} lists what there is.`
    return HttpServerResponse.jsonUnsafe(adminError.notFound(message), { status: 404 })
  }
  const allow = methods.join(', ')
  return HttpServerResponse.jsonUnsafe(adminError.methodNotAllowed(`Use ${allow}.`), {
    status: 405,
    headers: { allow },
  })
}
