/**
 * The HTTP server: one Node server whose messages path runs on Node's own objects and whose other paths run through
 * Effect's router. Starts listening, serves, and drains: no request that was taken in is lost by an orderly stop.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as NodeHttpServer from '@effect/platform-node/NodeHttpServer'
import { Cause, type Context, Data, Effect, Exit, Fiber, Layer, Option, Scope } from 'effect'
import { HttpRouter } from 'effect/http'
import { Cluster } from '#actors/cluster.ts'
import { Ledger } from '#actors/ledger.ts'
import type { Captures, HeaderList, Upstreams } from '#actors/ports.ts'
import type { Timekeeper } from '#actors/timekeeper.ts'
import type { KeyMode } from '#domain/client-key.ts'
import { errorAnswer } from '#domain/dialect/anthropic-error.ts'
import type { AdminOptions } from '#http/admin/admin.ts'
import { makeAdminHandler } from '#http/admin/mount.ts'
import { makeTokenJudge } from '#http/admin/tokens.ts'
import { makeClientAuth } from '#http/client-auth.ts'
import { makeCountLimits } from '#http/count-limits.ts'
import { handleCountTokens } from '#http/count-tokens.ts'
import { readDashboard } from '#http/dashboard.ts'
import { type Drained, drain } from '#http/drain.ts'
import { guard } from '#http/guard.ts'
import { ownRates, sharedRates } from '#http/key-rates.ts'
import { type ListenerOptions, makeListener, type ServerTls } from '#http/listener.ts'
import { handleMessages, type MessagesOptions, refuse, type TracingOptions } from '#http/messages.ts'
import { isLoopbackHost } from '#http/observers.ts'
import { Operations, operationRoutes } from '#http/operations.ts'
import { type Intake, makeIntake, type Overload, type Place, unlimited } from '#http/overload.ts'
import { newRequestId } from '#http/request-id.ts'
import { limitSending } from '#http/send-timeout.ts'

export interface ServerOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** Bytes of a request body. */
  readonly bodyLimit: number
  /** Host names served beside the loopback ones. */
  readonly allowedHosts: readonly string[]
  /** See Draining. */
  readonly drainTimeoutMs: number
  readonly stopDelayMs: number
  /** How long a client may take to send its request. */
  readonly requestTimeoutMs: number
  /** How long a client may take nothing of its answer while some of it waits; 0: any time. */
  readonly sendTimeoutMs: number
  /** Headers of every answer of our own. */
  readonly ownHeaders: HeaderList
  readonly version: string
  /** What is taken on at a time. Absent: anything. */
  readonly intake?: Intake
  /** Optional endpoints that are switched on. */
  readonly features: {
    readonly modelDiscovery: boolean
    readonly countTokens: boolean
    readonly quotaHeaders: boolean
  }
  /** Absent: plain HTTP. */
  readonly tls?: ServerTls
  /** See ListenerOptions. */
  readonly maxConnectionsPerAddress?: number
  /** Metrics and health need no token. Absent: where only this machine can ask. */
  readonly openMetrics?: boolean
  readonly strategies: MessagesOptions['strategies']
  /** Whether clients need a key, or may have one. */
  readonly clientKeys: KeyMode
  readonly tracing?: TracingOptions
  readonly metrics: Effect.Effect<{ readonly contentType: string; readonly text: string }>
  /** Keeps prompts and answers; absent: nobody does. */
  readonly captures?: Captures['Service']
  /** The admin API; without it there is none. */
  readonly admin?: AdminOptions
  /** Folder of the built dashboard; without it / is a plain text. */
  readonly dashboard?: string
}

/** The server cannot listen; the message says why and what to do. */
export class ListenError extends Data.TaggedError('ListenError')<{ readonly message: string }> {}

export interface RunningServer {
  readonly host: string
  readonly port: number
  /** Requests under way. */
  readonly active: () => number
  /**
   * Is not ready from now on, serves for a while all the same, then refuses new connections, waits for what is under way, and breaks
   * off what is left.
   * @param isHurried without the while
   */
  readonly drain: (isHurried?: boolean) => Effect.Effect<Drained>
}

