/**
 * What the log keeps of a request that the first attempt served: events and bytes. Counted in the file that Signalbox left
 * behind after it was stopped in good order, so that the WAL is folded in.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { claudeCodeCall, load } from './load.ts'
import { startScript } from './process.ts'
import { logPath, startSignalbox } from './signalbox.ts'

export interface Disk {
  readonly requests: number
  readonly eventsPerRequest: number
  /** The whole file over the number of requests: events, indexes, snapshots, free pages, everything. */
  readonly bytesPerRequest: number
  /** Of these, the events and their indexes. */
  readonly eventBytesPerRequest: number
  /** How often each type is in the log. */
  readonly types: Readonly<Record<string, number>>
}

/** Half of the requests ask for JSON, half for a stream. */
export const measureDisk = async (main: string, requests: number): Promise<Disk> => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
  const upstream = await startScript('upstream.ts', {})
  try {
    const signalbox = await startSignalbox({ main, folder, upstream: upstream.url })
    try {
      for (const kind of ['json', 'stream'] as const) {
        await load(signalbox.url, claudeCodeCall(kind), { requests: requests / 2, concurrency: 8 })
      }
    } finally {
      await signalbox.stop()
    }
    return count(logPath(folder), requests)
  } finally {
    await upstream.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

const count = (path: string, requests: number): Disk => {
  const bytes = statSync(path).size
  const database = new Database(path, { readonly: true })
  try {
    const number = (query: string): number => database.prepare<[], number>(query).pluck().get() ?? 0
    const types = database
      .prepare<[], { type: string; n: number }>('SELECT type, count(*) AS n FROM events GROUP BY type')
      .all()
    const admitted = types.find(({ type }) => type === 'RequestAdmitted')?.n
    if (admitted !== requests) throw new Error(`${requests} requests were answered, ${admitted} are in the log`)
    const eventBytes = number(
      `SELECT sum(pgsize) FROM dbstat WHERE name IN (SELECT name FROM sqlite_schema WHERE tbl_name = 'events')`,
    )
    return {
      requests,
      eventsPerRequest: number(`SELECT count(*) FROM events WHERE stream LIKE 'request:%'`) / requests,
      bytesPerRequest: bytes / requests,
      eventBytesPerRequest: eventBytes / requests,
      types: Object.fromEntries(types.map(({ type, n }) => [type, n])),
    }
  } finally {
    database.close()
  }
}
