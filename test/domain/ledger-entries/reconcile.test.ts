import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { claudeLine } from '#domain/ledger-entries/claude-line.ts'
import { type ClaudeAnswer, readRecord } from '#domain/ledger-entries/claude-record.ts'
import type { Difference } from '#domain/ledger-entries/difference.ts'
import { differenceText } from '#domain/ledger-entries/difference-text.ts'
import { entryOf, isBilled, type LedgerEntry, type OpenEntries } from '#domain/ledger-entries/entry.ts'
import { reconcile } from '#domain/ledger-entries/reconcile.ts'
import { TOKEN_KINDS, type Totals, totalsOf } from '#domain/ledger-entries/totals.ts'
import { histories } from '#test/generators.ts'

const ALWAYS = { from: 0, to: Number.MAX_SAFE_INTEGER }

/** Entries, of which the files of a client that wrote down all have an answer each. */
const ledgers = histories(20).map((happened): readonly LedgerEntry[] => {
  const open: OpenEntries = new Map()
  return happened
    .flatMap((occurred) => entryOf(open, occurred) ?? [])
    .filter(isBilled)
    .map((entry) => ({ sessionId: 's-0', ...entry }))
})

/** As where every provider gives its answers ids. */
const named = ledgers.map((entries) =>
  entries.map((entry) => ({ ...entry, seenRequestId: `${entry.requestId}-${entry.attempt}` })),
)

const answerTo = (entry: LedgerEntry): ClaudeAnswer => {
  const record = readRecord(claudeLine(entry, '1.2.3'))
  if (record === undefined) throw new Error('the line is no answer')
  return { ...record, files: ['a.jsonl'] }
}

const without = <A>(all: readonly A[], picks: readonly boolean[]): readonly A[] =>
  all.filter((_, index) => picks[index % picks.length] !== true)

const totalsIn = (differences: readonly Difference[]): readonly Totals[] =>
  differences.flatMap((one) => ('totals' in one ? [one.totals] : []))

const sum = (all: readonly Totals[], kind: (typeof TOKEN_KINDS)[number] | 'answers' | 'costNanoUsd'): number =>
  all.map((totals) => totals[kind]).reduce((a, b) => a + b, 0)

const picks = fc.array(fc.boolean(), { minLength: 1, maxLength: 7 })

describe('reconcile', () => {
  it('finds nothing when the files hold what the ledger holds, in whatever order', () => {
    fc.assert(
      fc.property(ledgers, (entries) => {
        const found = reconcile(entries, entries.map(answerTo).toReversed(), ALWAYS)
        expect(found.differences).toEqual([])
        expect(found.matched).toBe(entries.length)
        expect(found.ours).toEqual(found.theirs)
      }),
    )
  })

  it('explains every token and every cent that one side has and the other has not', () => {
    fc.assert(
      fc.property(named, picks, picks, (entries, mine, yours) => {
        const answers = entries.map(answerTo)
        const { ours, theirs, differences } = reconcile(without(entries, mine), without(answers, yours), ALWAYS)
        const here = differences.filter(({ _tag }) => !THEIRS.has(_tag))
        const there = differences.filter(({ _tag }) => THEIRS.has(_tag))
        for (const kind of [...TOKEN_KINDS, 'answers', 'costNanoUsd'] as const) {
          expect(ours[kind] - theirs[kind]).toBe(sum(totalsIn(here), kind) - sum(totalsIn(there), kind))
        }
      }),
    )
  })

  it('has a sentence for whatever differs', () => {
    fc.assert(
      fc.property(ledgers, picks, fc.nat(500), (entries, yours, more) => {
        const answers = entries.map(answerTo).map((answer, index) => ({
          ...answer,
          model: index % 3 === 0 ? 'another' : answer.model,
          costNanoUsd: (answer.costNanoUsd ?? 0) + more,
          usage: { ...answer.usage, outputTokens: answer.usage.outputTokens + (index % 2) },
        }))
        const { differences } = reconcile(entries, without(answers, yours), ALWAYS)
        for (const difference of differences) expect(differenceText(difference)).toMatch(/^[^{}]+\.$/)
      }),
    )
  })

  it('sums both sides, of what the window holds', () => {
    fc.assert(
      fc.property(ledgers, fc.nat(1_000_000), (entries, length) => {
        const from = entries[0]?.endedAt ?? 0
        const inside = entries.filter(({ endedAt }) => endedAt >= from && endedAt <= from + length)
        const found = reconcile(entries, entries.map(answerTo), { from, to: from + length })
        expect(found.ours).toEqual(totalsOf(inside))
      }),
    )
  })
})

const THEIRS: ReadonlySet<Difference['_tag']> = new Set(['ForeignSession', 'ForeignAnswer', 'WrittenTwice'])
