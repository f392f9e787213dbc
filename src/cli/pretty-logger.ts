/**
 * Log lines for people: time, level, words; of the fields only what the words do not say.
 */
import { Logger } from 'effect'
import { printable } from '#cli/printable.ts'
import { logLine } from '#infra/telemetry/json-logger.ts'
import type { LogLine } from '#infra/telemetry/log-line.ts'

const COLOURS = { trace: 90, debug: 90, info: 32, warn: 33, error: 31, fatal: 31 } as const
const DIM = 2

/** @param isColoured whether the terminal shows colours */
export const prettyLogger = (isColoured: boolean): Logger.Logger<unknown, string> =>
  Logger.make((options) => prettyLine(logLine(options, ''), isColoured))

/** Several lines where what was said has several. */
export const prettyLine = (line: LogLine, isColoured: boolean): string => {
  const paint = (code: number, text: string) => (isColoured && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text)
  const level = line['log.level']
  const beside = besideOf(line)
  const short = beside
    .filter(([, value]) => !value.includes('\n'))
    .map(([name, value]) => ` ${name}=${printable(value)}`)
  const long = beside.filter(([, value]) => value.includes('\n')).map(([, value]) => indented(value))
  const clock = localTime(line['@timestamp'])
  const first = `${paint(DIM, clock)} ${paint(COLOURS[level], level.toUpperCase().padEnd(5))} ${printable(line.message)}`
  return [`${first}${paint(DIM, short.join(''))}`, ...long].join('\n')
}

const besideOf = (line: LogLine): readonly (readonly [string, string])[] => {
  switch (line['event.dataset']) {
    case 'signalbox.request':
      return [['request', line['signalbox.request_id']]]
    case 'signalbox.event':
      return present([
        ['reason', line['error.type']],
        ['until', line['signalbox.until']],
        ['request', line['signalbox.request_id']],
      ])
    case 'signalbox.message':
      return present([
        ...Object.entries(line.labels ?? {}),
        ['error', line['error.stack_trace'] ?? line['error.message']],
      ])
  }
}

const present = (entries: readonly (readonly [string, string | undefined])[]) =>
  entries.flatMap(([name, value]): readonly (readonly [string, string])[] =>
    value === undefined ? [] : [[name, value]],
  )

const indented = (text: string): string =>
  text
    .split('\n')
    .map((one) => `  ${printable(one)}`)
    .join('\n')

/** In the time zone of the terminal. */
const localTime = (iso: string): string => {
  const date = new Date(iso)
  const pair = (value: number) => String(value).padStart(2, '0')
  return `${pair(date.getHours())}:${pair(date.getMinutes())}:${pair(date.getSeconds())}.${iso.slice(20, 23)}`
}
