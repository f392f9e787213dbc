/**
 * Carries a plan out on a real HTTP response, on time, with back-pressure, down to how the connection ends.
 */
import type { ServerResponse } from 'node:http'
import { Clock, Effect } from 'effect'
import type { Plan } from '#infra/simulator/plan.ts'

export interface Stage {
  readonly response: ServerResponse
  /** Called before each write to the socket. */
  readonly wrote: (bytes: number) => void
  /** Stops listening for a while and drops every connection. */
  readonly refuseConnections: (forMs: number) => Effect.Effect<void>
}

/** Interrupt it when the client leaves. */
export const play = Effect.fnUntraced(function* (plan: Plan, stage: Stage) {
  const { response } = stage
  const start = yield* Clock.currentTimeMillis
  if (plan.headersAtMs !== undefined) {
    yield* sleepUntil(start + plan.headersAtMs)
    response.writeHead(plan.status, plan.headers.flat())
    // A body that is due at once goes out in the same packet as its headers.
    if (plan.pieces[0] === undefined || plan.pieces[0].atMs > plan.headersAtMs) response.flushHeaders()
  }
  for (const [index, piece] of plan.pieces.entries()) {
    yield* sleepUntil(start + piece.atMs)
    // Writes that are due together must still leave one by one.
    if (index > 0) yield* nextTick
    yield* write(stage, piece.bytes)
  }
  const { ending } = plan
  switch (ending._tag) {
    case 'Complete':
      response.end()
      return
    case 'Reset':
      yield* flushed(response)
      response.socket?.resetAndDestroy()
      return
    case 'Fin':
      yield* flushed(response)
      response.socket?.end()
      return
    case 'RefuseConnections':
      yield* stage.refuseConnections(ending.forMs)
      return
    case 'Hang': {
      const { ping } = ending
      if (ping === undefined) return yield* Effect.never
      while (true) {
        yield* Effect.sleep(ping.everyMs)
        yield* write(stage, ping.bytes)
      }
    }
  }
})

const sleepUntil = Effect.fnUntraced(function* (at: number) {
  const now = yield* Clock.currentTimeMillis
  if (at > now) yield* Effect.sleep(at - now)
})

const nextTick = Effect.callback<void>((resume) => {
  const handle = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(handle))
})

const write = (stage: Stage, bytes: Uint8Array): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    stage.wrote(bytes.length)
    if (stage.response.write(bytes)) {
      resume(Effect.void)
    } else {
      // After a lost connection no drain comes; the interruption does.
      stage.response.once('drain', () => resume(Effect.void))
    }
  })

/** Until the kernel has everything: a reset throws away what is still in our own buffers. */
const flushed = (response: ServerResponse): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const { socket } = response
    if (socket === null || socket.writableLength === 0) resume(Effect.void)
    else socket.write('', () => resume(Effect.void))
  })
