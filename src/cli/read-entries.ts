/**
 * The entries of the ledger, read from the log page by page: a log of any length in the memory of one page.
 */
import { Effect } from 'effect'
import { EventLog } from '#actors/ports.ts'
import { progress } from '#cli/progress.ts'
import { ENTRY_TYPES, entryOf, type LedgerEntry, type OpenEntries } from '#domain/ledger-entries/entry.ts'

const PAGE = 5_000
/** How long before its end a request may have been admitted. No stream lasts as long. */
const LONGEST_REQUEST_MS = 86_400_000

export interface EntrySpan {
  /** Epoch ms, both included; absent: no bound. They bound when attempts ended. */
  readonly from?: number | undefined
  readonly to?: number | undefined
}

/**
 * Calls back with the entries of each page, in the order of the log, and shows on a terminal how far it has come.
 *
 * @param label of the progress bar
 */
export const readEntries = Effect.fnUntraced(function* <E, R>(
  { from, to }: EntrySpan,
  { label, quiet }: { readonly label: string; readonly quiet: boolean },
  take: (entries: readonly LedgerEntry[]) => Effect.Effect<void, E, R>,
) {
  const log = yield* EventLog
  const head = yield* log.head
  const bar = progress(label, quiet)
  const open: OpenEntries = new Map()
  const query = {
    types: ENTRY_TYPES,
    limit: PAGE,
    ...(from === undefined ? {} : { since: from - LONGEST_REQUEST_MS }),
    ...(to === undefined ? {} : { until: to }),
  }
  for (let after = 0; ; ) {
    const page = yield* log.read({ ...query, after })
    const entries: LedgerEntry[] = []
    for (const row of page) {
      after = row._tag === 'Known' ? row.recorded.position : row.position
      const entry = row._tag === 'Known' ? entryOf(open, row.recorded) : undefined
      if (entry !== undefined && (from === undefined || entry.endedAt >= from)) entries.push(entry)
    }
    yield* take(entries)
    bar.update(head === 0 ? 1 : after / head)
    if (page.length < PAGE) break
  }
  bar.done()
})
