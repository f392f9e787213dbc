/** Entry of the archiving thread, which lives for one archive: it reads what is to go and writes the file. */
import { workerData } from 'node:worker_threads'
import type { Database } from 'better-sqlite3'
import { writeArchive } from '#infra/event-log/archive-file.ts'
import type { RawRow } from '#infra/event-log/raw-row.ts'
import { type ArchiveBounds, CHOSEN, chosenBy } from '#infra/event-log/sqlite-archive.ts'
import { openForReading } from '#infra/event-log/sqlite-open.ts'
import { attempt, converse, endConversation, failureReply } from '#infra/event-log/worker-port.ts'

export interface ArchiverData {
  readonly path: string
}

/** What would go: `bounds` name it for ever. Times are epoch ms of admissions. */
export interface ArchivePlan {
  readonly bounds: ArchiveBounds
  readonly requests: number
  readonly events: number
  readonly firstAt: number
  readonly lastAt: number
}

export interface PlanQuery {
  /** Only requests that were admitted before this, epoch ms. */
  readonly before: number
  /** Position of the newest snapshot, without which a start would need what is deleted. */
  readonly covered: number
}

/** What the archiving thread can be asked for. */
export interface ArchiverCalls {
  /** Null: there is nothing to archive. */
  readonly plan: (query: PlanQuery) => ArchivePlan | null
  /** Name of the file, without its folder. */
  readonly write: (order: { readonly plan: ArchivePlan; readonly folder: string }) => string | null
  readonly close: (nothing: null) => null
}

const PAGE_ROWS = 2_000

const makePlan = (database: Database, { before, covered }: PlanQuery): ArchivePlan | null => {
  const head = database.prepare<[], number>('SELECT position FROM log_head').pluck().get() ?? 0
  const wide = { admittedTo: head, before, endedTo: Math.min(head, covered) }
  const found = database
    .prepare<
      [number, number, number],
      { requests: number; firstAt: number | null; lastAt: number; admittedTo: number }
    >(
      `SELECT count(*) AS requests, min(admitted_at) AS firstAt, max(admitted_at) AS lastAt, max(position) AS admittedTo
       FROM requests WHERE ${CHOSEN}`,
    )
    .get(...chosenBy(wide))
  if (found === undefined || found.firstAt === null) return null
  const { requests, firstAt, lastAt, admittedTo } = found
  const bounds = { ...wide, admittedTo }
  const events = database
    .prepare<[number, number, number], number>(
      `SELECT sum((SELECT count(*) FROM events WHERE stream = 'request:' || requests.id)) FROM requests WHERE ${CHOSEN}`,
    )
    .pluck()
    .get(...chosenBy(bounds))
  return { bounds, requests, events: events ?? 0, firstAt, lastAt }
}

/** The chosen requests' events, and those of no request up to there, in the order of the log. */
function* pagesOf(
  database: Database,
  { bounds, events }: ArchivePlan,
  progress: (share: number) => void,
): Generator<readonly RawRow[]> {
  const { admittedTo, endedTo } = bounds
  const archivedTo = database.prepare<[], number>('SELECT archived_to FROM log_head').pluck().get() ?? 0
  const page = database
    .prepare<number[], RawRow>(
      `SELECT events.position, stream, stream_version, type, schema_version, writers.name, writer_seq, occurred_at,
         recorded_at, correlation, causation, data
       FROM events JOIN writers ON writers.id = events.writer
       WHERE events.position > ? AND events.position <= ? AND CASE WHEN stream LIKE 'request:%'
         THEN EXISTS (SELECT 1 FROM requests WHERE ${CHOSEN} AND requests.position =
           (SELECT first.position FROM events AS first WHERE first.stream = events.stream AND first.stream_version = 1))
         ELSE events.position > ? AND events.position <= ? END
       ORDER BY events.position LIMIT ${PAGE_ROWS}`,
    )
    .raw()
  let done = 0
  for (let after = 0; ; ) {
    const rows = page.all(after, endedTo, ...chosenBy(bounds), archivedTo, admittedTo) as unknown as readonly RawRow[]
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows
    after = last[0]
    done += rows.length
    progress(Math.min(1, done / events))
  }
}

await converse(async () => {
  const { path } = workerData as ArchiverData
  const database = openForReading(path)
  return (waiting, reply) => {
    for (const [id, operation, payload] of waiting) {
      if (operation === 'plan') reply([attempt(id, () => makePlan(database, payload as PlanQuery))])
      if (operation === 'write') {
        const { plan, folder } = payload as Parameters<ArchiverCalls['write']>[0]
        const progress = (share: number): void => reply([[id, 'progress', share]])
        writeArchive(folder, pagesOf(database, plan, progress)).then(
          (file) => reply([[id, 'done', file?.name ?? null]]),
          (error: unknown) => reply([failureReply(id, error)]),
        )
      }
      if (operation === 'close') {
        database.close()
        reply([[id, 'done', null]])
        endConversation()
      }
    }
  }
})
