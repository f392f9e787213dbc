/**
 * The flags of the commands for captures.
 */
import { Effect } from 'effect'
import { Argument, Command, Flag } from 'effect/cli'
import {
  type CommonFlags,
  configFile,
  database,
  exitWith,
  json,
  lazily,
  loadOptions,
  port,
  reported,
} from '#cli/command.ts'
import type { Config } from '#infra/config/config.ts'
import { loadConfig } from '#infra/config/load.ts'

const onBox = <E extends { readonly _tag: string; readonly message: string }, R>(
  flags: CommonFlags,
  command: (config: Config) => Effect.Effect<number, E, R>,
) => reported(Effect.flatMap(loadConfig(loadOptions(flags)), (config) => Effect.flatMap(command(config), exitWith)))

const ofBox = { config: configFile, port, database, json }

const showCommand = Command.make(
  'show',
  {
    ...ofBox,
    request: Argument.String('request').pipe(
      Argument.withDescription('The id of the request, from x-signalbox-request-id'),
    ),
  },
  (flags) =>
    onBox(flags, (config) =>
      lazily(
        () => import('#cli/capture.ts'),
        ({ showCapture }) => showCapture(config, flags.request, flags),
      ),
    ),
).pipe(Command.withDescription('Print the prompt and the answer of a request; the log says that you looked'))

const pruneCommand = Command.make(
  'prune',
  {
    ...ofBox,
    all: Flag.Boolean('all').pipe(Flag.withDescription('All of them, whatever their age'), Flag.withDefault(false)),
  },
  (flags) =>
    onBox(flags, (config) =>
      lazily(
        () => import('#cli/capture.ts'),
        ({ pruneCaptures }) => pruneCaptures(config, flags),
      ),
    ),
).pipe(Command.withDescription('Remove captures that are older than capture.retention, or too many'))

export const captureCommand = Command.make('capture').pipe(
  Command.withDescription('Show or remove captured prompts and answers'),
  Command.withSubcommands([showCommand, pruneCommand]),
)
