/**
 * What stands on one side only, and why: what is missing for one reason is one difference.
 */
import type { ClaudeAnswer } from '#domain/ledger-entries/claude-record.ts'
import type { Difference, Where } from '#domain/ledger-entries/difference.ts'
import { type LedgerEntry, promptTokens } from '#domain/ledger-entries/entry.ts'
import type { Pair } from '#domain/ledger-entries/match.ts'
import { type Totals, totalsOf } from '#domain/ledger-entries/totals.ts'

// ---- only in our ledger ----------------------------------------------------------------------------------------------

/** @param left of the entries, those without an answer */
export const missingThere = (
  left: readonly LedgerEntry[],
  entries: readonly LedgerEntry[],
  answers: readonly ClaudeAnswer[],
  pairs: readonly Pair[],
): readonly Difference[] => {
  const sessions = new Set(answers.map(({ sessionId }) => sessionId))
  for (const { ours } of pairs) if (ours.sessionId !== undefined) sessions.add(ours.sessionId)
  const agents = new Set(pairs.map(({ ours }) => keyOf(ours.sessionId, ours.agentId)))
  for (const { sessionId, agentId } of answers) agents.add(keyOf(sessionId, agentId))
  const served = new Map(
    entries.filter(({ outcome }) => outcome === 'served').map((entry) => [entry.requestId, entry] as const),
  )
  const seen = Map.groupBy(pairs, ({ ours }) => keyOf(ours.sessionId, ours.agentId))
  const alone = (entry: LedgerEntry): Difference => {
    const about = { totals: totalsOf([entry]), ...whereOf(entry) }
    const next = served.get(entry.requestId)
    if (entry.outcome !== 'served' && next !== undefined) {
      return { _tag: 'RetriedAttempt', attempt: entry.attempt, provider: entry.provider, ...about }
    }
    if (entry.outcome !== 'served') return { _tag: 'AbortedStream', outcome: entry.outcome, ...about }
    const again = seen
      .get(keyOf(entry.sessionId, entry.agentId))
      ?.find(({ ours }) => ours.startedAt >= entry.startedAt && isSamePrompt(ours, entry))
    if (again === undefined) return { _tag: 'UnseenAnswer', ...about }
    return { _tag: 'DuplicatedRetry', again: again.ours.seenRequestId, ...about }
  }
  // What is missing for one reason is one difference; the most general reason counts.
  return grouped(
    left,
    (entry): readonly [string, (totals: Totals) => Difference] | undefined => {
      const { sessionId, agentId } = entry
      if (sessionId === undefined) return ['', (totals) => ({ _tag: 'NoSession', totals })]
      if (!sessions.has(sessionId)) {
        return [`session ${sessionId}`, (totals) => ({ _tag: 'MissingSession', sessionId, totals })]
      }
      if (agentId !== undefined && !agents.has(keyOf(sessionId, agentId))) {
        const group = `agent ${keyOf(sessionId, agentId)}`
        return [group, (totals) => ({ _tag: 'MissingSubAgent', sessionId, agentId, totals })]
      }
      if (entry.kind === 'background') {
        return [`background ${sessionId}`, (totals) => ({ _tag: 'MissingBackground', sessionId, totals })]
      }
      return undefined
    },
    alone,
  )
}

/** The client sends the same prompt once more; how much of it comes from the cache may differ. */
const isSamePrompt = (a: LedgerEntry, b: LedgerEntry): boolean => promptTokens(a.usage) === promptTokens(b.usage)

export const keyOf = (...parts: readonly (string | undefined)[]): string =>
  JSON.stringify(parts.map((part) => part ?? ''))

export const whereOf = ({ endedAt: at, seenRequestId: requestId, sessionId = '' }: LedgerEntry): Where => ({
  at,
  requestId,
  sessionId,
})

// ---- only in their files ---------------------------------------------------------------------------------------------

/** @param left of the answers, those without an entry */
export const missingHere = (
  left: readonly ClaudeAnswer[],
  entries: readonly LedgerEntry[],
  pairs: readonly Pair[],
): readonly Difference[] => {
  const sessions = new Set(entries.map(({ sessionId }) => sessionId))
  const messages = new Set(pairs.map(({ theirs }) => theirs.messageId))
  const requests = new Set(pairs.map(({ theirs }) => theirs.requestId))
  const alone = (answer: ClaudeAnswer): Difference => {
    const { at, messageId, requestId, sessionId } = answer
    const about = { totals: totalsOf([answer]), at, requestId: requestId ?? messageId, sessionId }
    const isTwice = messages.has(messageId) || (requestId !== undefined && requests.has(requestId))
    return isTwice ? { _tag: 'WrittenTwice', messageId, ...about } : { _tag: 'ForeignAnswer', ...about }
  }
  return grouped(
    left,
    ({ sessionId, messageId }) => {
      if (sessions.has(sessionId) || messages.has(messageId)) return undefined
      return [sessionId, (totals): Difference => ({ _tag: 'ForeignSession', sessionId, totals })]
    },
    alone,
  )
}

/** Those of a group as one difference, in the order of their first; the others one by one. */
const grouped = <A extends LedgerEntry | ClaudeAnswer>(
  all: readonly A[],
  groupOf: (one: A) => readonly [name: string, difference: (totals: Totals) => Difference] | undefined,
  alone: (one: A) => Difference,
): readonly Difference[] => {
  const groups = new Map<string, { readonly members: A[]; readonly difference: (totals: Totals) => Difference }>()
  const others: Difference[] = []
  for (const one of all) {
    const group = groupOf(one)
    if (group === undefined) {
      others.push(alone(one))
      continue
    }
    const [name, difference] = group
    const known = groups.get(name)
    if (known === undefined) groups.set(name, { members: [one], difference })
    else known.members.push(one)
  }
  return [...[...groups.values()].map(({ members, difference }) => difference(totalsOf(members))), ...others]
}
