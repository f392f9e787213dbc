/**
 * The log line: one JSON object, in the names of the Elastic Common Schema (ECS 8.11), so that Elasticsearch, Logstash and Kibana
 * take it without a parser; what ECS has no name for stands under `signalbox.`. docs/log-line.schema.json and the tables of
 * docs/logs.md are generated from this schema. A field's name and meaning never change; new ones may come.
 */
import { JsonSchema, Schema } from 'effect'
import { ENDINGS } from '#domain/books.ts'

export const ECS_VERSION = '8.11.0'

const opt = Schema.optionalKey
const said = (description: string) => ({ description })
const text = (description: string) => Schema.String.annotate(said(description))
const number = (description: string) => Schema.Finite.annotate(said(description))
const count = (description: string) => Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).annotate(said(description))
const list = (description: string) => Schema.Array(Schema.String).annotate(said(description))
const choice = <const L extends readonly [string, ...string[]]>(names: L, description: string) =>
  Schema.Literals(names).annotate(said(description))

export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

const time = (description: string) =>
  Schema.String.check(Schema.isPattern(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/u)).annotate(
    said(description),
  )

const common = {
  '@timestamp': time('When it happened: ISO 8601, UTC, milliseconds'),
  'log.level': choice(LEVELS, 'How serious it is'),
  message: text('For people; its wording may change'),
  'ecs.version': choice([ECS_VERSION], 'The version of the Elastic Common Schema'),
  'service.name': choice(['signalbox'], 'Always the same'),
  'service.version': text('Version of Signalbox'),
}

const requestId = text('The request; also the response header `x-signalbox-request-id` and the id in the event log')
const traceId = Schema.String.check(Schema.isPattern(/^[0-9a-f]{32}$/u)).annotate(
  said('The W3C trace: of the client’s `traceparent`, or begun here; also the response header `x-signalbox-trace-id`'),
)

/** One a request, at its end. */
export const RequestLine = Schema.Struct({
  ...common,
  'event.dataset': choice(['signalbox.request'], 'Tells the three kinds of lines apart'),
  'event.action': choice(['request'], 'Always the same'),
  'event.outcome': choice(
    ['success', 'failure', 'unknown'],
    'As ECS has it: `unknown` for requests that were cancelled or abandoned',
  ),
  'event.start': time('When it was taken in'),
  'event.end': time('When it ended; of an abandoned one when it was found'),
  'event.duration': count('From start to end, in nanoseconds'),
  'trace.id': traceId,
  'span.id': text('Of the request’s own span'),
  'http.request.id': requestId,
  'http.request.method': choice(['POST'], 'Always the same'),
  'url.path': choice(['/v1/messages'], 'Always the same'),
  'http.response.status_code': opt(
    Schema.Int.annotate(said('What the client got; absent when it left, or when nobody knows')),
  ),
  'error.type': opt(text('Why it failed: the tag of a [reason](events.md#failurereason)')),
  'signalbox.request_id': requestId,
  'signalbox.outcome': choice(ENDINGS, 'How it ended'),
  'signalbox.model': text('As the client asked for it'),
  'signalbox.served_model': opt(text('As the provider that served names it')),
  'signalbox.provider': opt(text('Who served, or was tried last')),
  'signalbox.strategy': opt(text('By which the route was chosen')),
  'signalbox.stream': Schema.Boolean.annotate(said('Whether the client asked for a stream')),
  'signalbox.attempts': count('Attempts that were started'),
  'signalbox.fallbacks': count('Attempts beyond the first'),
  'signalbox.failed_providers': opt(list('Providers of the attempts that failed, in order')),
  'signalbox.failed_reasons': opt(list('Tags of the reasons why, in the same order')),
  'signalbox.reason': opt(
    text(
      'Why it failed, or why its last attempt did, as the tag of a reason; the same as `error.type` where it failed',
    ),
  ),
  'signalbox.ttft_ms': opt(number('From the start of the attempt that served to its first content, in milliseconds')),
  'signalbox.tokens.input': count('Uncached input tokens, of all attempts'),
  'signalbox.tokens.output': count('Output tokens, of all attempts'),
  'signalbox.tokens.cache_read': count('Tokens read from a cache'),
  'signalbox.tokens.cache_write': count('Tokens written to a cache'),
  'signalbox.cost_usd': number('What it cost in US dollars, as far as prices are known'),
  'signalbox.cost_estimated': Schema.Boolean.annotate(said('A part of the cost is an estimate')),
  'signalbox.unpriced': count('Attempts whose cost nobody knows; it is not in the cost'),
  'signalbox.session_id': opt(text('Session of Claude Code')),
  'signalbox.agent_id': opt(text('Sub-agent of Claude Code')),
  'signalbox.client_key': opt(text('Name of the client key')),
  'signalbox.project': opt(text('What the client says it works on')),
})
export type RequestLine = typeof RequestLine.Type

