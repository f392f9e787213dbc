/**
 * An instance among others: says every second that it is there, knows who else is, and, where it holds the lease for it, does what
 * only one must do: closes what lost instances left open, and whatever its caller has for the leader.
 */
import { Context, Effect, type Scope } from 'effect'
import { Cluster, type InstanceSeen } from '#actors/cluster.ts'
import { Ledger } from '#actors/ledger.ts'
import { closeLost, grantsUsedBy } from '#actors/lost-instances.ts'
import { neverBack } from '#actors/never-back.ts'
import { EventLog } from '#actors/ports.ts'

const BEAT_MS = 1_000
/** A leader that dies is followed by another within this. */
const LEAD_MS = 5_000
/**
 * Silent for so long: lost. Only one that has itself been there all that time may say so: after an outage of the store everybody
 * has been silent.
 */
export const LOST_MS = 30_000
/** The store forgets who has been silent for longer, and of who did not get beyond its start it has never heard. */
const FORGOTTEN_MS = 86_400_000
const LEAVE_MS = 2_000
const LEASE = 'leader'

export interface Membership {
  readonly name: string
  /** As of the last beat that the store has answered. */
  readonly instances: () => readonly InstanceSeen[]
  /** Those that are there. At least 1. */
  readonly present: () => number
  readonly isLeader: () => boolean
  /** Epoch ms of the last answer. */
  readonly answeredAt: () => number | undefined
}

/** Undefined: this instance shares its log with nobody. */
export const Membership = Context.Reference<Membership | undefined>('signalbox/actors/Membership', {
  defaultValue: () => undefined,
})

export interface MembershipOptions {
  readonly name: string
  readonly version: string
}

/** Beats until the scope closes, then leaves. */
export const startMembership = (
  options: MembershipOptions,
): Effect.Effect<Membership, never, Ledger | EventLog | Cluster | Scope.Scope> =>
  Effect.gen(function* () {
    const [ledger, log, cluster] = [yield* Ledger, yield* EventLog, yield* Cluster]
    const clock = yield* Effect.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()
    const { writer } = ledger
    const startedAt = now()
    let seen: readonly InstanceSeen[] = []
    let answeredAt: number | undefined
    const elapsed = neverBack(now)
    /** The last answer, and since when this instance has been heard without a pause, by a clock that is never set back. */
    let heardAt: number | undefined
    let steadySince = Number.POSITIVE_INFINITY
    let leadsUntil = Number.NEGATIVE_INFINITY
    /** Who seems lost → since when, epoch ms. */
    const suspects = new Map<string, number>()

    const closeLostOnes = Effect.gen(function* () {
      if (elapsed() - steadySince < LOST_MS) return
      const { requests, budgets } = ledger.state.projections
      const isPresent = new Set(seen.filter(({ silentForMs }) => silentForMs < LOST_MS).map((one) => one.writer))
      const owners = new Set([
        ...requests.inFlight.values().map((request) => request.writer),
        ...seen.map((one) => one.writer),
        ...[...budgets.sharing].flatMap(([instance, since]) => (now() - since > FORGOTTEN_MS ? [instance] : [])),
      ])
      for (const suspect of suspects.keys())
        if (isPresent.has(suspect) || !owners.has(suspect)) suspects.delete(suspect)
      for (const lost of owners) {
        if (isPresent.has(lost) || lost === writer) continue
        const since = suspects.get(lost) ?? now()
        suspects.set(lost, since)
        // What it appended before it went must have been heard, or what it ended itself would be closed once more.
        if (ledger.heard().at <= since) continue
        suspects.delete(lost)
        // Before the state forgets what it had spent. What its open requests may have cost is not given to others. Of one that
        // has stopped, or was lost before, that is forgotten: then nothing of what it was granted is.
        if (budgets.sharing.has(lost)) yield* cluster.reclaim(lost, grantsUsedBy(ledger.state, lost))
        const closed = yield* closeLost(log, ledger.state, lost, writer)
        yield* cluster.leave(lost)
        if (closed !== undefined) yield* Effect.logWarning('an instance was lost', { instance: lost, requests: closed })
      }
    })

    const beat = Effect.gen(function* () {
      const { position: heardTo } = ledger.heard()
      seen = yield* cluster.beat({ writer, name: options.name, version: options.version, startedAt, heardTo })
      const at = now()
      answeredAt = at
      if (heardAt === undefined || elapsed() - heardAt > LEAD_MS) steadySince = elapsed()
      heardAt = elapsed()
      const lease = yield* cluster.lease(LEASE, writer, LEAD_MS)
      // By this clock it ends earlier than by the store's, which saw it begin before the answer came.
      leadsUntil = lease === undefined ? Number.NEGATIVE_INFINITY : at + lease.leftMs
      if (lease === undefined) suspects.clear()
      else yield* closeLostOnes
    }).pipe(
      // Who follows the log says already that the store is away.
      Effect.catch((error) => Effect.logDebug('no beat', { detail: error.message })),
      // An instance that stops to say that it is there is taken for lost.
      Effect.catchDefect((defect) => Effect.logError('the beat of this instance met a bug', defect)),
    )

    yield* beat
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(BEAT_MS), beat)))
    yield* Effect.addFinalizer(() =>
      cluster.leave(writer).pipe(
        // A store that does not answer must not hold up the end of the process: without it this instance is found silent.
        Effect.timeoutOption(LEAVE_MS),
        Effect.catch((error) => Effect.logDebug('not left', { detail: error.message })),
      ),
    )
    return {
      name: options.name,
      instances: () => seen,
      present: () => Math.max(1, seen.filter(({ silentForMs }) => silentForMs < LOST_MS).length),
      isLeader: () => now() < leadsUntil,
      answeredAt: () => answeredAt,
    }
  })
