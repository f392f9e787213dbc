/**
 * What is said by Effect's log functions as lines of docs/log-line.schema.json.
 */
import { Cause, Logger, type LogLevel, References } from 'effect'
import { ECS_VERSION, isLineFields, isoTime, type LogLine, type MessageLine } from '#infra/telemetry/log-line.ts'

/** One line without its break. */
export const jsonLogger = (version: string): Logger.Logger<unknown, string> =>
  Logger.make((options) => JSON.stringify(logLine(options, version)).replace(WHOLE_DOLLARS, '$1.0'))

/** Elasticsearch takes a field whose first value is 0 for one of whole numbers. In a text the quotes would be escaped. */
const WHOLE_DOLLARS = /("signalbox\.cost_usd":\d+)(?=[,}])/

/** What was said, apart: the words, and what was said beside them. */
export const logLine = (options: Logger.Options<unknown>, version: string): LogLine => {
  const parts: readonly unknown[] = Array.isArray(options.message) ? options.message : [options.message]
  const given = parts.find(isLineFields)
  const common = {
    '@timestamp': isoTime(given?.at ?? options.date.getTime()),
    'log.level': LEVELS[options.logLevel],
    message: parts
      .filter((part) => typeof part !== 'object')
      .map(String)
      .join(' '),
    'ecs.version': ECS_VERSION,
    'service.name': 'signalbox',
    'service.version': version,
  } as const
  if (given !== undefined) return { ...common, ...given.fields }
  const labels = Object.assign(
    {},
    ...parts.map((part) => (isPlain(part) ? part : {})),
    options.fiber.getRef(References.CurrentLogAnnotations),
  )
  const error = parts.find((part) => part instanceof Error)
  return {
    ...common,
    'event.dataset': 'signalbox.message',
    ...(Object.keys(labels).length === 0 ? {} : { labels: asTexts(labels) }),
    ...(error === undefined ? causeFields(options.cause) : errorFields(error, error.stack)),
  }
}

const LEVELS: { readonly [K in LogLevel.LogLevel]: LogLine['log.level'] } = {
  All: 'trace',
  Trace: 'trace',
  Debug: 'debug',
  Info: 'info',
  Warn: 'warn',
  Error: 'error',
  Fatal: 'fatal',
  None: 'fatal',
}

const isPlain = (part: unknown): boolean =>
  typeof part === 'object' && part !== null && Object.getPrototypeOf(part) === Object.prototype

/** Elasticsearch learns a field's type from its first value, so that all of them are texts. */
const asTexts = (labels: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(labels).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === 'string' ? value : JSON.stringify(value)]],
    ),
  )

type ErrorFields = Pick<MessageLine, 'error.type' | 'error.message' | 'error.stack_trace'>

const causeFields = (cause: Cause.Cause<unknown>): ErrorFields => {
  if (cause.reasons.length === 0) return {}
  const error = Cause.squash(cause)
  return errorFields(error instanceof Error ? error : new Error(String(error)), Cause.pretty(cause))
}

const errorFields = (error: Error, stack: string | undefined): ErrorFields => ({
  'error.type': '_tag' in error && typeof error._tag === 'string' ? error._tag : error.name,
  'error.message': error.message,
  ...(stack === undefined ? {} : { 'error.stack_trace': stack }),
})
