/**
 * Looks at the box every quarter of a minute and records what is found: an alert is raised once and cleared once, across
 * restarts too, because what stands is folded from the log.
 */
import { Effect, type Scope } from 'effect'
import type { GatewayState } from '#actors/gateway-state.ts'
import { Ledger } from '#actors/ledger.ts'
import { alertChanges, evaluateAlerts } from '#domain/alerts/evaluate.ts'
import type { BudgetUse } from '#domain/alerts/view.ts'
import { alertView } from '#infra/alerts/alert-view.ts'
import type { AlertsConfig } from '#infra/alerts/settings.ts'

export const WAKE_MS = 15_000

export interface WatchOptions {
  /** In force at this moment. */
  readonly config: () => AlertsConfig
  /** Whether it is for this instance to do, of several on the log; absent: it is. */
  readonly isMine?: () => boolean
  /** Bytes that are free where the log lies; undefined: not known. */
  readonly diskFree: Effect.Effect<number | undefined>
  /** How full each budget is at `at` (epoch ms), in its running period. */
  readonly budgetUse?: (state: GatewayState, at: number) => readonly BudgetUse[]
}

/** Watches until the scope closes. */
export const watchAlerts = (options: WatchOptions): Effect.Effect<void, never, Ledger | Scope.Scope> =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const clock = yield* Effect.clockWith(Effect.succeed)

    const look = Effect.gen(function* () {
      if (options.isMine?.() === false) return
      const diskFreeBytes = yield* options.diskFree
      const { state } = ledger
      const at = clock.currentTimeMillisUnsafe()
      const budgetUse = options.budgetUse?.(state, at) ?? []
      const view = alertView(state, { health: ledger.health(), diskFreeBytes, budgetUse })
      const found = evaluateAlerts(view, options.config().rules, at)
      for (const fact of alertChanges(found, state.projections.alerts)) ledger.record(fact, at)
    }).pipe(Effect.catchCause((cause) => Effect.logError('the watcher of alerts met a bug', cause)))

    yield* Effect.forkScoped(Effect.forever(Effect.andThen(look, Effect.sleep(WAKE_MS))))
  })
