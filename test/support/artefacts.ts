/**
 * Everything that a process leaves behind in a folder, as bytes that can be searched: files as they are, compressed ones unpacked,
 * and of SQLite every row, so that nothing hides behind pages and compression.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import Database from 'better-sqlite3'

export interface Artefact {
  readonly name: string
  readonly bytes: Uint8Array
}

/** @param isInput files that the test itself has written there */
export const artefactsIn = (folder: string, isInput: (path: string) => boolean): readonly Artefact[] => {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const path = join(entry.parentPath, entry.name)
    const name = relative(folder, path)
    return entry.isFile() && !isInput(name) ? [{ name, path, bytes: readFileSync(path) }] : []
  })
  // All read before a database is opened, which then takes its write-ahead log in.
  return files.flatMap(({ name, path, bytes }) => [
    { name, bytes },
    ...unpacked(name, bytes),
    ...(isSqlite(bytes) ? rowsOf(name, path) : []),
  ])
}

const isSqlite = (bytes: Buffer): boolean => bytes.subarray(0, 15).toString('latin1') === 'SQLite format 3'

/** By their first bytes: gzip, zlib, zstd. */
const PACKED: readonly (readonly [magic: string, unpack: (bytes: Uint8Array) => Uint8Array])[] = [
  ['1f8b', gunzipSync],
  ['28b52ffd', zstdDecompressSync],
  ['789c', inflateSync],
]

const unpacked = (name: string, bytes: Uint8Array): readonly Artefact[] => {
  const start = Buffer.from(bytes.subarray(0, 4)).toString('hex')
  const unpack = PACKED.find(([magic]) => start.startsWith(magic))?.[1]
  if (unpack === undefined) return []
  try {
    return [{ name: `${name}, unpacked`, bytes: unpack(bytes) }]
  } catch {
    // A snapshot that needs another one to be read; states are looked at through the log's own reader.
    return []
  }
}

const rowsOf = (name: string, path: string): readonly Artefact[] => {
  const database = new Database(path)
  try {
    const tables = database.prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'").all()
    return tables.flatMap((table) => {
      const rows = database.prepare<[], readonly unknown[]>(`SELECT * FROM "${table.name}"`).raw().all()
      const where = `${name}, table ${table.name}`
      const blobs = rows.flatMap((row) => row.filter((value) => value instanceof Uint8Array))
      return [
        { name: where, bytes: Buffer.from(JSON.stringify(rows)) },
        ...blobs.flatMap((bytes) => [{ name: where, bytes }, ...unpacked(where, bytes)]),
      ]
    })
  } finally {
    database.close()
  }
}
