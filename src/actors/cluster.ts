/**
 * What several instances of the box share beside the log: who is there, leases, common rate limits, and what may still be
 * spent of a hard budget. One instance alone needs none of it. docs/adr/0022 has the reasons.
 *
 * All durations and ages are by the clock of the store, so that instances whose clocks differ agree.
 */
import { Context, type Effect } from 'effect'
import type { EventLogError } from '#actors/ports.ts'

/** What an instance says of itself with every beat. */
export interface InstanceBeat {
  /** The writer id: new with every start of a process. */
  readonly writer: string
  /** For people: host name, pod name, or what the configuration says. */
  readonly name: string
  readonly version: string
  /** Epoch ms, its own clock. */
  readonly startedAt: number
  /** The log position up to which its state has heard everybody. */
  readonly heardTo: number
}

export interface InstanceSeen extends InstanceBeat {
  /** How long ago it last said that it is there. */
  readonly silentForMs: number
}

/** Something that one instance at a time holds. */
export interface Lease {
  readonly name: string
  /** Grows with every change of the holder; a holder whose number is not the highest has lost it. */
  readonly token: number
  readonly leftMs: number
}

/** One limit that all instances share, by the generic cell rate algorithm. */
export interface SharedRate {
  /** Names the limit, e.g. `anthropic requests`. Once in a call. */
  readonly key: string
  /** Above 0. */
  readonly perMinute: number
  /** What may come at once after a rest. */
  readonly burst: number
  /** What this call takes; not above `burst`. */
  readonly cost: number
}

export type Taken =
  | { readonly _tag: 'Taken' }
  /** None of the asked limits was charged. `retryAfterMs`: until the slowest of them has room. */
  | { readonly _tag: 'Full'; readonly key: string; readonly retryAfterMs: number }

/** Money that instances share: grants never add up to more than the limit. Billionths of a US dollar. */
export interface MoneyPool {
  /** Names budget, period and subject. */
  readonly key: string
  readonly limitNano: number
  /** What the log knew as spent when the pool is asked for the first time. */
  readonly spentNano: number
}

/** Since the start of the process. */
export interface ClusterCounts {
  readonly hintsGiven: number
  readonly hintsFailed: number
  /** From everybody, oneself included. */
  readonly hintsHeard: number
  /** Whether hints can be heard now. */
  readonly listening: boolean
}

export class Cluster extends Context.Service<
  Cluster,
  {
    /** Says that this instance is there, and answers with everybody who has been there within a day, itself included; the first to start comes first. */
    readonly beat: (self: InstanceBeat) => Effect.Effect<readonly InstanceSeen[], EventLogError>
    /**
     * Takes an instance off the list, gives its leases up. What it was granted stays granted until `reclaim`. Pools that nobody has
     * asked for in 40 days are deleted on the occasion.
     */
    readonly leave: (writer: string) => Effect.Effect<void, EventLogError>
    /** Takes a lease or renews one's own; undefined: another instance holds it. */
    readonly lease: (name: string, holder: string, forMs: number) => Effect.Effect<Lease | undefined, EventLogError>
    /** Gives a lease up; nothing happens when it is not held any more. */
    readonly release: (name: string, holder: string) => Effect.Effect<void, EventLogError>
    /** Charges all of these limits, or none. One statement. */
    readonly take: (rates: readonly SharedRate[]) => Effect.Effect<Taken, EventLogError>
    /** Grants up to `wantNano` of a pool, as much as is left; answers what was granted, 0 for nothing. One statement. */
    readonly grant: (pool: MoneyPool, holder: string, wantNano: number) => Effect.Effect<number, EventLogError>
    /**
     * Returns what a holder does not need of its grant. Not to be asked again when it fails, because it may have been done:
     * what stays granted too long is settled by `reclaim`.
     */
    readonly giveBack: (poolKey: string, holder: string, nano: number) => Effect.Effect<void, EventLogError>
    /**
     * Settles the grants of a holder that is gone: of each of its pools only `spentNano(pool key)` stays granted, and the
     * rest is there for others. Idempotent.
     */
    readonly reclaim: (holder: string, spentNano: (poolKey: string) => number) => Effect.Effect<void, EventLogError>
    /**
     * Returns when the log has grown beyond a position, or after two seconds at the latest; sooner than `pollMs` only by a
     * notification, which is a hint and may be lost.
     */
    readonly waitBeyond: (position: number, pollMs: number) => Effect.Effect<void, EventLogError>
    /**
     * Gives the others a hint that the log has grown, soon and without waiting for it. Of many calls within a tenth of a second
     * the last one counts. A hint that cannot be given is counted and forgotten: they will find out by themselves.
     */
    readonly grew: (position: number) => void
    readonly counts: () => ClusterCounts
  }
>()('signalbox/actors/Cluster') {}
