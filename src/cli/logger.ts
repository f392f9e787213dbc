/**
 * Log lines: JSON for machines, pretty for a terminal, on standard error so that standard output stays the command's own.
 */
import { Layer, Logger, References } from 'effect'
import type { Config } from '#infra/config/config.ts'

const LEVELS = { none: 'None', error: 'Error', warn: 'Warn', info: 'Info', debug: 'Debug', trace: 'Trace' } as const

export const loggerLayer = (log: Config['log']): Layer.Layer<never> =>
  Layer.mergeAll(
    Logger.layer([log.format === 'json' ? Logger.consoleJson : Logger.consolePretty()]),
    Layer.succeed(Logger.LogToStderr, true),
    Layer.succeed(References.MinimumLogLevel, LEVELS[log.level]),
  )