/** A state that changed, an attempt, what an operator did. */
export const EventLine = Schema.Struct({
  ...common,
  'event.dataset': choice(['signalbox.event'], 'Tells the three kinds of lines apart'),
  'event.action': text('The [event](events.md) in small letters with hyphens: `circuit-opened` for `CircuitOpened`'),
  'error.type': opt(text('Tag of the reason')),
  'signalbox.request_id': opt(requestId),
  'signalbox.provider': opt(text('The provider that it is about')),
  'signalbox.model': opt(text('The model that the provider was asked for')),
  'signalbox.attempt': opt(count('1 for the first of the request')),
  'signalbox.until': opt(time('How long it lasts at most, as far as is known')),
  'signalbox.features': opt(list('What the provider refuses by name')),
  'signalbox.alert': opt(text('Id of the alert')),
  'signalbox.severity': opt(choice(['info', 'warning', 'critical'], 'Of the alert')),
  'signalbox.setting': opt(text('The setting that an operator changed; never its value')),
  'signalbox.by': opt(text('The operator, as `admin 127.0.0.1`')),
})
export type EventLine = typeof EventLine.Type

/** Whatever else Signalbox has to say. */
export const MessageLine = Schema.Struct({
  ...common,
  'event.dataset': choice(['signalbox.message'], 'Tells the three kinds of lines apart'),
  labels: opt(Schema.Record(Schema.String, Schema.String).annotate(said('What belongs to the message; texts only'))),
  'error.type': opt(text('Kind of the error')),
  'error.message': opt(text('What the error says')),
  'error.stack_trace': opt(text('Where a bug was met')),
})
export type MessageLine = typeof MessageLine.Type

export const LogLine = Schema.Union([RequestLine, EventLine, MessageLine]).annotate({
  title: 'A log line of Signalbox',
})
export type LogLine = typeof LogLine.Type

/** The three kinds by their names in the documentation. */
export const LINE_KINDS = { request: RequestLine, event: EventLine, message: MessageLine } as const

/** What the writer of a line adds by itself. */
export type Given<L extends LogLine> = Omit<L, keyof typeof common>

/** A line before it is written: passed to Effect's log functions behind the message. */
export interface LineFields {
  readonly _tag: 'LineFields'
  /** Epoch ms at which it happened. */
  readonly at: number
  readonly fields: Given<RequestLine> | Given<EventLine>
}

export const isLineFields = (value: unknown): value is LineFields =>
  typeof value === 'object' && value !== null && '_tag' in value && value._tag === 'LineFields'

/** Epoch ms as ISO 8601; a time beyond the calendar, which a provider's header may tell, as the last one that there is. */
export const isoTime = (at: number): string => new Date(Math.min(Math.max(at, 0), LAST_ISO_MS)).toISOString()

/** The end of the year 9999: later ones have six digits. */
const LAST_ISO_MS = 253_402_300_799_999

/** docs/log-line.schema.json. Draft 7, which every validator knows. */
export const logLineJsonSchema = (): string => {
  const document = JsonSchema.toDocumentDraft07(Schema.toJsonSchemaDocument(LogLine, { onExcessProperty: 'error' }))
  return `${JSON.stringify({ $schema: JsonSchema.META_SCHEMA_URI_DRAFT_07, ...document.schema }, null, 2)}\n`
}
