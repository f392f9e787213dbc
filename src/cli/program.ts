/**
 * The command line. One file per command under src/cli; this one names their flags, and command.ts what they share. Exit codes:
 * 0 done, 1 failed, 2 wrong usage.
 */
import * as NodeServices from '@effect/platform-node/NodeServices'
import { Console, Effect, Exit, Option } from 'effect'
import { Argument, Command, Flag } from 'effect/cli'
import { archiveCommand, costsCommand } from '#cli/books-commands.ts'
import { captureCommand } from '#cli/capture-commands.ts'
import {
  configFile,
  database,
  ExitCode,
  exitWith,
  host,
  json,
  lazily,
  loadOptions,
  logLevel,
  moment,
  port,
  reported,
  withLog,
} from '#cli/command.ts'
import { confirm } from '#cli/doctor/confirm.ts'
import { keysCommand } from '#cli/keys-commands.ts'
import { migrateCommand } from '#cli/migrate-commands.ts'
import { replayFlags } from '#cli/replay-commands.ts'
import { exportCommand, reconcileCommand, statuslineCommand } from '#cli/report-commands.ts'
import { simulateCommand } from '#cli/simulate-command.ts'
import { replayOrWhatIf, tuneCommand, whatIfFlags } from '#cli/tune-commands.ts'
import { VERSION } from '#cli/version.ts'
import { loadConfig } from '#infra/config/load.ts'

const serveCommand = Command.make('serve', { config: configFile, port, host, logLevel, database }, (flags) =>
  reported(
    lazily(
      () => import('#cli/serve.ts'),
      ({ serve }) => serve(loadOptions(flags)),
    ),
  ),
).pipe(Command.withDescription('Serve (the default command)'))

const codeCommand = Command.make(
  'code',
  {
    config: configFile,
    port,
    project: Flag.String('project').pipe(
      Flag.withDescription('What it works on, for costs and budgets (default: the name of the folder)'),
      Flag.optional,
    ),
    args: Argument.String('args').pipe(Argument.withDescription('Arguments for claude'), Argument.variadic()),
  },
  (flags) =>
    reported(
      Effect.flatMap(
        lazily(
          () => import('#cli/code.ts'),
          ({ code }) => code(loadOptions(flags), flags.args, { project: Option.getOrUndefined(flags.project) }),
        ),
        exitWith,
      ),
    ),
).pipe(Command.withDescription('Start Claude Code through a running Signalbox: signalbox code -- ARGS'))

const eventsCommand = Command.make(
  'events',
  {
    config: configFile,
    database,
    json,
    after: Flag.Int('after').pipe(
      Flag.withDescription('Start after this position (default: show the newest)'),
      Flag.optional,
    ),
    limit: Flag.Int('limit').pipe(Flag.withDescription('At most so many events'), Flag.withDefault(50)),
    type: Flag.String('type').pipe(
      Flag.withDescription('Only this type, e.g. AttemptFailed; may be repeated'),
      Flag.atLeast(0),
    ),
    stream: Flag.String('stream').pipe(Flag.withDescription('Only this stream, e.g. provider:vertex'), Flag.optional),
    request: Flag.String('request').pipe(Flag.withDescription('Only what belongs to this request id'), Flag.optional),
    since: moment('since', 'From this time on, e.g. 2026-11-23T14:03 or 15m ago'),
    until: moment('until', 'Up to this time'),
    follow: Flag.Boolean('follow').pipe(
      Flag.withAlias('f'),
      Flag.withDescription('Go on with new events'),
      Flag.withDefault(false),
    ),
  },
  (flags) =>
    withLog(
      flags,
      lazily(
        () => import('#cli/events.ts'),
        ({ events }) =>
          events({
            query: {
              ...(flags.type.length === 0 ? {} : { types: flags.type }),
              ...Option.match(flags.stream, { onNone: () => ({}), onSome: (stream) => ({ stream }) }),
              ...Option.match(flags.request, { onNone: () => ({}), onSome: (correlation) => ({ correlation }) }),
              ...Option.match(flags.since, { onNone: () => ({}), onSome: (since) => ({ since }) }),
              ...Option.match(flags.until, { onNone: () => ({}), onSome: (until) => ({ until }) }),
            },
            after: Option.getOrUndefined(flags.after),
            limit: Math.min(10_000, Math.max(1, flags.limit)),
            follow: flags.follow,
            json: flags.json,
          }),
      ),
    ),
).pipe(Command.withDescription('Show, filter and follow the event log'))

const explainCommand = Command.make(
  'explain',
  {
    config: configFile,
    database,
    json,
    request: Argument.String('request').pipe(
      Argument.withDescription('The id of the request, from x-signalbox-request-id'),
    ),
  },
  (flags) =>
    withLog(
      flags,
      lazily(
        () => import('#cli/explain.ts'),
        ({ explain }) => explain({ requestId: flags.request, json: flags.json }),
      ),
    ),
).pipe(Command.withDescription('Say why a request went where it went, and what came of it'))

const replayCommand = Command.make(
  'replay',
  { config: configFile, database, json, ...replayFlags, ...whatIfFlags },
  replayOrWhatIf,
).pipe(
  Command.withDescription('Rebuild the state from the log and compare with the recorded decisions and the snapshot'),
)

const verifyCommand = Command.make('verify', { config: configFile, database, json }, (flags) =>
  withLog(
    flags,
    lazily(
      () => import('#cli/verify.ts'),
      ({ verify }) => verify({ json: flags.json }),
    ),
  ),
).pipe(Command.withDescription('Check the integrity of the event log'))

