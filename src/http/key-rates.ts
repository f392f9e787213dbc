/**
 * How often each client key may ask: a bucket of tokens per key, as many as it may ask for in a minute, filled evenly. In memory
 * only: a restart fills all of them.
 */

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
  readonly take: (keyId: string, perMinute: number, now: number) => number | undefined
}

export const makeKeyRates = (): KeyRates => {
  const buckets = new Map<string, Bucket>()
  return {
    take: (keyId, perMinute, now) => {
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
  }
}
