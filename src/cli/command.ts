/**
 * What commands share: flags, loading the configuration by them, and turning typed errors into messages and exit codes: 0 done,
 * 1 failed, 2 wrong usage.
 */
import { Console, Data, Effect, Option } from 'effect'
import { Flag } from 'effect/cli'
import { parseMoment } from '#cli/moment.ts'
import type { Config } from '#infra/config/config.ts'
import { type FlagSetting, type LoadOptions, loadConfig } from '#infra/config/load.ts'

export const configFile = Flag.String('config').pipe(
  Flag.withDescription('Configuration file (default: SIGNALBOX_CONFIG, ./signalbox.yaml, then the XDG config folder)'),
  Flag.optional,
)
export const port = Flag.String('port').pipe(
  Flag.withDescription('Port to listen on (default 8080; 0 takes a free one)'),
  Flag.optional,
)
export const host = Flag.String('host').pipe(
  Flag.withDescription('Address to listen on (default 127.0.0.1)'),
  Flag.optional,
)
export const logLevel = Flag.String('log-level').pipe(
  Flag.withDescription('none, error, warn, info, debug or trace'),
  Flag.optional,
)
export const database = Flag.String('database').pipe(
  Flag.withDescription('The event log, e.g. sqlite:/path/events.db (default: as configured)'),
  Flag.optional,
)
export const json = Flag.Boolean('json').pipe(Flag.withDescription('Print JSON'), Flag.withDefault(false))

export interface CommonFlags {
  readonly config?: Option.Option<string>
  readonly port?: Option.Option<string>
  readonly host?: Option.Option<string>
  readonly logLevel?: Option.Option<string>
  readonly database?: Option.Option<string>
}

const KEYS: readonly (readonly [keyof CommonFlags, string, readonly string[]])[] = [
  ['port', '--port', ['server', 'port']],
  ['host', '--host', ['server', 'host']],
  ['logLevel', '--log-level', ['log', 'level']],
  ['database', '--database', ['database', 'url']],
]

export const loadOptions = (flags: CommonFlags): LoadOptions => ({
  file: flags.config === undefined ? undefined : Option.getOrUndefined(flags.config),
  flags: KEYS.flatMap(([name, flag, path]): FlagSetting[] => {
    const value = flags[name]
    return value !== undefined && Option.isSome(value) ? [{ flag, path, value: value.value }] : []
  }),
})

/** A command that failed, or was used wrongly, after it has said why. */
export class ExitCode extends Data.TaggedError('ExitCode')<{ readonly status: number }> {}

export const exitWith = (status: number) => (status === 0 ? Effect.void : Effect.fail(new ExitCode({ status })))

/** Expected failures are said in one message on standard error, without a stack. */
export const reported = <A, E extends { readonly _tag: string; readonly message: string }, R>(
  effect: Effect.Effect<A, E | ExitCode, R>,
): Effect.Effect<A, ExitCode, R> =>
  Effect.catch(effect, (error) =>
    error instanceof ExitCode
      ? Effect.fail(error)
      : Effect.andThen(Console.error(error.message), Effect.fail(new ExitCode({ status: 1 }))),
  )

/**
 * Runs what a module gives, and loads it only then: a command that loads all the others, the servers and the databases, takes
 * three times as long to answer.
 */
export const lazily = <M, A, E, R>(load: () => Promise<M>, run: (module: M) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(Effect.promise(load), run)

/** Runs a command that reads the log which flags and configuration name. */
export const withLog = <E extends { readonly _tag: string; readonly message: string }, R>(
  flags: CommonFlags,
  command: Effect.Effect<number, E, R>,
) =>
  reported(
    Effect.gen(function* () {
      const config = yield* loadConfig(loadOptions(flags))
      const status = yield* lazily(
        () => import('#cli/database.ts'),
        ({ readOnlyDatabaseLayer }) => Effect.provide(command, readOnlyDatabaseLayer(config.database.url)),
      )
      yield* exitWith(status)
    }),
  )

/** The flags that name a Signalbox, running or not. */
export const ofBox = { config: configFile, port, database, json }

/** Runs a command on the Signalbox that they name. */
export const onBox = <E extends { readonly _tag: string; readonly message: string }, R>(
  flags: CommonFlags,
  command: (config: Config) => Effect.Effect<number, E, R>,
) => reported(Effect.flatMap(loadConfig(loadOptions(flags)), (config) => Effect.flatMap(command(config), exitWith)))

export const moment = (name: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withDescription(description),
    Flag.mapTryCatch(
      (text) => parseMoment(text),
      (error) => (error instanceof Error ? error.message : String(error)),
    ),
    Flag.optional,
  )
