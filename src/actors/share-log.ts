/**
 * What makes a box one of several on a log: it hears the others and is heard, takes its turn as their leader, keeps the log's
 * snapshots meanwhile, and asks leave where all of them draw on the same. To be started before the box is opened.
 */
import { Effect, type Scope } from 'effect'
import { Cluster } from '#actors/cluster.ts'
import { followLog } from '#actors/follow-log.ts'
import { Ledger } from '#actors/ledger.ts'
import { type Membership, startMembership } from '#actors/membership.ts'
import type { Permits } from '#actors/permits.ts'
import type { EventLog } from '#actors/ports.ts'
import { makeSharedPermits, type SharedPermitsOptions } from '#actors/shared-permits.ts'
import { keepSnapshots } from '#actors/shared-snapshots.ts'

export interface ShareOptions extends Pick<SharedPermitsOptions, 'whileAway'> {
  /** For people: which instance this is. */
  readonly name: string
  readonly version: string
}

const RETURN_IDLE_MS = 2_000

/** Runs until the scope closes. */
export const shareLog = (
  options: ShareOptions,
): Effect.Effect<
  { readonly membership: Membership; readonly permits: Permits },
  never,
  Ledger | EventLog | Cluster | Scope.Scope
> =>
  Effect.gen(function* () {
    const [ledger, cluster] = [yield* Ledger, yield* Cluster]
    // The others need not wait for their next look.
    yield* ledger.subscribe(() => cluster.grew(ledger.health().committedPosition))
    const membership = yield* startMembership(options)
    yield* followLog
    yield* keepSnapshots(membership.isLeader)
    const { ask, returnIdle } = yield* makeSharedPermits({
      cluster,
      holder: ledger.writer,
      instances: membership.present,
      whileAway: options.whileAway,
    })
    const givingBack = Effect.catchDefect(returnIdle, (defect) =>
      Effect.logError('giving idle money of budgets back met a bug', defect),
    )
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(RETURN_IDLE_MS), givingBack)))
    yield* Effect.addFinalizer(() => givingBack)
    return { membership, permits: { ask } }
  })
