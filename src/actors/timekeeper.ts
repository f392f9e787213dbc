/**
 * The one clock hand of the box. Every quarter of a second it fires the watches that are due (time-outs of attempts,
 * keep-alives) and tells the ledger which cool-downs have passed, because the pure core has no clock. One shared tick
 * instead of a timer per stream: activity on a stream only writes a number, however many chunks it has.
 */
import { Context, Effect, Layer } from 'effect'
import { Ledger } from '#actors/ledger.ts'
import { wakeAt } from '#actors/provider-machine.ts'

/** Time limits are kept to within this. */
export const TICK_MS = 250

/** Something that must happen when its time comes, unless that moves on meanwhile. */
export interface Watch {
  /** Epoch ms; read at every tick, so it may change at any time. */
  readonly due: () => number
  /** Called at each tick from `due` on, until the watch is removed or its `due` moves on. */
  readonly fire: (now: number) => void
}

export class Timekeeper extends Context.Service<
  Timekeeper,
  {
    readonly add: (watch: Watch) => void
    readonly remove: (watch: Watch) => void
    /** Watches that are set, for tests of leaks. */
    readonly size: () => number
  }
>()('signalbox/actors/Timekeeper') {
  static readonly layer = Layer.effect(
    Timekeeper,
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const watches = new Set<Watch>()
      const clock = yield* Effect.clockWith(Effect.succeed)

      let firing: Watch | undefined

      const tick = Effect.sync(() => {
        const now = clock.currentTimeMillisUnsafe()
        for (const watch of watches) {
          firing = watch
          if (watch.due() <= now) watch.fire(now)
        }
        firing = undefined
        for (const [provider, snapshot] of ledger.state.machines) {
          const wake = wakeAt(snapshot)
          if (wake !== undefined && wake.at <= now) ledger.record({ _tag: wake.fact, provider }, now)
        }
      }).pipe(
        // One watch's bug must not stop the clock for all: it loses its watch, the others are asked at the next tick.
        Effect.catchCause((cause) => {
          if (firing !== undefined) watches.delete(firing)
          firing = undefined
          return Effect.logError('the timekeeper met a bug', cause)
        }),
      )

      yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(TICK_MS), tick)))
      return Timekeeper.of({
        add: (watch) => void watches.add(watch),
        remove: (watch) => void watches.delete(watch),
        size: () => watches.size,
      })
    }),
  )
}
