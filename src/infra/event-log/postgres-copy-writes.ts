/** Making a log on PostgreSQL as another one lies. Only the owner of the tables may: running instances append through a function. */
import type { CostEntry } from '#domain/books.ts'
import { encodeBooks } from '#infra/event-log/book-batch.ts'
import type { ArchivedWriter, LogHead, PackedSnapshot } from '#infra/event-log/log-copy.ts'
import { conflict } from '#infra/event-log/log-failure.ts'
import { type Ask, inTransaction } from '#infra/event-log/postgres-connections.ts'
import { MARK_POSITIONS, toText } from '#infra/event-log/postgres-tables.ts'
import type { RawRow } from '#infra/event-log/raw-row.ts'

/** What the function `append` keeps beside the events, from the rows alone. */
const ADD = `
WITH given AS (
  SELECT * FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::text[], $5::integer[], $6::text[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::text[], $11::bigint[], $12::json[])
    AS g (position, stream, stream_version, type, schema_version, writer, writer_seq, occurred_at, recorded_at,
      correlation, causation, data)
), known AS (
  INSERT INTO signalbox.writers AS w (name, last_seq)
  SELECT writer, max(writer_seq) FROM given GROUP BY writer
  ON CONFLICT (name) DO UPDATE SET last_seq = greatest(w.last_seq, excluded.last_seq)
  RETURNING w.id, w.name
), moved AS (
  INSERT INTO signalbox.streams AS s (stream, version, first)
  SELECT stream, max(stream_version), min(position) FROM given GROUP BY stream
  ON CONFLICT (stream) DO UPDATE SET version = excluded.version
), marked AS (
  INSERT INTO signalbox.time_marks AS t (block, first_at, last_at)
  SELECT position / ${MARK_POSITIONS}, min(occurred_at), max(occurred_at) FROM given GROUP BY 1
  ON CONFLICT (block) DO UPDATE
    SET first_at = least(t.first_at, excluded.first_at), last_at = greatest(t.last_at, excluded.last_at)
)
INSERT INTO signalbox.events
SELECT position, stream, stream_version, type, schema_version, known.id, writer_seq, occurred_at, recorded_at, correlation,
  causation, data
FROM given JOIN known ON known.name = given.writer`

export const add = (ask: Ask, rows: readonly RawRow[], before: number, after: LogHead): Promise<void> =>
  inTransaction(ask, async () => {
    const [top] = await ask('SELECT position FROM signalbox.log_head FOR UPDATE')
    if (top?.[0] !== before)
      throw conflict(`the copy was to go on at position ${before}, but the log is at ${top?.[0]}`)
    await ask('SELECT signalbox.add_partitions($1)', [after.head - before])
    await ask(ADD, columnsOf(rows))
    await setHead(ask, after)
    await ask('UPDATE signalbox.books SET folded_to = $1 WHERE folded_to IS NULL', [before])
  })

/** A list for each column. */
const columnsOf = (rows: readonly RawRow[]): readonly unknown[] =>
  Array.from({ length: COLUMNS }, (_, place) =>
    rows.map((row) => {
      const cell = row[place]
      return TEXTS.has(place) && typeof cell === 'string' ? toText(cell) : cell
    }),
  )
const COLUMNS = 12
/** Stream, writer, correlation. */
const TEXTS: ReadonlySet<number> = new Set([1, 5, 9])

const setHead = (ask: Ask, { head, archivedTo, archivedEvents }: LogHead) =>
  ask('UPDATE signalbox.log_head SET position = $1, archived_to = $2, archived_events = $3', [
    ...[head, archivedTo, archivedEvents],
  ])

export const clear = (ask: Ask): Promise<void> =>
  inTransaction(ask, async () => {
    for (const table of ['cost_hours', 'cost_sessions']) {
      await ask(`DELETE FROM signalbox.${table} WHERE archived = 1`)
    }
    await ask('DELETE FROM signalbox.snapshots')
  })

export const addArchivedCells = async (ask: Ask, entries: readonly CostEntry[]): Promise<void> => {
  const { texts, cells } = encodeBooks([], [], entries)
  await ask(`SELECT signalbox.book(0, $1, '[]', $2)`, [texts.map(toText), cells])
}

export const addSnapshot = async (ask: Ask, snapshot: PackedSnapshot): Promise<void> => {
  const { version, position, occurredAt, base, state } = snapshot
  await ask(
    'INSERT INTO signalbox.snapshots (version, position, occurred_at, base, state) VALUES ($1, $2, $3, $4, $5)',
    [version, position, occurredAt, base, Buffer.from(state)],
  )
}

export const finish = (ask: Ask, head: LogHead, writers: readonly ArchivedWriter[]): Promise<void> =>
  inTransaction(ask, async () => {
    await ask(
      `INSERT INTO signalbox.writers AS w (name, last_seq, archived_seq)
       SELECT g.name, g.seq, g.seq FROM unnest($1::text[], $2::bigint[]) AS g (name, seq)
       ON CONFLICT (name) DO UPDATE
         SET archived_seq = excluded.archived_seq, last_seq = greatest(w.last_seq, excluded.last_seq)`,
      [writers.map(({ name }) => toText(name)), writers.map(({ archivedSeq }) => archivedSeq)],
    )
    await setHead(ask, head)
  })
