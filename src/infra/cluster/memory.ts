/**
 * What instances share, in memory, for tests and simulations of several boxes in one process. Time is Effect's clock, so it
 * may be virtual.
 */
import { Clock, Effect, Layer } from 'effect'
import {
  Cluster,
  type InstanceBeat,
  type InstanceSeen,
  type MoneyPool,
  type SharedRate,
  type Taken,
} from '#actors/cluster.ts'
import { EventLog, EventLogError, type EventLogReason } from '#actors/ports.ts'
import { arrivalAfter, MICROS_PER_MS, spanOf } from '#domain/gcra.ts'
import { type Hints, makeHints } from '#infra/cluster/hints.ts'
import { byStart, full, INSTANCE_SHOWN_MS, POOL_KEPT_MS, settled } from '#infra/cluster/kept.ts'

export type ClusterOperation = Exclude<keyof Cluster['Service'], 'grew' | 'counts'>

/** The part that the instances have in common. Times are epoch ms, arrivals epoch µs. */
export interface ClusterStore {
  readonly instances: Map<string, InstanceBeat & { readonly beatAt: number }>
  readonly leases: Map<string, { readonly holder: string | null; readonly token: number; readonly endsAt: number }>
  /** Limit → theoretical arrival time. */
  readonly rates: Map<string, number>
  readonly pools: Map<string, StoredPool>
  readonly hearers: Set<(position: number) => void>
  readonly options: ClusterStoreOptions
}

export interface ClusterStoreOptions {
  /** Asked before every operation; makes it fail by answering with a reason. */
  readonly fail?: (operation: ClusterOperation) => EventLogReason | undefined
  /** Asked for every hint: false loses it. Absent: none is lost. */
  readonly hintArrives?: () => boolean
}

interface StoredPool {
  readonly spentNano: number
  readonly askedAt: number
  /** Holder → what it was granted and has not given back. */
  readonly grants: Map<string, number>
}

export const makeClusterStore = (options: ClusterStoreOptions = {}): ClusterStore => ({
  instances: new Map(),
  leases: new Map(),
  rates: new Map(),
  pools: new Map(),
  hearers: new Set(),
  options,
})

/** One instance at the store. The log is the one that the instances share. */
export const layerMemory = (store: ClusterStore): Layer.Layer<Cluster, never, EventLog> =>
  Layer.effect(
    Cluster,
    Effect.gen(function* () {
      const log = yield* EventLog
      const hints = makeHints(log.head)
      const counts = yield* hearing(store, hints)
      const guard = Effect.fnUntraced(function* (operation: ClusterOperation) {
        const reason = store.options.fail?.(operation)
        if (reason !== undefined) return yield* new EventLogError({ reason })
        return yield* Clock.currentTimeMillis
      })
      /** An operation at a time of the store's clock; nothing comes between, because it does not wait. */
      const operation =
        <Asked extends readonly unknown[], A>(name: ClusterOperation, run: (now: number, ...asked: Asked) => A) =>
        (...asked: Asked) =>
          Effect.map(guard(name), (now) => run(now, ...asked))

      return Cluster.of({
        beat: operation('beat', (now, self: InstanceBeat) => beat(store, now, self)),
        leave: operation('leave', (now, writer: string) => {
          store.instances.delete(writer)
          for (const name of store.leases.keys()) giveUp(store, now, name, writer)
          for (const [key, { askedAt }] of store.pools) if (askedAt < now - POOL_KEPT_MS) store.pools.delete(key)
        }),
        lease: operation('lease', (now, name: string, holder: string, forMs: number) => {
          const held = store.leases.get(name)
          const isOwn = held?.holder === holder
          if (held !== undefined && held.holder !== null && !isOwn && held.endsAt > now) return undefined
          const token = isOwn ? held.token : (held?.token ?? 0) + 1
          store.leases.set(name, { holder, token, endsAt: now + forMs })
          return { name, token, leftMs: forMs }
        }),
        release: operation('release', (now, name: string, holder: string) => giveUp(store, now, name, holder)),
        take: operation('take', (now, rates: readonly SharedRate[]) => take(store, now, rates)),
        grant: operation('grant', (now, pool: MoneyPool, holder: string, wantNano: number) =>
          grant(store, now, pool, holder, wantNano),
        ),
        giveBack: operation('giveBack', (_now, poolKey: string, holder: string, nano: number) => {
          const grants = store.pools.get(poolKey)?.grants
          grants?.set(holder, Math.max(0, (grants.get(holder) ?? 0) - nano))
        }),
        reclaim: operation('reclaim', (_now, holder: string, spentNano: (poolKey: string) => number) =>
          reclaim(store, holder, spentNano),
        ),
        waitBeyond: (position, pollMs) => Effect.andThen(guard('waitBeyond'), hints.waitBeyond(position, pollMs)),
        grew: (position) => {
          counts.hintsGiven += 1
          for (const hear of store.hearers) if (store.options.hintArrives?.() ?? true) hear(position)
        },
        counts: () => ({ ...counts }),
      })
    }),
  )

