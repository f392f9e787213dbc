/**
 * How far apart snapshots of the folded state lie. In a file of its own, because threads load it that must start quickly.
 */

/**
 * At most so many events are between two snapshots, as far as they were made: to fold so many takes some 100 ms, and a million
 * events have some 10 MB of snapshots then.
 */
export const SNAPSHOT_SPACING = 2_500
