/**
 * Snapshots of a shared log. No instance's own state is the fold of the log in its order, so the leader folds that beside its own,
 * piece by piece, and stores it now and then: whoever starts, and whoever asks for a past moment, begins there.
 */
import { Effect, type Scope } from 'effect'
import { applyRecorded, copyState, encodeStateInSteps, STATE_VERSION } from '#actors/gateway-state.ts'
import { inTurns } from '#actors/in-turns.ts'
import { Ledger } from '#actors/ledger.ts'
import { EventLog, type EventLogError } from '#actors/ports.ts'
import { type Restored, restore } from '#actors/restore.ts'
import { SNAPSHOT_SPACING } from '#domain/snapshot-spacing.ts'

const LOOK_MS = 5_000
const SNAPSHOT_AFTER_MS = 60_000
/** Some five milliseconds of folding. */
const PAGE = 500

/** Runs until the scope closes; does nothing while this instance does not lead. */
export const keepSnapshots = (isLeader: () => boolean): Effect.Effect<void, never, Ledger | EventLog | Scope.Scope> =>
  Effect.gen(function* () {
    const [ledger, log] = [yield* Ledger, yield* EventLog]
    const clock = yield* Effect.clockWith(Effect.succeed)
    let folded: (Restored & { position: number; snapshotPosition: number; newer: number }) | undefined
    let storedAt = clock.currentTimeMillisUnsafe()

    const store = Effect.fnUntraced(function* (from: NonNullable<typeof folded>) {
      const text = yield* inTurns(encodeStateInSteps(copyState(from.state)))
      yield* log.saveSnapshot({ version: STATE_VERSION, position: from.position, state: text })
      from.snapshotPosition = from.position
      storedAt = clock.currentTimeMillisUnsafe()
    })

    const isDue = (from: NonNullable<typeof folded>): boolean =>
      // A newer release, which folds what was skipped, would begin with this snapshot.
      from.newer === 0 &&
      (from.position - from.snapshotPosition >= SNAPSHOT_SPACING ||
        (from.position > from.snapshotPosition && clock.currentTimeMillisUnsafe() - storedAt >= SNAPSHOT_AFTER_MS))

    const look: Effect.Effect<void, EventLogError> = Effect.gen(function* () {
      if (!isLeader()) {
        folded = undefined
        return
      }
      folded ??= yield* restore(log, undefined, PAGE)
      while (folded.position < ledger.heard().position) {
        const rows = yield* log.read({ after: folded.position, limit: PAGE })
        for (const row of rows) {
          if (row._tag === 'Known') applyRecorded(folded.state, row.recorded)
          else if (row.upcast._tag === 'FromTheFuture') folded.newer += 1
          folded.position = row._tag === 'Known' ? row.recorded.position : row.position
        }
        if (isDue(folded)) yield* store(folded)
        if (rows.length < PAGE) break
        yield* Effect.yieldNow
      }
      if (isDue(folded)) yield* store(folded)
    })

    yield* look.pipe(
      // Without it the next start reads more of the log; nothing is lost.
      Effect.catch((error) => Effect.logDebug('no snapshot', { detail: error.message })),
      Effect.catchDefect((defect) => {
        // It may have been folded in halves.
        folded = undefined
        return Effect.logError('the keeping of snapshots met a bug', defect)
      }),
      Effect.andThen(Effect.sleep(LOOK_MS)),
      Effect.forever,
      Effect.forkScoped,
    )
  })
