/**
 * Everything but the messages path: model lists, health, metrics, the start page. Small answers, so they go through
 * Effect's router.
 */
import { Context, Effect, Layer, Option } from 'effect'
import { HttpRouter, HttpServerRequest, HttpServerResponse } from 'effect/http'
import { Ledger } from '#actors/ledger.ts'
import { Membership } from '#actors/membership.ts'
import type { HeaderList } from '#actors/ports.ts'
import { type ErrorAnswer, errorAnswer, errorBody } from '#domain/dialect/anthropic-error.ts'
import type { ListedModel } from '#domain/model-list.ts'
import type { AdminHandler } from '#http/admin/mount.ts'
import type { ClientAuth } from '#http/client-auth.ts'
import { assetResponse, type Dashboard, pageResponse, wantsPage } from '#http/dashboard.ts'
import { healthReport } from '#http/health.ts'
import { makeModelLists } from '#http/models.ts'
import { type ObserverOptions, observer } from '#http/observers.ts'
import type { IntakeCounts } from '#http/overload.ts'
import { newRequestId } from '#http/request-id.ts'

/** What the operations endpoints need from the composition root. */
export class Operations extends Context.Service<
  Operations,
  {
    /** Prometheus text and its content type. */
    readonly metrics: Effect.Effect<{ readonly contentType: string; readonly text: string }>
    /** False while starting and while draining. */
    readonly accepting: () => boolean
    readonly version: string
    /** GET /v1/models is served. */
    readonly modelDiscovery: boolean
    /** POST /v1/messages/count_tokens is served (elsewhere). */
    readonly countTokens: boolean
    readonly ownHeaders: HeaderList
    /** What is under way, and how much may be. */
    readonly intake: () => IntakeCounts
    /** Who may ask for models, and for which. */
    readonly auth: ClientAuth
    /** Who may look at metrics and health. */
    readonly observers: ObserverOptions
    /** Everything under /admin, where it is served. */
    readonly admin: AdminHandler | undefined
    /** The page at / for browsers, where it was built. */
    readonly dashboard: Dashboard | undefined
  }
>()('signalbox/http/Operations') {}

const withHeaders = (response: HttpServerResponse.HttpServerResponse, headers: HeaderList) =>
  HttpServerResponse.setHeaders(response, Object.fromEntries(headers))

const refusal = (answer: ErrorAnswer, ownHeaders: HeaderList) => {
  const id = newRequestId()
  return withHeaders(
    HttpServerResponse.text(errorBody(answer, id), { status: answer.status, contentType: 'application/json' }),
    [['request-id', id], ...answer.headers, ...ownHeaders],
  )
}

/** Text and numbers that a page has for a script or a style, are none. */
const neverGuessed = (response: HttpServerResponse.HttpServerResponse) =>
  HttpServerResponse.setHeader(response, 'x-content-type-options', 'nosniff')

const FOR_OBSERVERS =
  'Send a token of the admin API: `authorization: Bearer TOKEN` (the read token will do), or set server.openMetrics.'
const TOO_MANY_TOKENS = 'Too many wrong tokens from this address. Wait.'

const START_PAGE = (version: string): string => `Signalbox ${version} is running.

Use it with Claude Code:
  export ANTHROPIC_BASE_URL=<this address>
  claude

Look at it:
  /health   state of the box and its providers
  /metrics  Prometheus
`

