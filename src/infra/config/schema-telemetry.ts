/**
 * Log lines and traces. See schema.ts for the annotations.
 */
import { Schema } from 'effect'
import { sizePattern } from '#infra/config/quantities.ts'
import { TextSource } from '#infra/config/schema-alerts.ts'
import { choice, duration, flag, opt, share, text, whole } from '#infra/config/schema-leaf.ts'

const LogFile = Schema.Struct({
  path: text('a path').annotate({ description: 'The file; its folder is made.', form: 'path' }),
  maxBytes: opt(
    Schema.Union([
      Schema.String.check(Schema.isPattern(sizePattern)),
      Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
    ]).annotate({
      description: 'The file is rotated before it grows larger; at least 1 kB.',
      default: '50 MB',
      expected: 'a size such as 10 MB (or a number of bytes)',
      form: 'size',
    }),
  ),
  maxAge: duration('The file is rotated when it is so old; 0 = its age does not matter.', 86_400_000),
  keep: whole('Rotated files that stay; the oldest go.', 0, 10_000, 14),
  compress: flag('Rotated files are compressed by gzip.', true),
}).annotate({ description: 'JSON lines to a file too ([logs](logs.md#a-file)).' })

export const Log = Schema.Struct({
  level: opt(
    choice(['none', 'error', 'warn', 'info', 'debug', 'trace'], 'The least serious messages that are written.', {
      default: 'info',
    }),
  ),
  format: opt(choice(['pretty', 'json'], 'For people or for machines. Default: pretty on a terminal, JSON elsewhere.')),
  file: opt(LogFile),
}).annotate({ description: 'Log messages on standard error ([logs](logs.md)). Takes effect at the next start.' })

const Traces = Schema.Struct({
  endpoint: opt(
    text('a URL such as http://127.0.0.1:4318/v1/traces').annotate({
      description: 'Where spans are posted to, by OTLP over HTTP in JSON. Without it there are none.',
      concealed: true,
      form: 'URL',
    }),
  ),
  headers: opt(
    Schema.Record(
      Schema.String.check(Schema.isPattern(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/u)).annotate({ expected: 'a header name' }),
      TextSource.annotate({
        description:
          'A value without secrets, or `{ env: NAME }`, `{ file: PATH }` or `{ command: [PROGRAM, ARGUMENT] }`.',
        expected: 'a header value without secrets, { env: NAME }, { file: PATH } or { command: [PROGRAM, ARGUMENT] }',
        credential: true,
      }),
    ).annotate({ description: 'Additional headers for the collector.', concealed: true, entry: 'header' }),
  ),
  sampleShare: share('Share of the traces that are recorded; of those that a client began, all that it records.', 1),
  propagate: flag('Tell the providers which trace an attempt is part of (`traceparent`).', false),
}).annotate({ description: 'A trace of every request ([logs](logs.md#traces)).' })

export const Telemetry = Schema.Struct({ traces: opt(Traces) }).annotate({
  description: 'What is sent to collectors. Takes effect at the next start.',
})
