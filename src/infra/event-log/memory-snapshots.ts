/** Snapshots of the log in memory, as many as a file would keep. */
import type { DatedSnapshot, StoredSnapshot } from '#actors/ports.ts'
import { GROUND, needlessRungs } from '#infra/event-log/snapshot-ladder.ts'

/** @param occurredAt epoch ms of the event at a position; null: there is none */
export const makeSnapshots = (occurredAt: (position: number) => number | null) => {
  /** Ascending. */
  const versions = new Map<string, readonly DatedSnapshot[]>()

  const before = (version: string, position: number): DatedSnapshot | undefined =>
    versions.get(version)?.findLast((snapshot) => snapshot.position <= position)

  return {
    save: (snapshot: StoredSnapshot): void => {
      const others = (versions.get(snapshot.version) ?? []).filter(({ position }) => position !== snapshot.position)
      const dated: DatedSnapshot = { ...snapshot, occurredAt: occurredAt(snapshot.position) }
      const all = [...others, dated].toSorted((a, b) => a.position - b.position)
      const rungs = all.map(({ position, occurredAt: at }) => ({ position, occurredAt: at, isBase: false }))
      const needless = new Set(needlessRungs([GROUND, ...rungs], 0))
      versions.set(
        snapshot.version,
        all.filter(({ position }) => !needless.has(position)),
      )
    },
    before,
    latest: (version: string): StoredSnapshot | undefined => {
      const newest = before(version, Number.MAX_SAFE_INTEGER)
      return newest && { version, position: newest.position, state: newest.state }
    },
  }
}
