/**
 * Taking old requests out of a log on PostgreSQL. They are removed in slices, because the head is locked for as long as one takes; the
 * space is given back by VACUUM, which rewrites a partition only when all of it is in the past.
 */
import { Effect } from 'effect'
import { writeArchive } from '#infra/event-log/archive-file.ts'
import {
  type ArchiveBounds,
  type ArchivePlan,
  archivePage,
  CHOSEN,
  chosenBy,
  planArchive,
  type RemovedSlice,
} from '#infra/event-log/archive-questions.ts'
import { firstSlice, nextSlice, REQUESTS } from '#infra/event-log/archive-slice.ts'
import { encodeBooks } from '#infra/event-log/book-batch.ts'
import { negated } from '#infra/event-log/cost-entries.ts'
import type { LogArchive } from '#infra/event-log/log-archive.ts'
import type { Ask, Connections } from '#infra/event-log/postgres-connections.ts'
import { answer, postgres } from '#infra/event-log/postgres-questions.ts'
import { foldStreams } from '#infra/event-log/postgres-streams.ts'
import { fromText, SCHEMA, toText } from '#infra/event-log/postgres-tables.ts'
import type { RawRow } from '#infra/event-log/raw-row.ts'
import { streamImplying } from '#infra/event-log/row.ts'

/** The main thread makes lines of them: some milliseconds. */
const PAGE_ROWS = 250

export const makeArchive = ({ attempt, read, long }: Connections): LogArchive['Service'] => {
  let isRemoved = false
  /** Statements that are left to give space back. */
  let due: readonly string[] = []
  let isRewriting = false

  /** Answers how many steps are left, as far as it is known. */
  const shrink = async (ask: Ask): Promise<number> => {
    if (isRemoved) {
      isRemoved = false
      isRewriting = false
      due = await vacuums(ask)
    }
    const [next, ...others] = due
    if (next !== undefined) await ask(next)
    due = others
    if (next !== undefined && others.length === 0 && !isRewriting) {
      isRewriting = true
      due = await rewrites(ask)
    }
    return due.length
  }

  return {
    plan: (query) => attempt(() => long((ask) => answer(ask, planArchive(postgres, query)))),
    write: (plan, folder, progress) =>
      attempt(() => long(async (ask) => (await writeArchive(folder, pagesOf(ask, plan, progress)))?.name)),
    remove: ({ bounds }) => {
      let size = firstSlice(REQUESTS)
      const next = attempt(async () => {
        const { tookMs, ...removed } = await read((ask) => removeSlice(ask, bounds, size))
        size = nextSlice(size, tookMs, REQUESTS)
        isRemoved ||= removed.requests > 0
        return removed
      })
      return Effect.succeed(next)
    },
    shrink: attempt(() => long(shrink)),
  }
}

async function* pagesOf(
  ask: Ask,
  { bounds, events }: ArchivePlan,
  progress: (share: number) => void,
): AsyncGenerator<readonly RawRow[]> {
  let done = 0
  for (let after = 0; ; ) {
    const rows = await answer(ask, archivePage(postgres, bounds, after, PAGE_ROWS))
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows
    after = last[0]
    done += rows.length
    progress(Math.min(1, done / events))
  }
}

/** Removes the next of the chosen requests; none is left when it answers with no requests. */
const removeSlice = async (
  ask: Ask,
  bounds: ArchiveBounds,
  size: number,
): Promise<RemovedSlice & { readonly tookMs: number }> => {
  const chosen = await ask(
    `SELECT position, id FROM signalbox.requests WHERE ${numbered(CHOSEN)} ORDER BY position LIMIT ${size}`,
    chosenBy(bounds),
  )
  if (chosen.length === 0) {
    for (const statement of TIDY) await ask(statement)
    return { requests: 0, events: 0, tookMs: 0 }
  }
  const streams = chosen.map(([, id]) => streamImplying(fromText(String(id))))
  const entries = [...(await foldStreams(ask, streams)).values()].flatMap((stream) => stream.entries)
  // What these have added to the sums stays, as sums of archived events.
  const moved = entries.map(({ cell, sums }) => ({ cell, sums: negated(sums) }))
  const { texts, cells } = encodeBooks([], moved, entries)
  const from = performance.now()
  const [row] = await ask('SELECT signalbox.remove_requests($1, $2, $3, $4)', [
    chosen.map(([position]) => position),
    streams.map(toText),
    texts.map(toText),
    cells,
  ])
  return { requests: chosen.length, events: Number(row?.[0]), tookMs: performance.now() - from }
}

const numbered = (condition: string): string => {
  let place = 0
  return condition.replace(/\?/g, () => `$${++place}`)
}

/** Drops cells that removal has emptied. Of those that somebody is adding to nobody waits for the other. */
const TIDY = ['cost_hours', 'cost_sessions'].map(
  (table) => `DELETE FROM signalbox.${table} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM signalbox.${table} WHERE archived = 0 AND requests = 0 AND attempts = 0 FOR UPDATE SKIP LOCKED))`,
)

/** Makes the space of removed rows free for others. What was vacuumed before costs next to nothing. */
const vacuums = async (ask: Ask): Promise<readonly string[]> => {
  const partitions = await ask(`${PARTITIONS} AND number * s.partition_events < h.archived_to`)
  const tables = ['requests', 'streams', 'cost_hours', 'cost_sessions'].map((table) => `${SCHEMA}.${table}`)
  return [...partitions.map(([table]) => `VACUUM (ANALYZE) ${table}`), `VACUUM (ANALYZE) ${tables.join(', ')}`]
}

/**
 * Gives the space of partitions back in which little is left, and to which nobody appends any more. For that they are locked; one that is
 * being read is left for the next time.
 */
const rewrites = async (ask: Ask): Promise<readonly string[]> => {
  const sparse = await ask(
    `${PARTITIONS} AND (number + 1) * s.partition_events <= h.archived_to
       AND pg_relation_size(p.oid) > ${SPARSE_BYTES} * (p.reltuples + 10)`,
  )
  return sparse.map(([table]) => `VACUUM (FULL, SKIP_LOCKED, ANALYZE) ${table}`)
}

/** A row has a kilobyte at most, but for the rarest. */
const SPARSE_BYTES = 4_096

const PARTITIONS = `SELECT p.oid::regclass::text
  FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid
    CROSS JOIN LATERAL (SELECT CAST(substr(p.relname, length('events_') + 1) AS bigint)) AS n (number)
    CROSS JOIN ${SCHEMA}.log_head h CROSS JOIN ${SCHEMA}.log_schema s
  WHERE i.inhparent = '${SCHEMA}.events'::regclass`
