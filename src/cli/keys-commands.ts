/**
 * The flags of the commands for the keys of clients.
 */
import { Effect, Option } from 'effect'
import { Argument, Command, Flag } from 'effect/cli'
import { lazily, ofBox, onBox } from '#cli/command.ts'
import { lifetimeMs } from '#cli/moment.ts'

const createCommand = Command.make(
  'create',
  {
    ...ofBox,
    name: Argument.String('name').pipe(Argument.withDescription('How it is called in lists, costs and budgets')),
    models: Flag.String('models').pipe(
      Flag.withDescription('Models that it may ask for, e.g. claude-haiku-*,claude-sonnet-5-5 (default: all)'),
      Flag.map((text) => text.split(',').map((pattern) => pattern.trim())),
      Flag.optional,
    ),
    rpm: Flag.Int('rpm').pipe(Flag.withDescription('Requests a minute (default: any number)'), Flag.optional),
    expires: Flag.String('expires').pipe(
      Flag.withDescription('How long it is good for, e.g. 30d (default: for ever)'),
      Flag.mapTryCatch(lifetimeMs, (error) => (error instanceof Error ? error.message : String(error))),
      Flag.optional,
    ),
  },
  ({ name, models, rpm, expires, ...flags }) =>
    onBox(
      flags,
      Effect.fnUntraced(function* (config) {
        const at = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        const wanted = {
          name,
          ...(Option.isNone(models) ? {} : { models: models.value }),
          ...(Option.isNone(rpm) ? {} : { requestsPerMinute: rpm.value }),
          ...(Option.isNone(expires) ? {} : { expiresAt: at + expires.value }),
        }
        return yield* lazily(
          () => import('#cli/keys.ts'),
          ({ createClientKey }) => createClientKey(config, wanted, flags),
        )
      }),
    ),
).pipe(Command.withDescription('Make a key, and print it this once'))

const listCommand = Command.make('list', ofBox, (flags) =>
  onBox(flags, (config) =>
    lazily(
      () => import('#cli/keys.ts'),
      ({ listClientKeys }) => listClientKeys(config, flags),
    ),
  ),
).pipe(Command.withDescription('List the keys, revoked ones too'))

const revokeCommand = Command.make(
  'revoke',
  { ...ofBox, key: Argument.String('key').pipe(Argument.withDescription('Its name, or its id')) },
  (flags) =>
    onBox(flags, (config) =>
      lazily(
        () => import('#cli/keys.ts'),
        ({ revokeClientKey }) => revokeClientKey(config, flags.key, flags),
      ),
    ),
).pipe(Command.withDescription('Revoke a key: it is refused from now on'))

export const keysCommand = Command.make('keys').pipe(
  Command.withDescription('Make, list and revoke the keys of clients'),
  Command.withSubcommands([createCommand, listCommand, revokeCommand]),
)
