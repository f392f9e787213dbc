/**
 * The flags of the commands for Claude Code's own tools: what they can read, whether they agree, and the line in its status bar.
 */
import { Data, Effect, Option } from 'effect'
import { Command, Flag } from 'effect/cli'
import { configFile, database, json, loadOptions, withLog } from '#cli/command.ts'
import { parseEdge } from '#cli/costs.ts'
import { exportTable, TABLE_FORMATS } from '#cli/export/export-table.ts'
import { EXPORT_FORMATS, exportLedger } from '#cli/export.ts'
import { reconcile } from '#cli/reconcile.ts'
import { TABLES } from '#domain/export-rows/index.ts'
import { loadConfig } from '#infra/config/load.ts'

const span = {
  from: Flag.String('from').pipe(
    Flag.withDescription('From this day on, e.g. 2026-11-01 or 7d ago (default: the first)'),
    Flag.optional,
  ),
  to: Flag.String('to').pipe(Flag.withDescription('Up to and with this day (default: today)'), Flag.optional),
}

/** A flag that only its use shows to be wrong. */
class WrongSpan extends Data.TaggedError('WrongSpan')<{ readonly message: string }> {}

/** Days are those of the configured time zone. */
const spanOf = (flags: {
  readonly config: Option.Option<string>
  readonly from: Option.Option<string>
  readonly to: Option.Option<string>
}) =>
  Effect.gen(function* () {
    const { timeZone } = yield* loadConfig(loadOptions({ config: flags.config }))
    return yield* Effect.try({
      try: () => ({
        from: Option.getOrUndefined(Option.map(flags.from, (text) => parseEdge(text, timeZone, false))),
        to: Option.getOrUndefined(Option.map(flags.to, (text) => parseEdge(text, timeZone, true))),
      }),
      catch: (error) => new WrongSpan({ message: error instanceof Error ? error.message : String(error) }),
    })
  })

export const exportCommand = Command.make(
  'export',
  {
    config: configFile,
    database,
    json,
    ...span,
    format: Flag.Literals('format', [...EXPORT_FORMATS, ...TABLE_FORMATS]).pipe(
      Flag.withDescription(
        'claude-code: files that claude-code-costs, ccusage and Claude-Code-Usage-Monitor read; ndjson, parquet: a table for notebooks',
      ),
      Flag.withDefault('claude-code'),
    ),
    what: Flag.Literals('what', TABLES).pipe(
      Flag.withDescription('Which table; for ndjson and parquet'),
      Flag.withDefault('requests'),
    ),
    out: Flag.String('out').pipe(
      Flag.withDescription('For claude-code a folder that is new or empty (signalbox-export), else a new file'),
      Flag.optional,
    ),
  },
  (flags) =>
    withLog(
      flags,
      Effect.gen(function* () {
        const span = yield* spanOf(flags)
        const { format, what, json } = flags
        const out = Option.getOrUndefined(flags.out)
        return format === 'claude-code'
          ? yield* exportLedger({ format, out: out ?? 'signalbox-export', json, ...span })
          : yield* exportTable({ format, what, out, json, ...span })
      }),
    ),
).pipe(Command.withDescription('Write what was used and what it cost to files that other programs read'))

export const reconcileCommand = Command.make(
  'reconcile',
  {
    config: configFile,
    database,
    json,
    ...span,
    claude: Flag.String('claude').pipe(
      Flag.withDescription("Claude Code's folder, or several with commas (default: CLAUDE_CONFIG_DIR, then ~/.claude)"),
      Flag.optional,
    ),
    usage: Flag.String('usage').pipe(
      Flag.withDescription("A provider's export: Anthropic Console usage or OpenRouter activity, CSV or JSON"),
      Flag.optional,
    ),
  },
  (flags) =>
    withLog(
      flags,
      Effect.flatMap(spanOf(flags), ({ from, to }) =>
        reconcile({
          claude: Option.getOrUndefined(flags.claude),
          usage: Option.getOrUndefined(flags.usage),
          json: flags.json,
          from,
          to,
        }),
      ),
    ),
).pipe(Command.withDescription("Compare the ledger with Claude Code's own files, and with a provider's export"))

/** Without arguments main.ts does not even come here: the program takes longer to load than a status bar waits. */
export const statuslineCommand = Command.make('statusline', {}, () =>
  Effect.promise(async () => (await import('#cli/statusline.ts')).printStatusline()),
).pipe(Command.withDescription("Print one line for Claude Code's status bar: provider, costs, cache, nearest limit"))
