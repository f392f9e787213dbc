/**
 * The flags of the commands for captures.
 */
import { Argument, Command, Flag } from 'effect/cli'
import { lazily, ofBox, onBox } from '#cli/command.ts'

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
