/**
 * Our ledger beside the files of Claude Code: what is on one side only, what differs, and why.
 */
import { sameModel } from '#domain/claude-models.ts'
import type { ClaudeAnswer } from '#domain/ledger-entries/claude-record.ts'
import type { Difference } from '#domain/ledger-entries/difference.ts'
import type { LedgerEntry } from '#domain/ledger-entries/entry.ts'
import { match, type Pair } from '#domain/ledger-entries/match.ts'
import { keyOf, missingHere, missingThere, whereOf } from '#domain/ledger-entries/missing.ts'
import { sameCounts, type Totals, totalsOf } from '#domain/ledger-entries/totals.ts'

export interface Reconciliation {
  readonly ours: Totals
  readonly theirs: Totals
  readonly matched: number
  readonly differences: readonly Difference[]
}

/** Epoch ms, both included. */
export interface Window {
  readonly from: number
  readonly to: number
}

/**
 * Compares what ended in the window. Both sides may have more on either end of it: an answer is written down a moment after
 * it ended, and finds its other half there.
 *
 * @param entries those that were billed
 */
export const reconcile = (
  entries: readonly LedgerEntry[],
  answers: readonly ClaudeAnswer[],
  window: Window,
): Reconciliation => {
  const { pairs: all, oursOnly, theirsOnly } = match(entries, answers)
  const within = (at: number): boolean => at >= window.from && at <= window.to
  const pairs = all.filter(({ ours, theirs }) => within(ours.endedAt) || within(theirs.at))
  const ours = oursOnly.filter(({ endedAt }) => within(endedAt))
  const theirs = theirsOnly.filter(({ at }) => within(at))
  return {
    ours: totalsOf([...pairs.map((pair) => pair.ours), ...ours]),
    theirs: totalsOf([...pairs.map((pair) => pair.theirs), ...theirs]),
    matched: pairs.length,
    differences: [
      ...missingThere(ours, entries, answers, all),
      ...missingHere(theirs, entries, all),
      ...pairs.flatMap(countsOfPair),
      ...names(pairs),
      ...prices(pairs),
      ...copies([...pairs.map((pair) => pair.theirs), ...theirs]),
    ],
  }
}

// ---- on both sides ---------------------------------------------------------------------------------------------------

const countsOfPair = ({ ours, theirs }: Pair): readonly Difference[] =>
  sameCounts(ours.usage, theirs.usage)
    ? []
    : [{ _tag: 'Counts', ours: ours.usage, theirs: theirs.usage, outcome: ours.outcome, ...whereOf(ours) }]

/** Of each pair of names one. */
const names = (pairs: readonly Pair[]): readonly Difference[] =>
  [
    ...Map.groupBy(
      pairs.filter(({ ours, theirs }) => ours.model !== theirs.model),
      ({ ours, theirs }) => keyOf(ours.model, theirs.model),
    ).values(),
  ].flatMap((group): readonly Difference[] => {
    const [first] = group
    if (first === undefined) return []
    const [ours, theirs] = [first.ours.model, first.theirs.model]
    return [{ _tag: sameModel(ours, theirs) ? 'ModelSpelling' : 'OtherModel', ours, theirs, answers: group.length }]
  })

/** Half a billionth of a dollar is what a cost in their files can be off by writing it as a fraction. */
const PRECISION_NANO_USD = 1

const prices = (pairs: readonly Pair[]): readonly Difference[] =>
  [
    ...Map.groupBy(
      pairs.filter(
        ({ ours, theirs }) =>
          ours.costNanoUsd !== null &&
          theirs.costNanoUsd !== null &&
          Math.abs(ours.costNanoUsd - theirs.costNanoUsd) > PRECISION_NANO_USD,
      ),
      ({ ours }) => ours.model,
    ),
  ].map(([model, group]) => ({
    _tag: 'PriceTable',
    model,
    answers: group.length,
    ours: totalsOf(group.map((pair) => pair.ours)).costNanoUsd,
    theirs: totalsOf(group.map((pair) => pair.theirs)).costNanoUsd,
  }))

const copies = (answers: readonly ClaudeAnswer[]): readonly Difference[] =>
  [
    ...Map.groupBy(
      answers.filter(({ files }) => files.length > 1),
      ({ files }) => keyOf(...files),
    ).values(),
  ].map((group) => ({ _tag: 'Copied', files: group[0]?.files ?? [], answers: group.length }))