const listen = (server: Server, host: string, port: number): Effect.Effect<AddressInfo, ListenError> =>
  Effect.callback((resume) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const message =
        error.code === 'EADDRINUSE'
          ? `Port ${port} on ${host} is in use. Stop the other program, or choose another port with --port.`
          : error.code === 'EACCES'
            ? `No permission to listen on ${host}:${port}. Choose a port above 1023 with --port.`
            : `Cannot listen on ${host}:${port} (${error.code ?? error.message}).`
      resume(Effect.fail(new ListenError({ message })))
    })
    server.listen(port, host, () => {
      // A TCP server's address is always an AddressInfo once it listens.
      resume(Effect.succeed(server.address() as AddressInfo))
    })
  })

/** Crowds come by the thousand: the log hears of them once a minute. */
const TOLD_EVERY_MS = 60_000

const tellSometimes = <R, A extends readonly unknown[]>(
  context: Context.Context<R>,
  tell: (...what: A) => Effect.Effect<void>,
): ((...what: A) => void) => {
  let toldAt = Number.NEGATIVE_INFINITY
  return (...what) => {
    const telling = Effect.clockWith((clock) => {
      const now = clock.currentTimeMillisUnsafe()
      if (now - toldAt < TOLD_EVERY_MS) return Effect.void
      toldAt = now
      return tell(...what)
    })
    Effect.runForkWith(context)(telling)
  }
}

const tellOfCrowd: (...crowd: Parameters<ListenerOptions['onCrowded']>) => Effect.Effect<void> = (address, limit) =>
  Effect.logWarning('connections were refused: an address has server.maxConnectionsPerAddress of them', {
    address,
    limit,
  })

/** What may wait for a slow client without holding up another. */
const SMALL_BYTES = 64 * 1024

/** Bytes, as the client says; Node's parser has looked at the header. */
const announcedBytes = ({ headers }: IncomingMessage): number | undefined =>
  headers['content-length'] === undefined ? undefined : Number(headers['content-length'])

