/**
 * A log that lies in files, or a log of which a part lies in archives, for commands that read: nothing is kept in memory but the
 * chunks under the cursor. Whoever asks for page after page goes once through the files; any other question reads them anew.
 */
import { Effect } from 'effect'
import { type EventLog, EventLogError, type ReadEvent, type ReadQuery } from '#actors/ports.ts'
import { type Chunks, fileChunks, positionOf } from '#infra/event-log/file-lines.ts'

/** `rest`: what is not in the files, if it is somewhere. An event that is in both counts once. */
export const logOfFiles = (paths: readonly string[], rest?: EventLog['Service']): EventLog['Service'] => {
  const start = (): Cursor => ({
    last: 0,
    sources: [...paths.map(fileChunks), ...(rest === undefined ? [] : [logChunks(rest)])].map((chunks) => ({
      ...{ chunks, rows: [], index: 0, isOver: false },
    })),
  })
  let cursor: Cursor | undefined

  const read = Effect.fnUntraced(function* (query: ReadQuery) {
    if (query.descending === true) return yield* refused('files are read from their beginning only')
    if (cursor === undefined || cursor.last > query.after) cursor = start()
    const found: ReadEvent[] = []
    while (found.length < query.limit) {
      const row = yield* nextOf(cursor)
      if (row === undefined) break
      if (positionOf(row) > query.after && isWanted(row, query)) found.push(row)
    }
    return found
  })

  /** Goes through all of it, by a cursor of its own. */
  const each = Effect.fnUntraced(function* (see: (row: ReadEvent) => void) {
    const own = start()
    for (;;) {
      const row = yield* nextOf(own)
      if (row === undefined) return
      see(row)
    }
  })

  return {
    read,
    head: Effect.suspend(() => {
      let head = 0
      return Effect.map(
        each((row) => {
          head = positionOf(row)
        }),
        () => head,
      )
    }),
    placeAt: (at) =>
      Effect.suspend(() => {
        let position = 0
        return Effect.map(
          each((row) => {
            if (row._tag === 'Known' && row.recorded.occurredAt <= at) position = positionOf(row)
          }),
          () => ({ position, archivedTo: 0 }),
        )
      }),
    append: () => refused('files are read, not written'),
    saveSnapshot: () => Effect.void,
    // A snapshot of the log counts for the files too: its position is.
    latestSnapshot: (version) => rest?.latestSnapshot(version) ?? Effect.undefined,
    snapshotBefore: (version, position) => rest?.snapshotBefore(version, position) ?? Effect.undefined,
    verify: () => refused('files cannot be verified, only replayed'),
    stats: refused('files have no statistics'),
  }
}

interface Source {
  readonly chunks: Chunks
  rows: readonly ReadEvent[]
  index: number
  isOver: boolean
}

interface Cursor {
  readonly sources: readonly Source[]
  /** Position of the last event that was passed. */
  last: number
}

const refused = (detail: string) => Effect.fail(new EventLogError({ reason: { _tag: 'Unusable', detail } }))

const PAGE = 5_000

const logChunks = (log: EventLog['Service']): Chunks => {
  let after = 0
  return Effect.suspend(() => log.read({ after, limit: PAGE })).pipe(
    Effect.tap((rows) => {
      const last = rows.at(-1)
      if (last !== undefined) after = positionOf(last)
      return Effect.void
    }),
  )
}

/** The event with the smallest position that was not passed yet. */
const nextOf = Effect.fnUntraced(function* (cursor: Cursor) {
  let first: Source | undefined
  for (const source of cursor.sources) {
    const row = yield* headOf(source, cursor.last)
    if (
      row !== undefined &&
      (first === undefined || positionOf(row) < positionOf(first.rows[first.index] as ReadEvent))
    )
      first = source
  }
  const row = first?.rows[first.index]
  if (first === undefined || row === undefined) return undefined
  first.index += 1
  cursor.last = positionOf(row)
  return row
})

/** Its first event behind `last`; an event that another source had as well is left out. */
const headOf = Effect.fnUntraced(function* (source: Source, last: number) {
  for (;;) {
    const row = source.rows[source.index]
    if (row === undefined) {
      if (source.isOver) return undefined
      source.rows = yield* source.chunks
      source.index = 0
      source.isOver = source.rows.length === 0
    } else if (positionOf(row) > last) return row
    else source.index += 1
  }
})

const isWanted = (row: ReadEvent, { types, stream, correlation, since, until }: ReadQuery): boolean => {
  if (row._tag === 'Foreign') {
    return stream === undefined && correlation === undefined && (types?.includes(row.upcast.type) ?? true)
  }
  const { event, occurredAt, ...envelope } = row.recorded
  return (
    (types?.includes(event._tag) ?? true) &&
    (stream === undefined || envelope.stream === stream) &&
    (correlation === undefined || envelope.correlation === correlation) &&
    (since === undefined || occurredAt >= since) &&
    (until === undefined || occurredAt <= until)
  )
}