/** Hears the others' hints while the scope is open. */
const hearing = Effect.fnUntraced(function* (store: ClusterStore, hints: Hints) {
  const counts = { hintsGiven: 0, hintsFailed: 0, hintsHeard: 0, listening: true }
  const hear = (position: number): void => {
    counts.hintsHeard += 1
    hints.tell(position)
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => store.hearers.add(hear)),
    () => Effect.sync(() => store.hearers.delete(hear)),
  )
  return counts
})

const beat = (store: ClusterStore, now: number, self: InstanceBeat): readonly InstanceSeen[] => {
  store.instances.set(self.writer, { ...self, beatAt: now })
  for (const [writer, { beatAt }] of store.instances) {
    if (beatAt < now - INSTANCE_SHOWN_MS) store.instances.delete(writer)
  }
  return [...store.instances.values()]
    .map(({ beatAt, ...seen }) => ({ ...seen, silentForMs: now - beatAt }))
    .sort(byStart)
}

const giveUp = (store: ClusterStore, now: number, name: string, holder: string): void => {
  const held = store.leases.get(name)
  // The row stays: its number must grow with the next holder.
  if (held?.holder === holder) store.leases.set(name, { holder: null, token: held.token, endsAt: now })
}

const take = (store: ClusterStore, now: number, rates: readonly SharedRate[]): Taken => {
  const nowUs = now * MICROS_PER_MS
  const after = rates.map((rate) => ({
    key: rate.key,
    ...arrivalAfter(store.rates.get(rate.key) ?? 0, spanOf(rate), nowUs),
  }))
  const slowest = after.reduce((most, one) => (one.waitUs > most.waitUs ? one : most), { key: '', waitUs: 0 })
  if (slowest.waitUs > 0) return full(slowest.key, slowest.waitUs)
  for (const { key, arrivalUs } of after) store.rates.set(key, arrivalUs)
  return { _tag: 'Taken' }
}

const grant = (store: ClusterStore, now: number, pool: MoneyPool, holder: string, wantNano: number): number => {
  const { spentNano, grants } = store.pools.get(pool.key) ?? {
    spentNano: pool.spentNano,
    grants: new Map<string, number>(),
  }
  store.pools.set(pool.key, { spentNano, grants, askedAt: now })
  const left = pool.limitNano - spentNano - grants.values().reduce((sum, nano) => sum + nano, 0)
  const given = Math.max(0, Math.min(left, wantNano))
  grants.set(holder, (grants.get(holder) ?? 0) + given)
  return given
}

const reclaim = (store: ClusterStore, holder: string, spentNano: (poolKey: string) => number): void => {
  for (const [key, { grants }] of store.pools) {
    const granted = grants.get(holder)
    if (granted !== undefined) grants.set(holder, settled(granted, spentNano(key)))
  }
}
