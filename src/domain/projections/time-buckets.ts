/**
 * A bounded row of buckets by time, oldest first: minutes of traffic, days of spending.
 */

export interface TimeBucket {
  /** Whole slots since the epoch: minutes, days. */
  readonly slot: number
}

/**
 * The bucket of `slot`, made if there is none yet; buckets that lie `keep` slots or more behind the newest are dropped.
 * Undefined for a slot that is itself that old, as after the clock was set back: there is no bucket to count it in.
 */
export const bucketAt = <B extends TimeBucket>(
  buckets: B[],
  slot: number,
  keep: number,
  make: (slot: number) => B,
): B | undefined => {
  const newest = buckets.at(-1)
  if (newest?.slot === slot) return newest
  if (newest !== undefined && slot <= newest.slot - keep) return undefined
  const isNewest = newest === undefined || newest.slot < slot
  const place = isNewest ? buckets.length - 1 : buckets.findLastIndex((bucket) => bucket.slot <= slot)
  const there = buckets[place]
  if (there?.slot === slot) return there
  const bucket = make(slot)
  if (isNewest) buckets.push(bucket)
  else buckets.splice(place + 1, 0, bucket)
  const horizon = Math.max(slot, newest?.slot ?? slot) - keep
  while ((buckets[0]?.slot ?? slot) <= horizon) buckets.shift()
  return bucket
}
