/**
 * Prometheus metrics, made at scrape time from the state and from what is summed up of committed events. They never sit in a
 * request's path. Labels come from closed sets: providers of the configuration, reasons of the catalogue, models that the
 * policy names (src/domain/projections/totals.ts).
 */
import { Effect, Option, type Scope } from 'effect'
import { Ledger } from '#actors/ledger.ts'
import { Membership } from '#actors/membership.ts'
import { EventLog } from '#actors/ports.ts'
import { addTo, emptyDistribution } from '#domain/distribution.ts'
import { type Totals, totals as totalsOf } from '#domain/projections/totals.ts'
import type { IntakeCounts } from '#infra/telemetry/intake-counts.ts'
import { APPEND_MS } from '#infra/telemetry/metrics/box.ts'
import { watchEventLoop } from '#infra/telemetry/metrics/event-loop.ts'
import { type Exposition, expose, processRegistry } from '#infra/telemetry/metrics/exposition.ts'
import { FAMILIES } from '#infra/telemetry/metrics/families.ts'
import { nothingTold, type TelemetryCounts } from '#infra/telemetry/telemetry-counts.ts'

export interface MetricsOptions {
  readonly version: string
  /** Off in tests that only look at our own metrics. */
  readonly processMetrics: boolean
  /** Absent: no log file, no collector. */
  readonly telemetry?: () => TelemetryCounts
  /** Absent: nothing is refused for want of room. */
  readonly intake?: () => IntakeCounts
}

export interface Metrics {
  /** The exposition text of this moment. */
  readonly render: Effect.Effect<Exposition>
}

/** A scrape is needed most when the disk hangs: then it goes without the sizes of the files. */
const STATS_WAIT_MS = 1_000

/** Subscribes to the ledger until the scope closes. */
export const makeMetrics = (options: MetricsOptions): Effect.Effect<Metrics, never, Ledger | EventLog | Scope.Scope> =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const log = yield* EventLog
    const membership = yield* Membership
    const { version } = options
    const beside = options.processMetrics ? [processRegistry()] : []
    const readLoop = yield* watchEventLoop
    const appends = emptyDistribution(APPEND_MS)

    // Beside the live totals, because those hold events that a crash could take back: a counter must not. Both are the same
    // here but for what is on its way to the log, which is counted already when its commit is heard.
    // Of a shared log every instance counts its own events only, from its start on: the sum over instances is the truth.
    let totals: Totals = ledger.shared ? totalsOf.initial() : structuredClone(ledger.state.projections.totals)
    const counted = ledger.shared ? 0 : ledger.health().committedPosition + ledger.lag().uncommitted
    yield* ledger.subscribe((events, { tookMs }) => {
      addTo(appends, APPEND_MS, tookMs)
      for (const recorded of events) if ((recorded.position ?? 1) > counted) totals = totalsOf.evolve(totals, recorded)
    })

    const files = log.stats.pipe(
      Effect.timeoutOption(STATS_WAIT_MS),
      Effect.map(Option.getOrUndefined),
      Effect.catch((error) =>
        Effect.as(Effect.logWarning('the sizes of the event log cannot be read', { detail: error.message }), undefined),
      ),
    )

    return {
      render: Effect.gen(function* () {
        const [stats, at] = yield* Effect.all([files, Effect.clockWith((clock) => clock.currentTimeMillis)])
        const { state } = ledger
        const telemetry = options.telemetry?.() ?? nothingTold
        const sharing = membership && {
          present: membership.present(),
          isLeader: membership.isLeader(),
          stateAgeMs: Math.max(0, at - ledger.heard().at),
        }
        const scene = {
          at,
          version,
          sharing,
          state,
          totals,
          appends,
          files: stats,
          loop: readLoop(),
          telemetry,
          intake: options.intake?.(),
        }
        return yield* Effect.promise(() =>
          expose(FAMILIES, { ...scene, health: ledger.health(), lag: ledger.lag() }, beside),
        )
      }),
    }
  })
