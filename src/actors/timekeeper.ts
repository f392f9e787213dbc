/**
 * The one clock hand of the box. Every quarter of a second it fires the watches that are due (time-outs of attempts,
 * keep-alives) and tells the ledger which cool-downs have passed, because the pure core has no clock. One shared tick
 * instead of a timer per stream: activity on a stream only writes a number, however many chunks it has.
 */
import { Context, Effect, Layer } from 'effect'
import { makeBag } from '#actors/bag.ts'
import { Ledger } from '#actors/ledger.ts'
import { neverBack } from '#actors/never-back.ts'
import { factDueAt } from '#actors/provider-machine.ts'

/** Time limits are kept to within this. */
export const TICK_MS = 250

/**
 * A tick that comes this much late means that the process stood still (it was stopped, its machine slept) or that the clock was
 * set on. What came meanwhile lies unread: watches wait `CATCH_UP_MS` for it, so that nobody is blamed for our absence.
 */
const STOOD_STILL_MS = 2_000
const CATCH_UP_MS = 1_000

/** Whether watches may fire at a tick; told of each, in ms. */
export const afterCatchingUp = (startedAt: number): ((now: number) => boolean) => {
  let tickedAt = startedAt
  let from = startedAt
  return (now) => {
    if (now - tickedAt > TICK_MS + STOOD_STILL_MS) from = now + CATCH_UP_MS
    tickedAt = now
    return now >= from
  }
}

/** Something that must happen when its time comes, unless that moves on meanwhile. */
export interface Watch {
  /** By the timekeeper's clock; read at every tick, so it may change at any time. */
  readonly due: () => number
  /** Called at each tick from `due` on, until the watch is removed or its `due` moves on. */
  readonly fire: (now: number) => void
}

export class Timekeeper extends Context.Service<
  Timekeeper,
  {
    readonly add: (watch: Watch) => void
    readonly remove: (watch: Watch) => void
    /** The clock of watches, ms: the epoch's, but it is never set back (never-back.ts). */
    readonly now: () => number
    /** Watches that are set, for tests of leaks. */
    readonly size: () => number
  }
>()('signalbox/actors/Timekeeper') {
  static readonly layer = Layer.effect(
    Timekeeper,
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const watches = makeBag<Watch>()
      const clock = yield* Effect.clockWith(Effect.succeed)

      let firing: Watch | undefined
      const now = neverBack(() => clock.currentTimeMillisUnsafe())
      const mayFire = afterCatchingUp(now())

      const tick = Effect.sync(() => {
        const at = now()
        // Who fires may remove others, which must not fire then.
        for (const watch of mayFire(at) ? watches : []) {
          firing = watch
          if (watch.due() <= at && watches.has(watch)) watch.fire(at)
        }
        firing = undefined
        const epochMs = clock.currentTimeMillisUnsafe()
        for (const [provider, snapshot] of ledger.state.machines) {
          const fact = factDueAt(snapshot, epochMs)
          if (fact !== undefined) ledger.record({ _tag: fact, provider }, epochMs)
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
        add: watches.add,
        remove: watches.delete,
        now,
        size: () => watches.size,
      })
    }),
  )
}
