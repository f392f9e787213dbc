/**
 * The flags of the commands that look at the books and keep the log small.
 */
import { resolve } from 'node:path'
import { Data, Effect, Option } from 'effect'
import { Command, Flag } from 'effect/cli'
import { configFile, database, exitWith, json, lazily, loadOptions, moment, reported, withLog } from '#cli/command.ts'
import { costs, parseDimensions, parseEdge } from '#cli/costs.ts'
import { confirm } from '#cli/doctor/confirm.ts'
import { DIMENSIONS } from '#domain/books-query.ts'
import { loadConfig } from '#infra/config/load.ts'
import { durationMs } from '#infra/config/quantities.ts'

const parsed = <A>(parse: (text: string) => A) =>
  Flag.mapTryCatch(parse, (error: unknown) => (error instanceof Error ? error.message : String(error)))

export const costsCommand = Command.make(
  'costs',
  {
    config: configFile,
    database,
    json,
    by: Flag.String('by').pipe(
      Flag.withDescription(`One or two of ${DIMENSIONS.join(', ')}, e.g. day,provider`),
      Flag.withDefault('day'),
      parsed(parseDimensions),
    ),
    from: Flag.String('from').pipe(
      Flag.withDescription('From this day on, e.g. 2026-11-01 or 7d ago (default: the first)'),
      Flag.optional,
    ),
    to: Flag.String('to').pipe(Flag.withDescription('Up to and with this day (default: today)'), Flag.optional),
    csv: Flag.Boolean('csv').pipe(
      Flag.withDescription('Print CSV, money in billionths of a dollar'),
      Flag.withDefault(false),
    ),
  },
  (flags) =>
    withLog(
      flags,
      Effect.gen(function* () {
        const { timeZone } = yield* loadConfig(loadOptions(flags))
        const edge = (text: Option.Option<string>, end: boolean) =>
          Effect.try({
            try: () => Option.getOrUndefined(Option.map(text, (day) => parseEdge(day, timeZone, end))),
            catch: (error) => new WrongUsage({ message: error instanceof Error ? error.message : String(error) }),
          })
        const span = { from: yield* edge(flags.from, false), to: yield* edge(flags.to, true) }
        const format = flags.csv ? 'csv' : flags.json ? 'json' : 'table'
        return yield* costs({ by: flags.by, ...span, timeZone, format })
      }),
    ),
).pipe(Command.withDescription('Show what was used and what it cost, by day, provider, model, session …'))

export const archiveCommand = Command.make(
  'archive',
  {
    config: configFile,
    database,
    json,
    before: moment('before', 'Requests admitted before this time, e.g. 2026-08-01'),
    keep: Flag.String('keep').pipe(
      Flag.withDescription('Requests older than this, e.g. 90d (default: retention.detail)'),
      Flag.optional,
    ),
    to: Flag.String('to').pipe(
      Flag.withDescription('Folder for the archive (default: retention.archive)'),
      Flag.optional,
    ),
    dryRun: Flag.Boolean('dry-run').pipe(Flag.withDescription('Only say what would go'), Flag.withDefault(false)),
    yes: Flag.Boolean('yes').pipe(Flag.withDescription('Do not ask'), Flag.withDefault(false)),
  },
  (flags) =>
    reported(
      Effect.gen(function* () {
        const config = yield* loadConfig(loadOptions(flags))
        const before = yield* archiveBefore(flags, config.retention.detailMs)
        const folder = resolve(Option.getOrElse(flags.to, () => config.retention.archive))
        const { dryRun, yes } = flags
        const options = { database: config.database.url, before, folder, dryRun, yes, json: flags.json, confirm }
        yield* exitWith(
          yield* lazily(
            () => import('#cli/archive.ts'),
            ({ archive }) => archive(options),
          ),
        )
      }),
    ),
).pipe(Command.withDescription('Move old requests from the log to a file; the sums of tokens and costs stay'))

/** A flag that only its use shows to be wrong. */
class WrongUsage extends Data.TaggedError('WrongUsage')<{ readonly message: string }> {}

const archiveBefore = (
  flags: { readonly before: Option.Option<number>; readonly keep: Option.Option<string> },
  detailMs: number,
) =>
  Effect.gen(function* () {
    if (Option.isSome(flags.before)) return flags.before.value
    const keepMs = Option.match(flags.keep, { onNone: () => detailMs, onSome: durationMs })
    if (keepMs > 0) return (yield* Effect.clockWith((clock) => clock.currentTimeMillis)) - keepMs
    const message = 'Say which requests: --before 2026-08-01, --keep 90d, or retention.detail in the configuration.'
    return yield* new WrongUsage({ message })
  })
