/** Snapshots on a reading connection, unpacked. */
import type { Database } from 'better-sqlite3'
import type { DatedSnapshot } from '#actors/ports.ts'
import { unpackSnapshot } from '#infra/event-log/snapshot-pack.ts'

interface PackedRow {
  readonly position: number
  readonly occurredAt: number | null
  readonly base: number | null
  readonly state: Uint8Array
}

export const makeReadSnapshots = (database: Database) => {
  const columns = 'position, occurred_at AS occurredAt, base, state'
  const selectBefore = database.prepare<[string, number], PackedRow>(
    `SELECT ${columns} FROM snapshots WHERE version = ? AND position <= ? ORDER BY position DESC LIMIT 1`,
  )
  const selectAt = database.prepare<[string, number], PackedRow>(
    `SELECT ${columns} FROM snapshots WHERE version = ? AND position = ?`,
  )

  /** In one transaction: the base must not go between the two. */
  const read = database.transaction((version: string, position: number) => {
    const row = selectBefore.get(version, position)
    const base = row === undefined || row.base === null ? undefined : selectAt.get(version, row.base)
    return { row, base }
  })

  return (version: string, position: number): DatedSnapshot | null => {
    const { row, base } = read.deferred(version, position)
    if (row === undefined) return null
    const text = unpackSnapshot(row.state, base && unpackSnapshot(base.state))
    return { version, position: row.position, occurredAt: row.occurredAt, state: Buffer.from(text).toString() }
  }
}
