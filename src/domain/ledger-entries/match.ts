/**
 * Which entry of our ledger is which answer of Claude Code's: by the request id that we gave the client, which it writes down;
 * where it wrote none that we know, by session, agent, time and counts.
 */
import type { ClaudeAnswer } from '#domain/ledger-entries/claude-record.ts'
import type { LedgerEntry } from '#domain/ledger-entries/entry.ts'
import { sameCounts } from '#domain/ledger-entries/totals.ts'

export interface Pair {
  readonly ours: LedgerEntry
  readonly theirs: ClaudeAnswer
}

export interface Match {
  readonly pairs: readonly Pair[]
  readonly oursOnly: readonly LedgerEntry[]
  readonly theirsOnly: readonly ClaudeAnswer[]
}

/** Claude Code writes a line when it has read it, by the clock of its own machine. */
const CLOCKS_APART_MS = 120_000

export const match = (entries: readonly LedgerEntry[], answers: readonly ClaudeAnswer[]): Match => {
  const pairs: Pair[] = []
  const oursLeft = new Set(entries)
  let theirsLeft = answers
  /** Pairs what is left with the first entry that is left too. */
  const pairBy = (candidates: (theirs: ClaudeAnswer) => readonly LedgerEntry[]): void => {
    theirsLeft = theirsLeft.filter((theirs) => {
      const ours = candidates(theirs).find((entry) => oursLeft.has(entry))
      if (ours === undefined) return true
      oursLeft.delete(ours)
      pairs.push({ ours, theirs })
      return false
    })
  }
  const seenBy = Map.groupBy(servedFirst(entries), ({ seenRequestId }) => seenRequestId)
  // Attempts of one request share our id where their providers gave none; then the counts tell them apart.
  pairBy(({ requestId = '', usage }) => (seenBy.get(requestId) ?? []).filter((ours) => sameCounts(ours.usage, usage)))
  pairBy(({ requestId = '' }) => seenBy.get(requestId) ?? [])
  // The headers of a stream that is silent for long go out before the provider's, with our id.
  const ownBy = Map.groupBy(servedFirst(entries), ({ requestId }) => requestId)
  pairBy(({ requestId = '' }) => ownBy.get(requestId) ?? [])
  const placeBy = Map.groupBy(entries, placeOf)
  pairBy((theirs) =>
    (placeBy.get(placeOf(theirs)) ?? []).filter(
      ({ usage, startedAt, endedAt }) =>
        sameCounts(usage, theirs.usage) &&
        theirs.at >= startedAt - CLOCKS_APART_MS &&
        theirs.at <= endedAt + CLOCKS_APART_MS,
    ),
  )
  return { pairs, oursOnly: [...oursLeft], theirsOnly: theirsLeft }
}

const servedFirst = (entries: readonly LedgerEntry[]): readonly LedgerEntry[] => [
  ...entries.filter(({ outcome }) => outcome === 'served'),
  ...entries.filter(({ outcome }) => outcome !== 'served'),
]

const placeOf = ({ sessionId, agentId }: Pick<LedgerEntry, 'sessionId' | 'agentId'>): string =>
  JSON.stringify([sessionId ?? '', agentId ?? ''])
