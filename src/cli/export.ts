/**
 * `signalbox export`: what the ledger holds, in files that other programs read. For Claude Code's own tools that is a folder
 * like the one that Claude Code keeps: `projects/PROJECT/SESSION.jsonl`.
 */
import { appendFile, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Console, Data, Effect } from 'effect'
import { type EntrySpan, readEntries } from '#cli/read-entries.ts'
import { VERSION } from '#cli/version.ts'
import { claudeFile, claudeLine } from '#domain/ledger-entries/claude-line.ts'
import { isBilled, type LedgerEntry } from '#domain/ledger-entries/entry.ts'
import { addUsage, noUsage } from '#domain/usage.ts'

export const EXPORT_FORMATS = ['claude-code'] as const
type ExportFormat = (typeof EXPORT_FORMATS)[number]

/** Where entries go, and what is written there. */
interface Writing {
  /** Below the folder that was named; all files lie in it. */
  readonly root: string
  /** Below `root`. */
  readonly file: (entry: LedgerEntry) => string
  readonly line: (entry: LedgerEntry) => string
  /** How to look at it. */
  readonly hint: (folder: string) => string
}

const WRITING: { readonly [F in ExportFormat]: Writing } = {
  'claude-code': {
    root: 'projects',
    file: (entry) => join(...claudeFile(entry)),
    line: (entry) => JSON.stringify(claudeLine(entry, VERSION)),
    hint: (folder) => `To look at it: CLAUDE_CONFIG_DIR=${JSON.stringify(folder)} npx ccusage claude daily`,
  },
}

export interface ExportOptions extends EntrySpan {
  readonly format: ExportFormat
  /** The folder to write to: new, or empty. */
  readonly out: string
  readonly json: boolean
}

/** The folder cannot be written to; the message says why. */
export class ExportError extends Data.TaggedError('ExportError')<{ readonly message: string }> {}

/** Writes what was billed, and prints its sums. */
export const exportLedger = Effect.fnUntraced(function* (options: ExportOptions) {
  const folder = resolve(options.out)
  const writing = WRITING[options.format]
  yield* makeEmpty(folder)
  let [lines, usage, costNanoUsd, unpriced] = [0, noUsage, 0, 0]
  const files = new Set<string>()
  // Under another name until it is complete: a part of the ledger looks like all of it.
  const unfinished = join(folder, `${writing.root}.part`)
  yield* readEntries(options, { label: 'exporting', quiet: options.json }, (entries) => {
    const billed = entries.filter(isBilled)
    for (const entry of billed) {
      lines += 1
      usage = addUsage(usage, entry.usage)
      costNanoUsd += entry.costNanoUsd ?? 0
      if (entry.costNanoUsd === null) unpriced += 1
    }
    return Effect.forEach(
      Map.groupBy(billed, (entry) => join(unfinished, writing.file(entry))),
      ([file, group]) => {
        files.add(file)
        return append(file, group.map(writing.line))
      },
      { discard: true },
    )
  }).pipe(
    Effect.andThen(
      Effect.suspend(() => (files.size === 0 ? Effect.void : named(unfinished, join(folder, writing.root)))),
    ),
    Effect.onError(() => removed(unfinished)),
  )
  const costUsd = costNanoUsd / 1e9
  if (options.json) {
    yield* Console.log(JSON.stringify({ folder, files: files.size, lines, usage, costUsd, unpriced }))
    return 0
  }
  yield* Console.log(`${count(lines, 'attempt')} in ${count(files.size, 'file')} under ${folder}.`)
  const { inputTokens, outputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens } = usage
  yield* Console.log(
    `Tokens: ${number(inputTokens)} in, ${number(outputTokens)} out, ${number(cacheReadTokens)} read from the cache, ${number(cacheWrite5mTokens + cacheWrite1hTokens)} written to it. Cost: $${costUsd.toFixed(4)}.`,
  )
  if (unpriced > 0) yield* Console.log(`${count(unpriced, 'attempt')} without a known cost: see docs/costs.md.`)
  yield* Console.log(writing.hint(folder))
  return 0
})

/** An export on top of another would count twice in tools that drop no duplicates. */
const makeEmpty = (folder: string): Effect.Effect<void, ExportError> =>
  Effect.tryPromise({
    try: async () => {
      await mkdir(folder, { recursive: true })
      return await readdir(folder)
    },
    catch: unwritable(folder),
  }).pipe(
    Effect.flatMap((names) =>
      names.length === 0
        ? Effect.void
        : Effect.fail(
            new ExportError({ message: `${folder} is not empty. Name a new folder with --out, or delete that one.` }),
          ),
    ),
  )

const append = (file: string, lines: readonly string[]): Effect.Effect<void, ExportError> =>
  Effect.tryPromise({
    try: async () => {
      await mkdir(dirname(file), { recursive: true })
      await appendFile(file, lines.map((line) => `${line}\n`).join(''))
    },
    catch: unwritable(file),
  })

const named = (unfinished: string, path: string): Effect.Effect<void, ExportError> =>
  Effect.tryPromise({ try: () => rename(unfinished, path), catch: unwritable(path) })

/** Why the export failed is said by its own error; here only what else is to be done. */
const removed = (unfinished: string): Effect.Effect<void> =>
  Effect.tryPromise({
    try: () => rm(unfinished, { recursive: true, force: true }),
    catch: unwritable(unfinished),
  }).pipe(Effect.catch((error) => Console.error(`${error.message} Delete it: it is a part of an export.`)))

const unwritable =
  (path: string) =>
  (error: unknown): ExportError => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    return new ExportError({ message: `${path} cannot be written (${code}).` })
  }

const number = (value: number): string => value.toLocaleString('en')
const count = (value: number, what: string): string => `${number(value)} ${what}${value === 1 ? '' : 's'}`
