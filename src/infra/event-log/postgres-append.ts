/**
 * Appending to PostgreSQL: one statement at a time, so that what was handed over first lies first, and whatever waits meanwhile goes
 * together with the next one. Each batch is all or nothing by itself and gets its own answer.
 *
 * A statement whose connection is lost may have been committed or not. Whoever appends the same again gets the same positions, because
 * the numbers of writers are compared before anything is written.
 */
import type { NewEvent } from '#domain/recorded-event.ts'
import {
  type FoldableEvent,
  type FoldedRequest,
  foldBatch,
  isBooked,
  NOTHING_FOLDED,
  placed,
} from '#infra/event-log/book-batch.ts'
import { conflict } from '#infra/event-log/log-failure.ts'
import {
  APPEND_STATEMENT,
  type Appendable,
  appendable,
  appendParameters,
  type BatchPlan,
  planBatch,
} from '#infra/event-log/postgres-batch.ts'
import type { Ask, Connections } from '#infra/event-log/postgres-connections.ts'
import { reasonOf, SQLSTATE, sqlStateOf } from '#infra/event-log/postgres-failure.ts'
import { findKnown } from '#infra/event-log/postgres-known.ts'
import { foldStreams } from '#infra/event-log/postgres-streams.ts'

/** More wait for the next statement: the head is locked for as long as one takes. */
const MOST_TOGETHER = 2_000
/** Each try finds something that has changed since the one before; another writer can do that again, but not for ever. */
const TRIES = 5
/** Requests under way that are remembered. One that was forgotten is folded from the log. */
const REQUESTS_KEPT = 10_000

export interface AppendOptions {
  /** Nobody waits longer for the lock of the head. */
  readonly waitMs: number
  /** Told after every append: the new head, and whether the books do not keep up. */
  readonly grew: (head: number, behind: boolean) => void
}

interface Waiting {
  readonly batch: readonly Appendable[]
  readonly resolve: (position: number) => void
  readonly reject: (error: unknown) => void
}

/** Answers with the position of the last event. */
export type Append = (events: readonly NewEvent[]) => Promise<number>

export const makeAppend = (connections: Connections, { waitMs, grew }: AppendOptions): Append => {
  let waiting: Waiting[] = []
  let isRunning = false
  /** Requests under way, by their streams. */
  const open = new Map<string, FoldedRequest>()

  /** Answers with the new head. */
  const call = async (ask: Ask, batch: readonly Appendable[], plan: BatchPlan, isAgain = false): Promise<number> => {
    const before = await requestsBefore(ask, batch, plan, isAgain)
    const books = foldBatch(batch.map(foldable), (stream) => before.get(stream) ?? NOTHING_FOLDED)
    const foldedFrom = (stream: string) => before.get(stream)?.version
    // Whatever happens now, it is folded from the log again unless the append is known to have been done.
    for (const stream of before.keys()) open.delete(stream)
    const [row] = await ask(APPEND_STATEMENT, appendParameters(batch, plan, books, foldedFrom, waitMs))
    const head = Number(row?.[0])
    if (open.size >= REQUESTS_KEPT) open.clear()
    for (const [stream, request] of books.after) {
      if (request.book?.row.outcome === null) open.set(stream, placed(request, head))
    }
    grew(head, row?.[1] === true)
    return head
  }

  /** The booked streams of a batch as they were before it. `isAgain`: what looks like the beginning of a stream may not be it. */
  const requestsBefore = async (ask: Ask, batch: readonly Appendable[], { streams }: BatchPlan, isAgain: boolean) => {
    const before = new Map<string, FoldedRequest>()
    const unknown: string[] = []
    for (const { name, firstRow } of streams.values()) {
      if (!isBooked(name)) continue
      const isNew = !isAgain && isBeginning(batch[firstRow - 1])
      const known = open.get(name) ?? (isNew ? NOTHING_FOLDED : undefined)
      if (known === undefined) unknown.push(name)
      else before.set(name, known)
    }
    if (unknown.length > 0) for (const [name, request] of await foldStreams(ask, unknown)) before.set(name, request)
    return before
  }

  /** One batch, of which some events may be in the log already. */
  const appendOne = async (ask: Ask, batch: readonly Appendable[]): Promise<number> => {
    let known: ReadonlyMap<Appendable, number> = new Map()
    for (let tries = 1; ; tries++) {
      const fresh = batch.filter((one) => !known.has(one))
      const last = batch.at(-1)
      if (fresh.length === 0 && last !== undefined) return known.get(last) ?? 0
      const plan = planBatch(fresh)
      if (plan !== undefined) {
        try {
          const head = await call(ask, fresh, plan, tries > 1)
          return (last && known.get(last)) ?? head
        } catch (error) {
          if (tries === TRIES || !(await canGoOn(ask, error, fresh.length))) throw error
        }
      } else if (tries > 1) throw conflict('the versions of a stream in a batch do not follow each other')
      known = await findKnown(ask, batch)
    }
  }

  const appendGroup = async (group: readonly Waiting[]): Promise<void> => {
    try {
      const positions = await connections.write(async (ask) => {
        const [only, ...others] = group
        if (only !== undefined && others.length === 0) return [await appendOne(ask, only.batch)]
        const batch = group.flatMap((one) => one.batch)
        const plan = planBatch(batch)
        if (plan === undefined) throw conflict('batches that cannot be appended together')
        let last = (await call(ask, batch, plan)) - batch.length
        return group.map((one) => {
          last += one.batch.length
          return last
        })
      })
      for (const [index, { resolve }] of group.entries()) resolve(positions[index] ?? 0)
    } catch (error) {
      // A lost connection is everybody's trouble; anything else may be one batch's own fault, which the others must not bear.
      if (group.length === 1 || isEverybodys(error)) for (const { reject } of group) reject(error)
      else for (const one of group) await appendGroup([one])
    }
  }

  const drain = async (): Promise<void> => {
    isRunning = true
    while (waiting.length > 0) {
      const group: Waiting[] = []
      for (let size = 0; waiting[group.length] !== undefined; ) {
        const next = waiting[group.length] as Waiting
        size += next.batch.length
        if (group.length > 0 && size > MOST_TOGETHER) break
        group.push(next)
      }
      waiting = waiting.slice(group.length)
      await appendGroup(group)
    }
    isRunning = false
  }

  return (events) =>
    new Promise((resolve, reject) => {
      waiting.push({ batch: events.map(appendable), resolve, reject })
      if (!isRunning) void drain()
    })
}

/** Whether other batches would fail in the same way. */
const isEverybodys = (error: unknown): boolean =>
  reasonOf(error)?._tag === 'Unavailable' && sqlStateOf(error) !== SQLSTATE.staleFold

/** The first event of a request is its admission, whatever version it is given. */
const isBeginning = (first: Appendable | undefined): boolean =>
  first?.row.streamVersion === 1 || first?.event._tag === 'RequestAdmitted'

const foldable = ({ event, row }: Appendable, index: number, batch: readonly Appendable[]): FoldableEvent => ({
  stream: row.stream,
  event,
  occurredAt: row.occurredAt,
  position: index - batch.length + 1,
})

/** Whether another try may succeed, after what it can do for that. */
const canGoOn = async (ask: Ask, error: unknown, size: number): Promise<boolean> => {
  const state = sqlStateOf(error)
  if (state === SQLSTATE.noPartition) await ask('SELECT signalbox.add_partitions($1)', [size])
  return state === SQLSTATE.noPartition || state === SQLSTATE.writerSequence || state === SQLSTATE.staleFold
}
