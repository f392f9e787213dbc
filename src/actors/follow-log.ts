/**
 * Hearing the others: reads what was appended to a shared log since the last look and hands it to the ledger, in pieces that leave
 * the event loop to the streams. The store wakes it when there is something, and anyhow a few times a second.
 */
import { Effect, Result, type Scope } from 'effect'
import { Cluster } from '#actors/cluster.ts'
import { Ledger } from '#actors/ledger.ts'
import { EventLog } from '#actors/ports.ts'

/** Without a hint the others are heard within this, while there is traffic. */
const POLL_MS = 250
/** Some five milliseconds of folding. */
const PAGE = 500
const RETRY_MIN_MS = 100
const RETRY_MAX_MS = 1_000

/** Follows until the scope closes. A log that cannot be reached is tried again; the state grows older meanwhile. */
export const followLog: Effect.Effect<void, never, Ledger | EventLog | Cluster | Scope.Scope> = Effect.gen(
  function* () {
    const [ledger, log, cluster] = [yield* Ledger, yield* EventLog, yield* Cluster]
    const clock = yield* Effect.clockWith(Effect.succeed)
    let failing = false

    /** Until nothing is left. */
    const catchUp = Effect.gen(function* () {
      for (;;) {
        const at = clock.currentTimeMillisUnsafe()
        const rows = yield* log.read({ after: ledger.heard().position, limit: PAGE })
        const isAll = rows.length < PAGE
        yield* ledger.hear(rows, isAll ? at : undefined)
        if (isAll) return
        yield* Effect.yieldNow
      }
    })

    const look = Effect.suspend(() =>
      Effect.andThen(cluster.waitBeyond(ledger.heard().position, POLL_MS), catchUp),
    ).pipe(
      // An instance that has become deaf goes on deciding.
      Effect.catchDefect((defect) =>
        Effect.andThen(Effect.logError('hearing the other instances met a bug', defect), Effect.sleep(RETRY_MAX_MS)),
      ),
    )

    const following = Effect.gen(function* () {
      for (let delay = RETRY_MIN_MS; ; ) {
        const looked = yield* Effect.result(look)
        if (Result.isSuccess(looked)) {
          if (failing) yield* Effect.logWarning('the other instances are heard again')
          failing = false
          delay = RETRY_MIN_MS
          continue
        }
        if (!failing) {
          failing = true
          yield* Effect.logError('the other instances cannot be heard', { detail: looked.failure.message })
        }
        yield* Effect.sleep(delay)
        delay = Math.min(delay * 2, RETRY_MAX_MS)
      }
    })

    yield* Effect.forkScoped(following)
  },
)