/** The routes. Unknown paths get an Anthropic-shaped 404, known ones with another method a 405. */
export const operationRoutes = Layer.unwrap(
  Effect.gen(function* () {
    const operations = yield* Operations
    const ledger = yield* Ledger
    const membership = yield* Membership
    const models = yield* makeModelLists
    const clock = yield* Effect.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()
    const { ownHeaders } = operations

    type Handler = Effect.Effect<
      HttpServerResponse.HttpServerResponse,
      never,
      HttpServerRequest.HttpServerRequest | HttpRouter.RouteContext
    >
    const get = (path: `/${string}`, handler: Handler) =>
      HttpRouter.add(
        '*',
        path,
        Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ method }) =>
          method === 'GET' || method === 'HEAD'
            ? Effect.map(handler, neverGuessed)
            : Effect.succeed(refusal(errorAnswer.methodNotAllowed('GET'), ownHeaders)),
        ),
      )
    const onlyPost = (path: `/${string}`) =>
      HttpRouter.add('*', path, Effect.succeed(refusal(errorAnswer.methodNotAllowed('POST'), ownHeaders)))

    /** What is for observers; others hear why not, or what is for all. */
    const observed = <R>(
      handler: Effect.Effect<HttpServerResponse.HttpServerResponse, never, R>,
      forAll?: Effect.Effect<HttpServerResponse.HttpServerResponse>,
    ) =>
      Effect.flatMap(observer(operations.observers), ({ verdict, now }) => {
        if (verdict._tag === 'Blocked') {
          return Effect.succeed(refusal(errorAnswer.rateLimited(TOO_MANY_TOKENS, verdict.until - now), ownHeaders))
        }
        if (verdict._tag !== 'Wrong') return handler
        return forAll ?? Effect.succeed(refusal(errorAnswer.unauthorized(FOR_OBSERVERS), ownHeaders))
      })

    const clientHeaders = Effect.map(
      HttpServerRequest.HttpServerRequest,
      (request): HeaderList =>
        Object.entries(request.headers).flatMap(([name, value]) =>
          value === undefined ? [] : [[name, value] as const],
        ),
    )

    const { dashboard } = operations
    const start = Effect.map(HttpServerRequest.HttpServerRequest, ({ headers }) =>
      dashboard !== undefined && wantsPage(headers.accept)
        ? pageResponse(dashboard)
        : HttpServerResponse.text(START_PAGE(operations.version), { headers: { vary: 'accept' } }),
    )
    const asset = Effect.map(HttpServerRequest.HttpServerRequest, ({ url }) => {
      const found = dashboard === undefined ? undefined : assetResponse(dashboard, url.split('?')[0] ?? url)
      return found ?? refusal(errorAnswer.notFound('There is nothing at this path.'), ownHeaders)
    })

    /** What the client's key may ask for; all without one. */
    const modelsFor = (tell: (models: readonly ListedModel[]) => HttpServerResponse.HttpServerResponse) =>
      Effect.gen(function* () {
        const { remoteAddress } = yield* HttpServerRequest.HttpServerRequest
        const from = Option.getOrElse(remoteAddress, () => '')
        const client = operations.auth.identify(yield* clientHeaders, now(), from)
        if (client._tag === 'Refused') return refusal(client.answer, ownHeaders)
        return tell((yield* models.list(client.headers)).filter(({ id }) => operations.auth.mayList(client, id)))
      })

    const listModels = modelsFor((data) =>
      withHeaders(
        HttpServerResponse.jsonUnsafe({
          data,
          has_more: false,
          first_id: data.at(0)?.id ?? null,
          last_id: data.at(-1)?.id ?? null,
        }),
        [['request-id', newRequestId()], ...ownHeaders],
      ),
    )

    const oneModel = Effect.flatMap(HttpRouter.params, ({ id }) =>
      modelsFor((data) => {
        const found = data.find((model) => model.id === id)
        return found === undefined
          ? refusal(errorAnswer.notFound(`model: ${id}`), ownHeaders)
          : withHeaders(HttpServerResponse.jsonUnsafe(found), [['request-id', newRequestId()], ...ownHeaders])
      }),
    )

    const ready = Effect.sync(() => {
      const { failingSince, overflowing } = ledger.health()
      const ok = operations.accepting() && !overflowing
      return HttpServerResponse.jsonUnsafe(
        {
          status: ok ? 'ready' : operations.accepting() ? 'overloaded' : 'draining',
          log: failingSince === undefined ? 'ok' : 'failing',
        },
        { status: ok ? 200 : 503 },
      )
    })

    const health = Effect.sync(() => healthReport(ledger, { ...operations, now }, membership))

    return Layer.mergeAll(
      get('/', start),
      get('/assets/*', asset),
      get('/api/hello', Effect.succeed(HttpServerResponse.empty({ status: 200 }))),
      get('/livez', Effect.succeed(HttpServerResponse.jsonUnsafe({ status: 'alive' }))),
      get('/readyz', ready),
      get(
        '/health',
        observed(
          Effect.map(health, HttpServerResponse.jsonUnsafe),
          Effect.map(health, ({ status }) => HttpServerResponse.jsonUnsafe({ status })),
        ),
      ),
      get(
        '/metrics',
        observed(
          Effect.map(operations.metrics, ({ text, contentType }) => HttpServerResponse.text(text, { contentType })),
        ),
      ),
      operations.modelDiscovery
        ? Layer.mergeAll(get('/v1/models', listModels), get('/v1/models/:id', oneModel))
        : Layer.empty,
      operations.admin === undefined ? Layer.empty : HttpRouter.add('*', '/admin/*', operations.admin),
      onlyPost('/v1/messages'),
      operations.countTokens ? onlyPost('/v1/messages/count_tokens') : Layer.empty,
      HttpRouter.add(
        '*',
        '/*',
        Effect.succeed(neverGuessed(refusal(errorAnswer.notFound('There is nothing at this path.'), ownHeaders))),
      ),
    )
  }),
)