const doctorCommand = Command.make(
  'doctor',
  {
    config: configFile,
    database,
    json,
    live: Flag.Boolean('live').pipe(
      Flag.withDescription('Make tiny real calls at each provider; they cost a fraction of a cent'),
      Flag.withDefault(false),
    ),
    claudeCode: Flag.Boolean('claude-code').pipe(
      Flag.withDescription('Have Claude Code do a small task through each provider; it costs some cents'),
      Flag.withDefault(false),
    ),
    claude: Flag.String('claude').pipe(
      Flag.withDescription('The claude to use (default: the one in the PATH)'),
      Flag.withDefault('claude'),
    ),
    yes: Flag.Boolean('yes').pipe(Flag.withDescription('Do not ask about the costs'), Flag.withDefault(false)),
    providers: Argument.String('providers').pipe(
      Argument.withDescription('Names of providers (default: all that are enabled)'),
      Argument.variadic(),
    ),
  },
  ({ live, claudeCode, claude, yes, providers, ...flags }) =>
    Effect.flatMap(
      lazily(
        () => import('#cli/doctor.ts'),
        ({ doctor }) =>
          doctor({ load: loadOptions(flags), providers, live, claudeCode, claude, yes, json: flags.json, confirm }),
      ),
      exitWith,
    ),
).pipe(Command.withDescription('Check every provider and say what to do'))

const alertsCommand = Command.make('alerts', { config: configFile, database, json }, (flags) =>
  withLog(
    flags,
    Effect.flatMap(loadConfig(loadOptions(flags)), ({ alerts }) =>
      lazily(
        () => import('#cli/alerts.ts'),
        ({ listAlerts }) => listAlerts({ config: alerts, json: flags.json }),
      ),
    ),
  ),
).pipe(
  Command.withDescription('Show the alerts that are raised'),
  Command.withSubcommands([
    Command.make(
      'test',
      {
        config: configFile,
        channel: Argument.String('channel').pipe(Argument.withDescription('A name under alerts.channels')),
      },
      (flags) =>
        reported(
          Effect.flatMap(loadConfig(loadOptions(flags)), ({ alerts }) =>
            Effect.flatMap(
              lazily(
                () => import('#cli/alerts.ts'),
                ({ testChannel }) => testChannel(alerts, flags.channel),
              ),
              exitWith,
            ),
          ),
        ),
    ).pipe(Command.withDescription('Send a test message to a channel')),
  ]),
)

const configCommand = Command.make('config').pipe(
  Command.withDescription('Check or show the configuration'),
  Command.withSubcommands([
    Command.make('check', { config: configFile }, (flags) =>
      Effect.flatMap(
        lazily(
          () => import('#cli/config.ts'),
          ({ configCheck }) => configCheck(loadOptions(flags)),
        ),
        finish,
      ),
    ).pipe(Command.withDescription('Check the configuration and say what is wrong')),
    Command.make('show', { config: configFile, json }, (flags) =>
      Effect.flatMap(
        lazily(
          () => import('#cli/config.ts'),
          ({ configShow }) => configShow(loadOptions(flags), { json: flags.json }),
        ),
        finish,
      ),
    ).pipe(Command.withDescription('Show the configuration in force, without secrets')),
  ]),
)

/** Prints what a command answers and exits with its code. */
function finish(outcome: { readonly text: string; readonly exitCode: number }) {
  const print = outcome.exitCode === 0 ? Console.log(outcome.text) : Console.error(outcome.text)
  return Effect.andThen(print, exitWith(outcome.exitCode))
}

const signalbox = Command.make('signalbox').pipe(
  Command.withDescription('A proxy between Claude Code and its model providers'),
  Command.withSubcommands([
    serveCommand,
    codeCommand,
    eventsCommand,
    replayCommand,
    tuneCommand,
    verifyCommand,
    doctorCommand,
    explainCommand,
    alertsCommand,
    keysCommand,
    captureCommand,
    costsCommand,
    archiveCommand,
    migrateCommand,
    exportCommand,
    reconcileCommand,
    simulateCommand,
    statuslineCommand,
    configCommand,
  ]),
)

const [first] = process.argv.slice(2)
// Without a command, or with flags of `serve` alone, serve.
if (
  first === undefined ||
  (first.startsWith('-') && !['--help', '-h', '--version', '--completions', '--wizard', '--log-level'].includes(first))
) {
  process.argv.splice(2, 0, 'serve')
}

// Not NodeRuntime.runMain: it interrupts on the first signal, while `serve` must first drain what is under way.
Effect.runFork(signalbox.pipe(Command.run({ version: VERSION }), Effect.provide(NodeServices.layer))).addObserver(
  (exit) => endWith(Exit.isSuccess(exit) ? 0 : exitCodeOf(exit)),
)

/** What was written into a pipe may still be on its way to a slow reader. One that is gone is an error, which ends it too. */
function endWith(code: number): void {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
}

function exitCodeOf(exit: Exit.Failure<unknown, unknown>): number {
  for (const reason of exit.cause.reasons) {
    if (reason._tag === 'Fail') return reason.error instanceof ExitCode ? reason.error.status : 2
    if (reason._tag === 'Die') {
      // A bug: it must be seen.
      process.stderr.write(`${reason.defect instanceof Error ? reason.defect.stack : String(reason.defect)}\n`)
      return 1
    }
  }
  return 130
}
