/**
 * Snapshots of folded states in the log's file. The newest two of each version are kept: the second is there for a reader
 * that is just loading it.
 */
import type { Database } from 'better-sqlite3'
import type { StoredSnapshot } from '#actors/ports.ts'

const KEPT = 2

export const makeSaveSnapshot = (database: Database): ((snapshot: StoredSnapshot) => null) => {
  // Older ones go first, so that there is room for the new one on a nearly full disk.
  const trim = database.prepare<[string, number, string, number]>(
    `DELETE FROM snapshots WHERE version = ? AND position NOT IN
       (SELECT position FROM snapshots WHERE position <> ? AND version = ? ORDER BY position DESC LIMIT ?)`,
  )
  const insert = database.prepare<[string, number, string]>(
    'INSERT INTO snapshots (version, position, state) VALUES (?, ?, ?)',
  )
  const save = database.transaction((snapshot: StoredSnapshot) => {
    trim.run(snapshot.version, snapshot.position, snapshot.version, KEPT - 1)
    insert.run(snapshot.version, snapshot.position, snapshot.state)
  })
  return (snapshot) => {
    save.immediate(snapshot)
    return null
  }
}