/** Serves until the scope closes; `drain` first for an orderly stop. */
export const serve = (
  options: ServerOptions,
): Effect.Effect<RunningServer, ListenError, Ledger | Upstreams | Timekeeper | Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const context = yield* Effect.context<Ledger | Upstreams | Timekeeper>()
    const allowed = new Set(options.allowedHosts.map((name) => name.toLowerCase()))
    const ledger = yield* Ledger
    const { state } = ledger
    const cluster = yield* Effect.serviceOption(Cluster)
    const clock = yield* Effect.clockWith(Effect.succeed)
    const rates = Option.isNone(cluster)
      ? ownRates()
      : sharedRates(cluster.value, () => clock.currentTimeMillisUnsafe())
    const auth = makeClientAuth(options.clientKeys, () => state.projections.clientKeys, rates)
    const counts = makeCountLimits()
    const active = new Set<Fiber.Fiber<void>>()
    const intake = options.intake ?? makeIntake(unlimited, options.bodyLimit)
    const tellOfOverload = tellSometimes(context, (overload: Overload) =>
      Effect.suspend(() => {
        const { requests, bodyBytes } = intake.counts()
        const what = { overload, requests, bodyBytes }
        return Effect.logWarning('requests were refused: there is as much under way as is taken on', what)
      }),
    )
    let stopping = false
    const unsent = new Set<ServerResponse>()
    let taken = 0
    let endedAt: number | undefined
    const { ownHeaders } = options
    const corsOrigins = new Set(options.admin?.corsOrigins)
    const judge = options.admin === undefined ? undefined : makeTokenJudge(options.admin.tokens)
    const admin =
      options.admin === undefined || judge === undefined
        ? undefined
        : yield* makeAdminHandler({ ...options, ...options.admin }, judge)
    const dashboard = options.dashboard === undefined ? undefined : yield* readDashboard(options.dashboard)

    const operations = yield* HttpRouter.toHttpEffect(
      operationRoutes.pipe(
        Layer.provide(
          Layer.mergeAll(
            Layer.succeedContext(context),
            Layer.succeed(
              Operations,
              Operations.of({
                metrics: options.metrics,
                accepting: () => !stopping,
                version: options.version,
                ...options.features,
                ownHeaders,
                intake: intake.counts,
                auth,
                observers: { isOpen: options.openMetrics ?? isLoopbackHost(options.host), judge },
                admin,
                dashboard,
              }),
            ),
          ),
        ),
      ),
    )
    const handleOperation = yield* NodeHttpServer.makeHandler(operations, { scope })

    const run = (
      request: IncomingMessage,
      response: ServerResponse,
      logOverflows: boolean,
      program: (place: Place) => Effect.Effect<void, never, Ledger | Upstreams | Timekeeper>,
    ): void => {
      const entry = intake.enter(announcedBytes(request), logOverflows)
      if (entry._tag === 'Refused') {
        tellOfOverload(entry.overload)
        refuse(response, newRequestId(), entry.answer, ownHeaders)
        return
      }
      const { place } = entry
      const fiber = Effect.runForkWith(context)(program(place))
      active.add(fiber)
      unsent.add(response)
      taken += 1
      response.on('close', () => {
        unsent.delete(response)
        endedAt = clock.currentTimeMillisUnsafe()
        if (!response.writableFinished) fiber.interruptUnsafe()
      })
      fiber.addObserver((exit) => {
        active.delete(fiber)
        // A whole answer may still have to reach a slow client.
        if (response.writableLength > SMALL_BYTES && !response.closed) response.on('close', place.leave)
        else place.leave()
        if (Exit.isSuccess(exit)) return
        if (!Cause.hasInterruptsOnly(exit.cause)) {
          Effect.runForkWith(context)(Effect.logError('a request died of a bug', exit.cause))
          if (!response.headersSent) return refuse(response, newRequestId(), errorAnswer.internal(), ownHeaders)
        }
        if (!response.writableEnded) response.destroy()
        request.resume()
      })
    }

    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      // The client's next connection goes to whoever is ready.
      if (stopping) response.setHeader('connection', 'close')
      limitSending(response, options.sendTimeoutMs)
      const refusal = guard(request, allowed, corsOrigins)
      if (refusal !== undefined) {
        refuse(response, newRequestId(), refusal, ownHeaders)
        request.resume()
        return
      }
      const url = request.url ?? '/'
      const mark = url.indexOf('?')
      const path = mark === -1 ? url : url.slice(0, mark)
      const query = mark === -1 ? '' : url.slice(mark)
      if (request.method === 'POST' && path === '/v1/messages') {
        run(request, response, ledger.health().overflowing, ({ settle }) =>
          handleMessages(request, response, query, {
            bodyLimit: options.bodyLimit,
            bodyRead: settle,
            ownHeaders,
            strategies: options.strategies,
            quotaHeaders: options.features.quotaHeaders,
            auth,
            ...(options.tracing === undefined ? {} : { tracing: options.tracing }),
            ...(options.captures === undefined ? {} : { captures: options.captures }),
            cancelledBy: () => (stopping && !response.destroyed ? 'shutdown' : 'client'),
          }),
        )
      } else if (request.method === 'POST' && path === '/v1/messages/count_tokens' && options.features.countTokens) {
        run(request, response, false, ({ settle }) =>
          handleCountTokens(request, response, query, { ...options, bodyRead: settle, counts, auth }),
        )
      } else handleOperation(request, response)
    }

    const server = makeListener({ ...options, onCrowded: tellSometimes(context, tellOfCrowd) }, onRequest)
    const address = yield* listen(server, options.host, options.port)

    const { drainTimeoutMs, stopDelayMs, host } = options
    const underWay = { fibers: active, unsent, taken: () => taken, endedAt: () => endedAt }
    const drainNow = (isHurried = false) =>
      Effect.suspend(() => {
        stopping = true
        const delay = { stopDelayMs: isHurried ? 0 : stopDelayMs, isAlone: isLoopbackHost(host) }
        return drain(server, underWay, { drainTimeoutMs, ...delay })
      })

    yield* Scope.addFinalizer(
      scope,
      Effect.suspend(() => {
        server.closeAllConnections()
        server.close()
        return Fiber.interruptAll([...active])
      }),
    )

    return { host: address.address, port: address.port, active: () => active.size, drain: drainNow }
  })
