/**
 * The flags of `signalbox replay`, and the log that they name: a database, files, or both.
 */
import { resolve } from 'node:path'
import { Effect, Option } from 'effect'
import { Argument } from 'effect/cli'
import { EventLog } from '#actors/ports.ts'
import { type CommonFlags, exitWith, lazily, loadOptions, moment, reported } from '#cli/command.ts'
import { loadConfig } from '#infra/config/load.ts'
import { logOfFiles } from '#infra/event-log/files.ts'

export const replayFlags = {
  at: moment('at', 'Show the box as it was then, e.g. 2026-11-23T14:03 or 15m ago'),
  files: Argument.String('files').pipe(
    Argument.withDescription(
      'Archives (.ndjson.gz), or what `signalbox events --json` printed; with --database added to that log, else alone',
    ),
    Argument.variadic(),
  ),
}

export interface ReplayFlags extends CommonFlags {
  readonly at: Option.Option<number>
  readonly files: readonly string[]
  readonly json: boolean
}

export const replayOf = ({ at, json }: ReplayFlags) =>
  Option.isSome(at)
    ? lazily(
        () => import('#cli/replay-moment.ts'),
        ({ replayMoment }) => replayMoment({ at: at.value, json }),
      )
    : lazily(
        () => import('#cli/replay.ts'),
        ({ replay }) => replay({ json }),
      )

/** Runs a command that reads the log which flags, configuration and arguments name. */
export const withReplayedLog = <E extends { readonly _tag: string; readonly message: string }>(
  flags: ReplayFlags,
  command: Effect.Effect<number, E, EventLog>,
) => {
  const paths = flags.files.map((file) => resolve(file))
  const over = (rest?: EventLog['Service']) => Effect.provideService(command, EventLog, logOfFiles(paths, rest))
  const isAlone = paths.length > 0 && Option.isNone(flags.database ?? Option.none())
  if (isAlone) return reported(Effect.flatMap(over(), exitWith))
  return reported(
    Effect.gen(function* () {
      const config = yield* loadConfig(loadOptions(flags))
      const whole =
        paths.length === 0
          ? command
          : Effect.gen(function* () {
              return yield* over(yield* EventLog)
            })
      yield* exitWith(
        yield* lazily(
          () => import('#cli/database.ts'),
          ({ readOnlyDatabaseLayer }) => Effect.provide(whole, readOnlyDatabaseLayer(config.database.url)),
        ),
      )
    }),
  )
}
