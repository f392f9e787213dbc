/** What every store of what instances share does alike: how long it keeps things, in which words it answers. */
import type { InstanceSeen, Taken } from '#actors/cluster.ts'
import { MICROS_PER_MS } from '#domain/gcra.ts'

const DAY_MS = 24 * 60 * 60 * 1_000

export const INSTANCE_SHOWN_MS = DAY_MS

/** Longer than a month, the longest period of a budget. */
export const POOL_KEPT_MS = 40 * DAY_MS

/** Instances that started together are told apart by their writer ids. */
export const byStart = (a: InstanceSeen, b: InstanceSeen): number =>
  a.startedAt - b.startedAt || (a.writer < b.writer ? -1 : 1)

/** What stays of a grant whose holder is gone. What it spent beyond the grant was an estimate too low; the log knows of it. */
export const settled = (grantedNano: number, spentNano: number): number => Math.max(0, Math.min(grantedNano, spentNano))

/** Nothing was taken, because a limit has no room; rounded up, so that the call fits when it comes again as told. */
export const full = (key: string, waitUs: number): Taken => ({
  _tag: 'Full',
  key,
  retryAfterMs: Math.ceil(waitUs / MICROS_PER_MS),
})
