/** Which events of a batch are in the log already: a batch comes again when nobody heard whether it was committed. */
import { conflict } from '#infra/event-log/log-failure.ts'
import type { Appendable } from '#infra/event-log/postgres-batch.ts'
import type { Ask } from '#infra/event-log/postgres-connections.ts'
import { fromText, toText } from '#infra/event-log/postgres-tables.ts'
import { type NewRow, sameEvent } from '#infra/event-log/row.ts'

/**
 * The positions of those that are. The others must go on where their writers stopped.
 *
 * @throws LogFailure Conflict, when the log has another event under the number of one, or a number is skipped
 */
export const findKnown = async (ask: Ask, batch: readonly Appendable[]): Promise<ReadonlyMap<Appendable, number>> => {
  const known = new Map<Appendable, number>()
  for (const [writer, events] of Map.groupBy(batch, ({ row }) => row.writer)) {
    const [found] = await ask('SELECT id, last_seq FROM signalbox.writers WHERE name = $1', [toText(writer)])
    const last = Number(found?.[1] ?? 0)
    const old = events.filter(({ row }) => row.writerSeq <= last)
    const stored = old.length === 0 ? new Map<number, Stored>() : await storedOf(ask, Number(found?.[0]), old)
    for (const one of old) {
      const { row } = one
      const there = stored.get(row.writerSeq)
      if (there === undefined || !sameEvent(there, row)) {
        throw conflict(`writer ${writer} has appended another event as number ${row.writerSeq}`)
      }
      known.set(one, there.position)
    }
    let next = last + 1
    for (const { row } of events.slice(old.length)) {
      if (row.writerSeq !== next) throw conflict(`writer ${writer} skips from event ${next - 1} to ${row.writerSeq}`)
      next += 1
    }
  }
  return known
}

type Stored = Omit<NewRow, 'writer'> & { readonly position: number }

const storedOf = async (
  ask: Ask,
  writer: number,
  events: readonly Appendable[],
): Promise<ReadonlyMap<number, Stored>> => {
  const rows = await ask(
    `SELECT position, stream, stream_version, type, schema_version, writer_seq, occurred_at, correlation, causation, data
     FROM signalbox.events WHERE writer = $1 AND writer_seq = ANY ($2)`,
    [writer, events.map(({ row }) => row.writerSeq)],
  )
  return new Map(
    rows.map((cells) => {
      const [
        position,
        stream,
        streamVersion,
        type,
        schemaVersion,
        writerSeq,
        occurredAt,
        correlation,
        causation,
        data,
      ] = cells as StoredCells
      return [
        writerSeq,
        {
          ...{ position, stream: fromText(stream), streamVersion, type, schemaVersion, writerSeq, occurredAt },
          ...{ correlation: correlation === null ? null : fromText(correlation), causation, data },
        },
      ]
    }),
  )
}

type StoredCells = readonly [
  position: number,
  stream: string,
  streamVersion: number,
  type: string,
  schemaVersion: number,
  writerSeq: number,
  occurredAt: number,
  correlation: string | null,
  causation: number | null,
  data: string,
]
