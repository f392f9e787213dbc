/** The flags of `signalbox migrate`. */
import { Console, Effect, Option } from 'effect'
import { Command, Flag } from 'effect/cli'
import { ExitCode, exitWith, json, lazily, reported } from '#cli/command.ts'
import { confirm } from '#cli/doctor/confirm.ts'
import { isSamePlace, parseLogPlace } from '#cli/log-place.ts'

const WRONG_USAGE = 2

const wrongUsage = (message: string) =>
  Effect.andThen(Console.error(message), Effect.fail(new ExitCode({ status: WRONG_USAGE })))

/** Not parsed as a flag: the message would repeat the URL, which may hold a password. */
const placeOf = (flag: string, text: string) => {
  const place = parseLogPlace(text)
  return place === undefined
    ? wrongUsage(`${flag} must be sqlite:PATH or postgres://USER@HOST/DATABASE.`)
    : Effect.succeed(place)
}

export const migrateCommand = Command.make(
  'migrate',
  {
    json,
    from: Flag.String('from').pipe(
      Flag.withDescription(
        'The log to copy: sqlite:PATH or postgres://USER@HOST/DATABASE (default: none, only make tables)',
      ),
      Flag.optional,
    ),
    to: Flag.String('to').pipe(
      Flag.withDescription('Where to: an empty database, or one that an interrupted copy has begun'),
    ),
    whileRunning: Flag.Boolean('while-running').pipe(
      Flag.withDescription('Copy what PostgreSQL has now, while instances go on (a backup)'),
      Flag.withDefault(false),
    ),
    yes: Flag.Boolean('yes').pipe(Flag.withDescription('Do not ask'), Flag.withDefault(false)),
  },
  (flags) =>
    reported(
      Effect.gen(function* () {
        const to = yield* placeOf('--to', flags.to)
        if (Option.isNone(flags.from))
          return yield* lazily(
            () => import('#cli/migrate.ts'),
            ({ makeTables }) => makeTables(to, flags.json),
          )
        const from = yield* placeOf('--from', flags.from.value)
        if (isSamePlace(from, to)) return yield* wrongUsage('--from and --to name the same log.')
        yield* exitWith(
          yield* lazily(
            () => import('#cli/migrate.ts'),
            ({ migrate }) => migrate({ ...flags, from, to, confirm }),
          ),
        )
      }),
    ),
).pipe(
  Command.withDescription(
    'Copy the event log to another database, from SQLite to PostgreSQL or back; or only make the tables there, or update them',
  ),
)
