/**
 * What two sides of a comparison can differ in: one form for each reason.
 */
import type { LedgerEntry } from '#domain/ledger-entries/entry.ts'
import type { Totals } from '#domain/ledger-entries/totals.ts'
import type { TokenCounts } from '#domain/usage.ts'

/** What many answers have in common that are missing on the other side. */
interface Missing {
  readonly totals: Totals
}

/** Where and when one answer was given; times are epoch ms. */
export interface Where {
  readonly at: number
  readonly requestId: string
  readonly sessionId: string
}

export type Difference =
  // Only in our ledger.
  /** No client of it named a session: it was not Claude Code. */
  | (Missing & { readonly _tag: 'NoSession' })
  | (Missing & { readonly _tag: 'MissingSession'; readonly sessionId: string })
  | (Missing & { readonly _tag: 'MissingSubAgent'; readonly sessionId: string; readonly agentId: string })
  /** Titles, page summaries, searches. */
  | (Missing & { readonly _tag: 'MissingBackground'; readonly sessionId: string })
  /** A stream that ended before its end, by the provider or because the client left. */
  | (Missing & Where & { readonly _tag: 'AbortedStream'; readonly outcome: LedgerEntry['outcome'] })
  /** An attempt that failed after it had cost something; the client saw the answer of another one. */
  | (Missing & Where & { readonly _tag: 'RetriedAttempt'; readonly attempt: number; readonly provider: string })
  /** An answer in full that the client asked for once more. */
  | (Missing & Where & { readonly _tag: 'DuplicatedRetry'; readonly again: string })
  | (Missing & Where & { readonly _tag: 'UnseenAnswer' })
  // Only in their files.
  | (Missing & { readonly _tag: 'ForeignSession'; readonly sessionId: string })
  | (Missing & Where & { readonly _tag: 'ForeignAnswer' })
  /** The same message under another request id, or another message under the same: ccusage counts both. */
  | (Missing & Where & { readonly _tag: 'WrittenTwice'; readonly messageId: string })
  // On both sides.
  | (Where & {
      readonly _tag: 'Counts'
      readonly ours: TokenCounts
      readonly theirs: TokenCounts
      readonly outcome: LedgerEntry['outcome']
    })
  | (Note & { readonly _tag: 'OtherModel' })
  | (Note & { readonly _tag: 'ModelSpelling' })
  | {
      readonly _tag: 'PriceTable'
      readonly model: string
      readonly answers: number
      readonly ours: number
      readonly theirs: number
    }
  | { readonly _tag: 'Copied'; readonly files: readonly string[]; readonly answers: number }

interface Note {
  readonly ours: string
  readonly theirs: string
  readonly answers: number
}

/** These explain themselves and change no count: with them alone the sides agree. */
const NOTES: ReadonlySet<Difference['_tag']> = new Set(['OtherModel', 'ModelSpelling', 'PriceTable', 'Copied'])

export const isNote = ({ _tag }: Pick<Difference, '_tag'>): boolean => NOTES.has(_tag)
