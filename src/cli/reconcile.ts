/**
 * `signalbox reconcile`: our ledger beside Claude Code's own files, and beside a provider's export where one is given. It lists
 * what differs and says why.
 */
import { homedir } from 'node:os'
import { Console, Effect } from 'effect'
import { EventLog } from '#actors/ports.ts'
import { progress } from '#cli/progress.ts'
import { type EntrySpan, readEntries } from '#cli/read-entries.ts'
import { type ClaudeFiles, claudeFolders, readClaudeFiles } from '#cli/reconcile/claude-files.ts'
import { readUsageFile } from '#cli/reconcile/usage-file.ts'
import { type Row, table } from '#cli/table.ts'
import { isNote } from '#domain/ledger-entries/difference.ts'
import { differenceText, KIND_WORDS } from '#domain/ledger-entries/difference-text.ts'
import { isBilled, type LedgerEntry } from '#domain/ledger-entries/entry.ts'
import { compareUsage, type UsageDifference, usageDifferenceText } from '#domain/ledger-entries/provider-usage.ts'
import { reconcile as compare, type Reconciliation } from '#domain/ledger-entries/reconcile.ts'
import { TOKEN_KINDS, type Totals } from '#domain/ledger-entries/totals.ts'

export interface ReconcileOptions extends EntrySpan {
  /** Folders of Claude Code, with commas between; default: CLAUDE_CONFIG_DIR, else where it keeps them. */
  readonly claude: string | undefined
  /** A provider's export. */
  readonly usage: string | undefined
  readonly json: boolean
}

/** On either side of the span, so that an answer at its end finds its other half. */
const MARGIN_MS = 600_000
const SHOWN = 200

/** Prints the differences; answers 0 when both sides agree, 1 when not. */
export const reconcile = Effect.fnUntraced(function* (options: ReconcileOptions) {
  const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
  // What is older than the log did not go through it.
  const window = { from: options.from ?? (yield* firstMoment) ?? now, to: options.to ?? now }
  const wider = { from: window.from - MARGIN_MS, to: window.to + MARGIN_MS }
  const entries: LedgerEntry[] = []
  yield* readEntries(wider, { label: 'reading the log', quiet: options.json }, (page) =>
    Effect.sync(() => entries.push(...page.filter(isBilled))),
  )
  const bar = progress('reading the files', options.json)
  const folders = claudeFolders(options.claude, process.env, homedir())
  const read = yield* readClaudeFiles(folders, wider, bar)
  bar.done()
  const found = compare(entries, [...read.answers.values()], window)
  const usage = options.usage === undefined ? undefined : yield* readUsageFile(options.usage)
  const inWindow = entries.filter(({ endedAt }) => endedAt >= window.from && endedAt <= window.to)
  const days = usage === undefined ? [] : compareUsage(usage, inWindow, yield* providerKinds)
  const agree = days.length === 0 && found.differences.every(isNote)
  if (options.json) {
    const differences = [...found.differences, ...days].map((one) => ({ ...one, text: textOf(one), note: noteOf(one) }))
    const { files, unreadable } = read
    yield* Console.log(JSON.stringify({ agree, window, folders, files, unreadable, ...found, differences }))
  } else {
    yield* Effect.forEach(report(found, days, read, folders), (line) => Console.log(line), { discard: true })
  }
  return agree ? 0 : 1
})

type AnyDifference = Reconciliation['differences'][number] | UsageDifference

const textOf = (one: AnyDifference): string =>
  one._tag === 'ProviderUsage' ? usageDifferenceText(one) : differenceText(one)

const noteOf = (one: AnyDifference): boolean => one._tag !== 'ProviderUsage' && isNote(one)

/** Epoch ms of the first event; undefined: there is none. */
const firstMoment = Effect.gen(function* () {
  const log = yield* EventLog
  const [first] = yield* log.read({ after: 0, limit: 1 })
  return first?._tag === 'Known' ? first.recorded.occurredAt : undefined
})

/** Of all providers that a policy ever named. */
const providerKinds = Effect.gen(function* () {
  const log = yield* EventLog
  const kinds = new Map<string, string>()
  for (let after = 0; ; ) {
    const page = yield* log.read({ after, limit: 1_000, types: ['PolicyChanged'] })
    for (const row of page) {
      after = row._tag === 'Known' ? row.recorded.position : row.position
      if (row._tag !== 'Known' || row.recorded.event._tag !== 'PolicyChanged') continue
      for (const { id, kind } of row.recorded.event.policy.providers) kinds.set(id, kind)
    }
    if (page.length < 1_000) return kinds
  }
})

const report = (
  found: Reconciliation,
  days: readonly UsageDifference[],
  read: ClaudeFiles,
  folders: readonly string[],
): readonly string[] => {
  const all: readonly AnyDifference[] = [...found.differences.filter((one) => !isNote(one)), ...days]
  const notes = found.differences.filter(isNote)
  return [
    ...(read.files === 0 ? [`There is no session under ${folders.join(', ')}; name the folder with --claude.`] : []),
    ...table([
      ['', 'ANSWERS', ...TOKEN_KINDS.map((kind) => KIND_WORDS[kind].toUpperCase()), 'COST'],
      totalsRow('Signalbox', found.ours),
      totalsRow('Claude Code', found.theirs),
    ]),
    `${found.matched.toLocaleString('en')} answers are on both sides.`,
    ...(read.unreadable === 0 ? [] : [`${read.unreadable} lines of the files are not readable.`]),
    ...(all.length === 0 ? ['Everything reconciles.'] : [`Differences: ${all.length}`]),
    ...all.slice(0, SHOWN).map((one) => `  ${textOf(one)}`),
    ...(all.length > SHOWN ? [`  … and ${all.length - SHOWN} more; --json lists all.`] : []),
    ...(notes.length === 0 ? [] : ['To know']),
    ...notes.map((one) => `  ${textOf(one)}`),
  ]
}

const totalsRow = (name: string, totals: Totals): Row => [
  name,
  totals.answers.toLocaleString('en'),
  ...TOKEN_KINDS.map((kind) => totals[kind].toLocaleString('en')),
  totals.unpriced === totals.answers && totals.answers > 0 ? 'not told' : `$${(totals.costNanoUsd / 1e9).toFixed(4)}`,
]
