/**
 * A stop in good order. At first everything is served as before, while whoever sends clients here hears that they should go elsewhere;
 * then nobody new is let in, and what is under way comes to its end.
 */
import type { Server } from 'node:http'
import { Effect, Fiber } from 'effect'
import { neverBack } from '#actors/never-back.ts'

export interface Draining {
  /** From the beginning of the stop until what is left is broken off. */
  readonly drainTimeoutMs: number
  /** How long new requests are still served; at most half of `drainTimeoutMs`, so that the last of them has as long again. */
  readonly stopDelayMs: number
  /** Only this machine reaches the port: no balancer has to notice, and when nobody asks any more the delay is over. */
  readonly isAlone: boolean
}

export interface UnderWay {
  readonly fibers: ReadonlySet<Fiber.Fiber<void>>
  /** Not all of them has reached the socket: a client may be slow to take what is made already. */
  readonly unsent: ReadonlySet<unknown>
  /** Requests that were taken in, ever. */
  readonly taken: () => number
  /** When the last answer had been sent, epoch ms; undefined: there was none. */
  readonly endedAt: () => number | undefined
}

export interface Drained {
  readonly finished: number
  readonly brokenOff: number
}

/** How often is looked. */
const LOOK_MS = 50
/** Who asks one thing after the other has asked the next by then. */
const QUIET_MS = 300

export const drain = (
  server: Server,
  { fibers, unsent, taken, endedAt }: UnderWay,
  options: Draining,
): Effect.Effect<Drained> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()
    const steady = neverBack(now)
    const count = () => Math.max(fibers.size, unsent.size)
    const [startedAt, before] = [steady(), taken() - count()]
    const isQuiet = () => count() === 0 && now() - (endedAt() ?? Number.NEGATIVE_INFINITY) >= QUIET_MS
    const delayMs = Math.min(options.stopDelayMs, options.drainTimeoutMs / 2)
    while (steady() - startedAt < delayMs && !(options.isAlone && isQuiet())) yield* Effect.sleep(LOOK_MS)

    server.close()
    server.closeIdleConnections()
    const quiet = Effect.gen(function* () {
      while (count() > 0) {
        yield* Effect.sleep(LOOK_MS)
        server.closeIdleConnections()
      }
    })
    yield* Effect.timeoutOption(quiet, Math.max(0, options.drainTimeoutMs - (steady() - startedAt)))
    const brokenOff = count()
    yield* Fiber.interruptAll([...fibers])
    server.closeAllConnections()
    return { finished: taken() - before - brokenOff, brokenOff }
  })
