/**
 * Where log lines go: to standard error, so that standard output stays the command's own; pretty on a terminal, JSON elsewhere.
 * With `log.file` to that file too, always as JSON.
 */
import { Effect, Layer, Logger, References, type Scope } from 'effect'
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

const onStandardError = ({ format }: LogConfig): Logger.Logger<unknown, void> =>
  Logger.withConsoleError(
    (format ?? (process.stderr.isTTY ? 'pretty' : 'json')) === 'json' ? json : prettyLogger(showsColours()),
  )

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
export const startLogging = (log: Config['log']): Effect.Effect<Logging, never, Scope.Scope> => {
  const toError = onStandardError(log)
  if (log.file === undefined) return Effect.succeed({ layer: withLevel(log, [toError]) })
  // What is wrong with the file is told on standard error only: the file would grow by its own troubles.
  return openLogFile(log.file).pipe(
    Effect.provide(loggerLayer(log)),
    Effect.map((file) => ({
      file,
      layer: withLevel(log, [toError, Logger.make((options) => file.write(json.log(options)))]),
    })),
  )
}
