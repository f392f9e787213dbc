/**
 * Differences in words: what is where, and why that is so.
 */
import type { Difference } from '#domain/ledger-entries/difference.ts'
import { TOKEN_KINDS, type Totals } from '#domain/ledger-entries/totals.ts'
import type { TokenCounts } from '#domain/usage.ts'

export const differenceText = (difference: Difference): string => {
  switch (difference._tag) {
    case 'NoSession':
      return `${answers(difference.totals)} named no session, so it was not Claude Code that asked; its files cannot hold them.`
    case 'MissingSession':
      return `Session ${difference.sessionId}: ${answers(difference.totals)}, none of them in the files. They are of another machine or folder, or were deleted (Claude Code keeps them for cleanupPeriodDays).`
    case 'MissingSubAgent':
      return `Sub-agent ${difference.agentId} of session ${difference.sessionId}: ${answers(difference.totals)}, none of them in the files. What reads the session's own file only misses sub-agents too.`
    case 'MissingBackground':
      return `Session ${difference.sessionId}: ${answers(difference.totals)} to background calls (titles, page summaries, searches), which Claude Code does not write down.`
    case 'AbortedStream':
      return `Request ${difference.requestId}: ${difference.outcome === 'cancelled' ? 'the client left' : difference.outcome === 'abandoned' ? 'Signalbox ended' : 'the stream broke off'} before the answer was complete. It is billed (${amount(difference.totals)}), and Claude Code did not write it down.`
    case 'RetriedAttempt':
      return `Request ${difference.requestId}: attempt ${difference.attempt} at ${difference.provider} failed and is billed all the same (${amount(difference.totals)}); Claude Code saw only the answer of a later attempt.`
    case 'DuplicatedRetry':
      return `Request ${difference.requestId} was answered in full (${amount(difference.totals)}), and Claude Code sent the same prompt once more (${difference.again}): both are billed, it wrote down the last.`
    case 'UnseenAnswer':
      return `Request ${difference.requestId} was answered (${amount(difference.totals)}), and Claude Code did not write it down: it discarded the answer, or its file was changed.`
    case 'ForeignSession':
      return `Session ${difference.sessionId}: ${answers(difference.totals)} in the files of which the ledger knows nothing. It did not go through this Signalbox.`
    case 'ForeignAnswer':
      return `Answer ${difference.requestId} of session ${difference.sessionId} (${amount(difference.totals)}) is not in the ledger: the rest of the session went through Signalbox, this did not.`
    case 'WrittenTwice':
      return `Message ${difference.messageId} stands in the files a second time, as ${difference.requestId} (${amount(difference.totals)}): what drops duplicates by message and request counts it twice.`
    case 'Counts':
      return `Request ${difference.requestId}: ${counts(difference.ours, difference.theirs)}. ${whyCounts(difference)}`
    case 'OtherModel':
      return `${difference.answers} times ${difference.ours} answered where the files say ${difference.theirs}: translated answers carry the name that was asked for, and tools price them by it.`
    case 'ModelSpelling':
      return `${difference.answers} times ${difference.theirs} in the files is ${difference.ours} here: the same model, spelled by its provider.`
    case 'PriceTable':
      return `${difference.model}: ${usd(difference.ours)} here, ${usd(difference.theirs)} in the files, for ${difference.answers} answers: the tables of prices differ.`
    case 'Copied':
      return `${difference.answers} stand in ${difference.files.length} files, because a session was resumed or forked; they were counted once.`
  }
}

const whyCounts = ({ ours, theirs, outcome }: Extract<Difference, { readonly _tag: 'Counts' }>): string => {
  if (outcome !== 'served')
    return 'The stream broke off: what the provider had not counted by then is an estimate here.'
  const differing = TOKEN_KINDS.filter((kind) => ours[kind] !== theirs[kind])
  if (differing.every((kind) => kind === 'outputTokens') && theirs.outputTokens < ours.outputTokens) {
    return 'The line was written before the last word of the answer, with the count of its beginning.'
  }
  if (differing.every((kind) => kind.startsWith('cacheWrite')) && written(ours) === written(theirs)) {
    return 'The writes to the cache are the same; the files do not tell their lifetimes apart.'
  }
  return 'One of the two was changed or misread after the answer.'
}

const written = (usage: TokenCounts): number => usage.cacheWrite5mTokens + usage.cacheWrite1hTokens

export const KIND_WORDS: { readonly [K in (typeof TOKEN_KINDS)[number]]: string } = {
  inputTokens: 'input',
  outputTokens: 'output',
  cacheReadTokens: 'cache read',
  cacheWrite5mTokens: 'cache write 5m',
  cacheWrite1hTokens: 'cache write 1h',
}

const counts = (ours: TokenCounts, theirs: TokenCounts): string =>
  TOKEN_KINDS.filter((kind) => ours[kind] !== theirs[kind])
    .map((kind) => `${KIND_WORDS[kind]} ${number(ours[kind])} here, ${number(theirs[kind])} in the files`)
    .join('; ')

const answers = (totals: Totals): string =>
  `${totals.answers} answer${totals.answers === 1 ? '' : 's'} (${amount(totals)})`

const amount = (totals: Totals): string => {
  const tokens = TOKEN_KINDS.map((kind) => totals[kind]).reduce((a, b) => a + b, 0)
  const told = totals.costNanoUsd > 0 || totals.unpriced < totals.answers
  return told ? `${number(tokens)} tokens, ${usd(totals.costNanoUsd)}` : `${number(tokens)} tokens`
}

const usd = (nanoUsd: number): string => `$${(nanoUsd / 1e9).toFixed(4)}`
const number = (value: number): string => value.toLocaleString('en')
