/**
 * A simulated provider: a real HTTP server on loopback that speaks one of the wires, and whose answers follow a script, a
 * story or a seeded world. Time is the Clock of the fiber that starts it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Clock, Effect, type Scope, Semaphore } from 'effect'
import type { HeaderList } from '#actors/ports.ts'
import { letters, seedOf } from '#infra/simulator/draws.ts'
import { makeEngine } from '#infra/simulator/engine.ts'
import type { EngineOptions } from '#infra/simulator/engine-options.ts'
import { play } from '#infra/simulator/play.ts'
import { makeRecorder, type OpenRecord, type RecordedRequest } from '#infra/simulator/recording.ts'
import type { Script } from '#infra/simulator/script.ts'
import { SimulatorError } from '#infra/simulator/simulator-error.ts'
import type { Story } from '#infra/simulator/story.ts'
import { DEFAULT_MAX_BODY_BYTES } from '#infra/simulator/wire.ts'
import type { World } from '#infra/simulator/world.ts'

export interface SimulatorOptions extends EngineOptions {
  /** Default 0: a free port. */
  readonly port?: number
  /** How many requests are remembered, with their bodies; default 500. */
  readonly keepRequests?: number
}

export interface Simulator {
  readonly id: string
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly port: number
  /** The last requests, oldest first; records fill up while their response runs. */
  readonly requests: readonly RecordedRequest[]
  /** Waits until a remembered request fits. */
  readonly until: (fits: (request: RecordedRequest) => boolean) => Effect.Effect<RecordedRequest>
  /** Adds entries after those that are there. */
  readonly script: (script: Script) => void
  readonly scriptLeft: () => number
  readonly tell: (story: Story | undefined) => void
  readonly live: (world: World | undefined) => void
  /** Drops every connection and stops listening, until `acceptConnections`. */
  readonly refuseConnections: Effect.Effect<void>
  readonly acceptConnections: Effect.Effect<void, SimulatorError>
  /** For good, also before its scope ends. */
  readonly close: Effect.Effect<void>
}

/** Starts a provider; it stops with its scope. */
export const startSimulator: (options: SimulatorOptions) => Effect.Effect<Simulator, SimulatorError, Scope.Scope> =
  Effect.fnUntraced(function* (options: SimulatorOptions) {
    const engine = makeEngine(options)
    const recorder = makeRecorder(options.keepRequests ?? 500)
    const runFork = Effect.runForkWith(yield* Effect.context<never>())
    const idSeed = (options.seed ?? 1) ^ seedOf(options.id)
    const maxBodyBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES
    const scope = yield* Effect.scope
    let count = 0
    let closed = false
    let refusal = 0

    const exchange = Effect.fnUntraced(function* (request: IncomingMessage, response: ServerResponse) {
      count++
      const record: OpenRecord = {
        number: count,
        at: yield* Clock.currentTimeMillis,
        method: request.method ?? 'GET',
        path: request.url ?? '/',
        headers: pairs(request.rawHeaders),
        body: Buffer.alloc(0),
        status: undefined,
        requestId: `req_011C${letters(20, idSeed, count)}`,
        bytesSent: 0,
        endedAt: undefined,
        abortedAt: undefined,
      }
      recorder.open(record)
      recorder.changed()
      const wrote = (bytes: number): void => {
        record.status = response.statusCode
        record.bytesSent += bytes
        recorder.changed()
      }
      const answered = Effect.gen(function* () {
        record.body = yield* readBody(request, maxBodyBytes)
        recorder.changed()
        const plan = engine.respond({ ...record, at: yield* Clock.currentTimeMillis })
        yield* play(plan, { response, wrote, refuseConnections: refuseFor })
        if (plan.ending._tag === 'Complete') {
          record.status = plan.status
          yield* finished(response)
        }
        return 'ended' as const
      })
      const how = yield* Effect.raceFirst(answered, clientGone(response))
      const now = yield* Clock.currentTimeMillis
      record.endedAt = now
      if (how === 'gone') record.abortedAt = now
      recorder.changed()
    })

    const server = createServer({ keepAlive: true, noDelay: true }, (request, response) => {
      runFork(exchange(request, response))
    })
    // A proxy's pool may keep a connection as long as it likes.
    server.keepAliveTimeout = 0
    server.requestTimeout = 0

    // Opening and closing the listener overlap when a script and a test both ask for it; one at a time.
    const oneAtATime = Semaphore.makeUnsafe(1).withPermit
    const stopListening: Effect.Effect<void> = oneAtATime(
      Effect.callback((resume) => {
        if (!server.listening) return resume(Effect.void)
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      }),
    )
    const close = Effect.suspend(() => {
      closed = true
      return stopListening
    })
    yield* Effect.acquireRelease(listen(server, options.id, options.port ?? 0), () => close)
    const { port } = server.address() as AddressInfo

    const startListening = oneAtATime(
      Effect.suspend(() => (closed || server.listening ? Effect.void : listen(server, options.id, port))),
    )
    const acceptConnections = Effect.suspend(() => {
      refusal++
      return startListening
    })
    const refuseConnections = Effect.suspend(() => {
      refusal++
      return stopListening
    })
    const refuseFor = (forMs: number): Effect.Effect<void> =>
      Effect.suspend(() => {
        refusal++
        const mine = refusal
        // In the provider's scope: the connection that asked for it is among those that are dropped.
        return stopListening.pipe(
          Effect.andThen(Effect.sleep(forMs)),
          Effect.andThen(Effect.suspend(() => (refusal === mine ? startListening : Effect.void))),
          Effect.orDie,
          Effect.forkIn(scope),
          Effect.asVoid,
        )
      })

    return {
      id: options.id,
      url: `http://127.0.0.1:${port}`,
      port,
      requests: recorder.requests,
      until: recorder.until,
      script: engine.script,
      scriptLeft: engine.scriptLeft,
      tell: engine.tell,
      live: engine.live,
      refuseConnections,
      acceptConnections,
      close,
    }
  })

const listen = (server: Server, id: string, port: number): Effect.Effect<void, SimulatorError> =>
  Effect.callback((resume) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      resume(Effect.fail(new SimulatorError({ id, port, code: error.code ?? 'unknown' })))
    }
    server.once('error', failed)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', failed)
      resume(Effect.void)
    })
  })

/** The whole body; of a body above the limit only so much that one sees it is. A lost upload never ends. */
const readBody = (request: IncomingMessage, limit: number): Effect.Effect<Buffer> =>
  Effect.callback((resume) => {
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      if (length <= limit) chunks.push(chunk)
      length += chunk.length
    })
    request.on('end', () => resume(Effect.succeed(Buffer.concat(chunks))))
    // An upload that is cut off raises an error here; clientGone reports it.
    request.on('error', () => {})
  })

/** Until the kernel has the whole response. */
const finished = (response: ServerResponse): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (response.writableFinished) resume(Effect.void)
    else response.once('finish', () => resume(Effect.void))
  })

/** Succeeds when the connection closes before the response is complete. */
const clientGone = (response: ServerResponse): Effect.Effect<'gone'> =>
  Effect.callback((resume) => {
    response.once('close', () => {
      if (!response.writableFinished) resume(Effect.succeed('gone'))
    })
  })

const pairs = (flat: readonly string[]): HeaderList => {
  const list: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) list.push([flat[i] ?? '', flat[i + 1] ?? ''])
  return list
}
