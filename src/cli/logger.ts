/**
 * Where log lines go: to standard error, so that standard output stays the command's own; pretty on a terminal, JSON elsewhere.
 * With `log.file` to that file too, always as JSON. Of a process that stays, JSON lines for a pipe or a file are written several
 * at a time.
 */
import { Console, Effect, Layer, Logger, References, type Scope } from 'effect'
import { gatherLines } from '#cli/gathered-lines.ts'
import { outliveReaders } from '#cli/lost-output.ts'
import { prettyLogger } from '#cli/pretty-logger.ts'
import { VERSION } from '#cli/version.ts'
import type { Config } from '#infra/config/config.ts'
import { type LogFile, openLogFile } from '#infra/log-file/log-file.ts'
import { jsonLogger } from '#infra/telemetry/json-logger.ts'

const LEVELS = { none: 'None', error: 'Error', warn: 'Warn', info: 'Info', debug: 'Debug', trace: 'Trace' } as const

type LogConfig = Pick<Config['log'], 'level' | 'format'>

const json = jsonLogger(VERSION)

/** Whether a stream shows colours; https://no-color.org. */
const showsColours = (): boolean => process.stderr.isTTY && (process.env.NO_COLOR ?? '') === ''

const formatOf = ({ format }: LogConfig): 'json' | 'pretty' => format ?? (process.stderr.isTTY ? 'pretty' : 'json')

const onStandardError = (log: LogConfig): Logger.Logger<unknown, void> =>
  Logger.withConsoleError(formatOf(log) === 'json' ? json : prettyLogger(showsColours()))

/** What says that something is broken may be the last that is said: it does not wait, nor does what was said before it. */
const isUrgent = ({ logLevel }: Logger.Options<unknown>): boolean => logLevel === 'Error' || logLevel === 'Fatal'

/** The same for a process that stays, until the scope closes. A person at a terminal sees every line at once. */
const onStandardErrorForLong = (log: LogConfig): Effect.Effect<Logger.Logger<unknown, void>, never, Scope.Scope> =>
  Effect.gen(function* () {
    if (formatOf(log) === 'pretty' || process.stderr.isTTY) return onStandardError(log)
    const console = yield* Console.Console
    const lines = yield* gatherLines((text) => console.error(text))
    return Logger.make((options) => {
      lines.add(json.log(options))
      if (isUrgent(options)) lines.flush()
    })
  })

const withLevel = ({ level }: LogConfig, loggers: readonly Logger.Logger<unknown, void>[]): Layer.Layer<never> =>
  Layer.mergeAll(
    Logger.layer(loggers),
    Layer.succeed(Logger.LogToStderr, true),
    Layer.succeed(References.MinimumLogLevel, LEVELS[level]),
  )

/** Standard error alone, for commands that end soon. */
export const loggerLayer = (log: LogConfig): Layer.Layer<never> => withLevel(log, [onStandardError(log)])

export interface Logging {
  readonly layer: Layer.Layer<never>
  readonly file?: LogFile
}

/** Everywhere that the configuration says, until the scope closes. */
export const startLogging = (log: Config['log']): Effect.Effect<Logging, never, Scope.Scope> =>
  Effect.gen(function* () {
    const toError = yield* onStandardErrorForLong(log)
    let toFile: Logger.Logger<unknown, void> | undefined
    const runFork = Effect.runForkWith(yield* Effect.context<never>())
    outliveReaders((stream, code) => {
      // Without a file there is nobody left to tell.
      if (toFile === undefined) return
      const told = Effect.logError(`nobody takes what goes to ${stream} any more (${code}); it is lost`)
      runFork(Effect.provide(told, withLevel(log, [toFile])))
    })
    if (log.file === undefined) return { layer: withLevel(log, [toError]) }
    // What is wrong with the file is told on standard error only: the file would grow by its own troubles.
    const file = yield* Effect.provide(openLogFile(log.file), withLevel(log, [toError]))
    toFile = Logger.make((options) => file.write(json.log(options)))
    return { file, layer: withLevel(log, [toError, toFile]) }
  })
