/**
 * Which snapshots are kept: all of the last hour, and of older ones as few as leave no gap wider than SNAPSHOT_SPACING, so that
 * the state of any moment is a short fold away. Where events went to an archive every snapshot stays: nothing could make it again.
 */
import { SNAPSHOT_SPACING } from '#domain/snapshot-spacing.ts'

export interface Rung {
  readonly position: number
  /** Epoch ms; null: not known, so long ago. */
  readonly occurredAt: number | null
  /** Others cannot be read without it. */
  readonly isBase: boolean
}

/** Below the first snapshot a fold begins with nothing. */
export const GROUND: Rung = { position: 0, occurredAt: null, isBase: false }

const KEEP_ALL_MS = 3_600_000

/**
 * Positions of those that may go. `rungs`: of one version, ascending; the first and the newest two stay in any case (the second
 * newest is there for a reader that is just loading it).
 *
 * @param archivedTo up to this position events are missing
 */
export const needlessRungs = (rungs: readonly Rung[], archivedTo: number): readonly number[] => {
  const needless: number[] = []
  const until = (rungs.at(-1)?.occurredAt ?? Number.POSITIVE_INFINITY) - KEEP_ALL_MS
  let below = rungs[0]?.position ?? 0
  for (const [index, { position, occurredAt, isBase }] of rungs.entries()) {
    const above = rungs[index + 1]
    if (index === 0 || above === undefined || index >= rungs.length - 2) continue
    const isOld = occurredAt === null || occurredAt < until
    if (isOld && !isBase && below >= archivedTo && above.position - below <= SNAPSHOT_SPACING) needless.push(position)
    else below = position
  }
  return needless
}
