/**
 * How often each client key may ask: a bucket of tokens per key, as many as it may ask for in a minute, filled evenly. In memory
 * only: a restart fills all of them.
 *
 * Instances that share a log count together, in the store that they have in common. Each keeps its own bucket of what it took there: where
 * that is empty the common one must be, so that a client that asks and asks is a burden to nobody else; and it is what counts
 * while the store is away.
 */
import { Effect } from 'effect'
import { makeAskStore } from '#actors/ask-store.ts'
import type { Cluster } from '#actors/cluster.ts'

/** Keys whose buckets are remembered, above the number that there can be; the one that asked longest ago goes first. */
const BUCKETS_KEPT = 2_000
const MINUTE_MS = 60_000

interface Bucket {
  readonly tokens: number
  /** Epoch ms. */
  readonly at: number
}

export interface KeyRates {
  /** Takes a token. Undefined: there was one; else how many ms later there will be. */
  readonly take: (keyId: string, perMinute: number, now: number) => Effect.Effect<number | undefined>
}

/** What is counted apart. */
export type RatedKind = 'messages' | 'tokenCounts'

export type RatesByKind = { readonly [K in RatedKind]: KeyRates }

/** Of an instance that shares its log with nobody. */
export const ownRates = (): RatesByKind => {
  const rates = (): KeyRates => {
    const { take } = makeBuckets()
    return { take: (keyId, perMinute, now) => Effect.sync(() => take(keyId, perMinute, now)) }
  }
  return { messages: rates(), tokenCounts: rates() }
}

/** Of one of several instances. `now` is epoch ms. */
export const sharedRates = (cluster: Cluster['Service'], now: () => number): RatesByKind => {
  const store = makeAskStore(now)
  const rates = (kind: RatedKind): KeyRates => {
    const own = makeBuckets()
    return {
      take: Effect.fnUntraced(function* (keyId, perMinute, at) {
        const waitMs = own.take(keyId, perMinute, at)
        if (waitMs !== undefined) return waitMs
        const rate = { key: `key ${keyId} ${kind}`, perMinute, burst: perMinute, cost: 1 }
        const taken = yield* store.ask(cluster.take([rate]))
        if (taken?._tag !== 'Full') return undefined
        own.putBack(keyId)
        return taken.retryAfterMs
      }),
    }
  }
  return { messages: rates('messages'), tokenCounts: rates('tokenCounts') }
}

const makeBuckets = () => {
  const buckets = new Map<string, Bucket>()
  return {
    take: (keyId: string, perMinute: number, now: number): number | undefined => {
      const { tokens, at } = buckets.get(keyId) ?? { tokens: perMinute, at: now }
      // A clock that was set back fills nothing.
      const filled = Math.min(perMinute, tokens + (Math.max(0, now - at) * perMinute) / MINUTE_MS)
      const isEnough = filled >= 1
      buckets.delete(keyId)
      buckets.set(keyId, { tokens: isEnough ? filled - 1 : filled, at: now })
      const [longestAgo] = buckets.keys()
      if (longestAgo !== undefined && buckets.size > BUCKETS_KEPT) buckets.delete(longestAgo)
      return isEnough ? undefined : ((1 - filled) * MINUTE_MS) / perMinute
    },
    /** What was taken was not used. */
    putBack: (keyId: string): void => {
      const bucket = buckets.get(keyId)
      if (bucket !== undefined) buckets.set(keyId, { ...bucket, tokens: bucket.tokens + 1 })
    },
  }
}
