/**
 * Slices of a removal: how many requests go at a time, so that whoever appends meanwhile waits for no longer than a moment.
 */

/** What holds the log, at most: a third of what an append may wait, because its own commit comes behind, and no two slices take the same. */
export const HOLD_MS = 3

export interface SliceSize {
  readonly least: number
  readonly most: number
}

export const REQUESTS: SliceSize = { least: 5, most: 100 }
/** Of the database's file, 4 kB each. */
export const PAGES: SliceSize = { least: 16, most: 512 }

/** The first one is small; how fast the machine is shows with it. */
export const firstSlice = ({ least }: SliceSize): number => 2 * least

/** @param tookMs what the last one, of `size`, held the log */
export const nextSlice = (size: number, tookMs: number, { least, most }: SliceSize): number => {
  const factor = Math.min(2, Math.max(0.25, HOLD_MS / Math.max(tookMs, 0.1)))
  return Math.min(most, Math.max(least, Math.floor(size * factor)))
}
