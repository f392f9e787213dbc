/**
 * Storing snapshots of folded states in the log's file, packed, and thinning out older ones. Runs in the writer thread only.
 */
import type { Database } from 'better-sqlite3'
import type { StoredSnapshot } from '#actors/ports.ts'
import { GROUND, needlessRungs, type Rung } from '#infra/event-log/snapshot-ladder.ts'
import { packSnapshot } from '#infra/event-log/snapshot-pack.ts'
import { LOOKED_AT, WORTH_SHARE } from '#infra/event-log/snapshot-store.ts'

/** Deleted with each snapshot, so that an append never waits long. */
const DELETED_AT_ONCE = 20

/** A snapshot that was stored whole, as what others are packed with. */
interface Base {
  readonly version: string
  readonly position: number
  readonly text: Uint8Array
  readonly packedBytes: number
}

interface StoredRung {
  readonly position: number
  readonly occurredAt: number | null
  readonly isBase: 0 | 1
}

export const makeSaveSnapshot = (database: Database): ((snapshot: StoredSnapshot) => null) => {
  const isStored = database
    .prepare<[string, number], number>('SELECT 1 FROM snapshots WHERE version = ? AND position = ? AND base IS NULL')
    .pluck()
  const timeOf = database.prepare<[number], number>('SELECT occurred_at FROM events WHERE position = ?').pluck()
  const insert = database.prepare<[string, number, number | null, number | null, Uint8Array]>(
    'INSERT OR REPLACE INTO snapshots (version, position, occurred_at, base, state) VALUES (?, ?, ?, ?, ?)',
  )
  const removeBasedOn = database.prepare<[string, number]>('DELETE FROM snapshots WHERE version = ? AND base = ?')
  const remove = database.prepare<[string, number]>('DELETE FROM snapshots WHERE version = ? AND position = ?')
  const archivedTo = database.prepare<[], number>('SELECT archived_to FROM log_head').pluck()
  const newestRungs = database.prepare<[string, string], StoredRung>(
    `SELECT position, occurred_at AS occurredAt,
       position IN (SELECT base FROM snapshots WHERE version = ? AND base IS NOT NULL) AS isBase
     FROM snapshots WHERE version = ? ORDER BY position DESC LIMIT ${LOOKED_AT}`,
  )
  /** Folds of other releases are never loaded here; the newest two are for the way back to one. */
  const trimOthers = database.prepare<[string]>(
    `DELETE FROM snapshots WHERE rowid IN (
       SELECT rowid FROM snapshots AS old WHERE version <> ?
         AND (SELECT count(*) FROM snapshots WHERE version = old.version AND position > old.position) >= 2
         AND NOT EXISTS (SELECT 1 FROM snapshots WHERE version = old.version AND base = old.position)
       LIMIT ${DELETED_AT_ONCE})`,
  )

  let base: Base | undefined

  /** Deletes what is not needed any more once there is one at `added`. */
  const thin = (version: string, added: number): void => {
    const newest = newestRungs.all(version, version).map((rung): Rung => ({ ...rung, isBase: rung.isBase === 1 }))
    const others = newest.filter(({ position }) => position !== added)
    const own: Rung = { position: added, occurredAt: timeOf.get(added) ?? null, isBase: false }
    const ascending = [...others, own].toSorted((a, b) => a.position - b.position)
    const needless = needlessRungs(
      newest.length < LOOKED_AT ? [GROUND, ...ascending] : ascending,
      archivedTo.get() ?? 0,
    )
    for (const position of needless.filter((one) => one !== added).slice(0, DELETED_AT_ONCE)) {
      remove.run(version, position)
    }
  }

  const storeWhole = ({ version, position }: StoredSnapshot, text: Uint8Array): Base => {
    const packed = packSnapshot(text)
    insert.run(version, position, timeOf.get(position) ?? null, null, packed)
    return { version, position, text, packedBytes: packed.length }
  }

  /** Answers the base for the next one. */
  const store = (snapshot: StoredSnapshot): Base => {
    const { version, position } = snapshot
    const text = Buffer.from(snapshot.state)
    // In case it is stored anew, with another text.
    removeBasedOn.run(version, position)
    if (base?.version !== version || base.position === position || isStored.get(version, base.position) !== 1) {
      return storeWhole(snapshot, text)
    }
    const packed = packSnapshot(text, base.text)
    if (packed.length > base.packedBytes * WORTH_SHARE) return storeWhole(snapshot, text)
    insert.run(version, position, timeOf.get(position) ?? null, base.position, packed)
    return base
  }

  const save = database.transaction((snapshot: StoredSnapshot): Base => {
    // Older ones go first, so that there is room for the new one on a nearly full disk.
    trimOthers.run(snapshot.version)
    thin(snapshot.version, snapshot.position)
    return store(snapshot)
  })
  return (snapshot) => {
    base = save.immediate(snapshot)
    return null
  }
}
