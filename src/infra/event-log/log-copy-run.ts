/**
 * Copying a log to another database, from where the target ends: what is there is compared first, what is missing is added, and in the end
 * all of it is read once more on the other side. Interrupted anywhere, the same again does the rest.
 */
import { Data, Effect } from 'effect'
import type { EventLogError } from '#actors/ports.ts'
import type { LogExtent, LogHead, LogReading, LogWriting } from '#infra/event-log/log-copy.ts'
import {
  digestOfRows,
  makeLogDigest,
  NO_REMAINS,
  type Remains,
  withCells,
  withSnapshot,
  withWriters,
} from '#infra/event-log/log-copy-digest.ts'
import { type Copying, eachCell, eachSlice, eachSnapshot } from '#infra/event-log/log-copy-walk.ts'
import type { RawRow } from '#infra/event-log/raw-row.ts'

/** The target holds something else than the beginning of the source. Nothing was written. */
export class HoldsAnother extends Data.TaggedError('HoldsAnother')<{ readonly message: string }> {}

/** What was written is not what the source has. */
export class CopyDiffers extends Data.TaggedError('CopyDiffers')<{ readonly message: string }> {}

type Progress = (share: number) => void

export interface Copied {
  /** Events that were added; others were there. */
  readonly added: number
  readonly events: number
  readonly head: number
  readonly snapshots: number
  readonly archivedEvents: number
  /** Of all events in their order, hexadecimal. */
  readonly digest: string
  /** Events that have come to the source since. */
  readonly grown: number
}

/** Compares what the target has with what the source begins with; answers the position up to which it has it. */
export const compareBeginning = Effect.fnUntraced(function* (copying: Copying, target: LogReading, progress: Progress) {
  const { last, events } = yield* target.extent
  if (last > copying.extent.last) {
    const message = `it goes to position ${last}, but what is to be copied only to ${copying.extent.last}: it holds another log, or Signalbox has run on it`
    return yield* new HoldsAnother({ message })
  }
  let same = 0
  yield* eachSlice(copying, 0, last, (rows, slice) =>
    Effect.gen(function* () {
      const there = yield* target.rows(slice.after, slice.upTo)
      if (digestOfRows(there) !== slice.digest) return yield* new HoldsAnother({ message: differing(rows, there) })
      same += rows.length
      progress(slice.upTo / last)
    }),
  )
  if (same !== events) {
    const message = `it has ${events} events up to position ${last}, where what is to be copied has ${same}`
    return yield* new HoldsAnother({ message })
  }
  return last
})

/** Adds what comes after `from`, up to where the target has it already, and what archives have left. */
export const copyRest = Effect.fnUntraced(function* (
  copying: Copying,
  target: LogWriting,
  from: number,
  progress: Progress,
) {
  const { source, extent } = copying
  const there = yield* target.extent
  if (there.last !== from) {
    return yield* new HoldsAnother({
      message: `somebody has written to it meanwhile: it goes to position ${there.last}`,
    })
  }
  let { head, events } = there
  yield* eachSlice(copying, from, extent.last, (rows, { upTo }) =>
    Effect.gen(function* () {
      events += rows.length
      const after = headAt(rows.at(-1)?.[0] ?? head, events, extent)
      yield* target.add(rows, head, after)
      head = after.head
      progress(upTo / extent.last)
    }),
  )
  yield* target.clear
  const writers = yield* source.archivedWriters
  let remains = withWriters(NO_REMAINS, writers)
  yield* eachCell(source, (entries) => {
    remains = withCells(remains, entries)
    return target.addArchivedCells(entries)
  })
  yield* eachSnapshot(source, extent.last, (snapshot) => {
    remains = withSnapshot(remains, snapshot)
    return target.addSnapshot(snapshot)
  })
  yield* target.finish(extent, writers)
  return { added: events - there.events, remains }
})

/** Reads all of the target again and compares it with what was read of the source. */
export const checkCopy = Effect.fnUntraced(function* (
  { source, extent, slices, digest }: Copying,
  target: LogReading,
  { added, remains }: { readonly added: number; readonly remains: Remains },
  progress: Progress,
): Effect.fn.Return<Copied, CopyDiffers | EventLogError> {
  const now = yield* source.extent
  if (now.archivedTo !== extent.archivedTo || now.archivedEvents !== extent.archivedEvents) {
    const message = 'the source has moved requests to an archive meanwhile: empty the target, and copy again'
    return yield* new CopyDiffers({ message })
  }
  const there = yield* target.extent
  const wrong = (Object.keys(extent) as (keyof LogExtent)[]).find((name) => extent[name] !== there[name])
  if (wrong !== undefined) {
    return yield* new CopyDiffers({
      message: `the source has ${extent[wrong]} as ${wrong}, the target ${there[wrong]}`,
    })
  }
  const read = makeLogDigest()
  for (const slice of slices) {
    const rows = yield* target.rows(slice.after, slice.upTo)
    read.take(rows)
    if (digestOfRows(rows) !== slice.digest) {
      const message = `events ${slice.after + 1} to ${slice.upTo} of the target are not those of the source`
      return yield* new CopyDiffers({ message })
    }
    progress(slice.upTo / extent.last)
  }
  const kept = yield* remainsOf(target, extent.last)
  const whole = digest.answer()
  if (read.answer() !== whole || kept.digest !== remains.digest) {
    const message = `the ${kept.snapshots} snapshots, ${kept.cells} sums of archived events and ${kept.writers} writers of the target are not those of the source`
    return yield* new CopyDiffers({ message })
  }
  const { events, head, archivedEvents } = extent
  return { added, events, head, snapshots: remains.snapshots, archivedEvents, digest: whole, grown: now.head - head }
})

const remainsOf = Effect.fnUntraced(function* (log: LogReading, last: number) {
  let remains = withWriters(NO_REMAINS, yield* log.archivedWriters)
  yield* eachCell(log, (entries) =>
    Effect.sync(() => {
      remains = withCells(remains, entries)
    }),
  )
  yield* eachSnapshot(log, last, (snapshot) =>
    Effect.sync(() => {
      remains = withSnapshot(remains, snapshot)
    }),
  )
  return remains
})

/** What the head says of a log that ends with a position, when so many events up to there are in it. */
export const headAt = (position: number, events: number, whole: LogHead): LogHead => {
  const archivedEvents = position - events
  return { head: position, archivedTo: archivedEvents === 0 ? 0 : Math.min(position, whole.archivedTo), archivedEvents }
}

const differing = (rows: readonly RawRow[], there: readonly RawRow[]): string => {
  const first = rows.find((row, index) => JSON.stringify(row) !== JSON.stringify(there[index])) ?? there[rows.length]
  return `it differs by position ${first?.[0]}: it holds another log, or the source has moved requests to an archive since`
}
