/**
 * What Signalbox tells of by itself, and to whom. See schema.ts for the annotations.
 */
import { Schema } from 'effect'
import { defaultAlertRules as rules } from '#domain/alerts/rules.ts'
import { ALERT_KINDS } from '#domain/policy.ts'
import { durationPattern, formatDuration, sizePattern } from '#infra/config/quantities.ts'
import { COUNT, choice, duration, flag, opt, text, whole } from '#infra/config/schema-leaf.ts'

/** A threshold; null and 0 are off. */
const amount = (description: string, what: string, maximum: number, standard: number | null) =>
  opt(
    Schema.NullOr(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum }))).annotate({
      description,
      default: standard,
      expected: `${what} (0 or null = off)`,
      form: 'number',
    }),
  )

const usd = (description: string) => amount(description, 'a number of US dollars', COUNT, null)

const time = (description: string, standardMs: number | null) =>
  opt(
    Schema.Union([
      Schema.String.check(Schema.isPattern(durationPattern)),
      Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)),
      Schema.Null,
    ]).annotate({
      description,
      default: standardMs === null ? null : formatDuration(standardMs),
      expected: 'a duration such as 500 ms, 10 s, 5 min or 1 h (0 or null = off)',
      form: 'duration',
    }),
  )

/** Not a provider's credential, so without a header and without the words that only providers know. */
export const TextSource = Schema.Union([
  Schema.String,
  Schema.Struct({
    env: text('the name of an environment variable').annotate({
      description: 'Name of the environment variable that holds it.',
    }),
  }),
  Schema.Struct({
    file: text('a path').annotate({
      description: 'Path of a file that holds it and nothing else; read again when it changes.',
    }),
  }),
  Schema.Struct({
    command: Schema.NonEmptyArray(Schema.String).annotate({
      description: 'Program and arguments (no shell) that print it; asked again after 5 minutes.',
      expected: 'a list: [program, argument, …]',
      form: 'list',
    }),
  }),
])

const Channel = Schema.Struct({
  kind: choice(['webhook', 'command'], 'What it is: a URL that is posted to, or a program that is run.'),
  url: opt(
    TextSource.annotate({
      description:
        'Of a webhook: where to post. A URL that holds a secret, such as Slack’s, is a reference: `{ env: NAME }`, `{ file: PATH }` or `{ command: [PROGRAM, ARGUMENT] }`.',
      expected: 'a URL without secrets, { env: NAME }, { file: PATH } or { command: [PROGRAM, ARGUMENT] }',
      credential: true,
    }),
  ),
  format: opt(
    choice(
      ['json', 'slack'],
      'Of a webhook: what is posted ([alerts](alerts.md#what-a-webhook-gets)). Mattermost and Rocket.Chat take Slack’s form.',
      { default: 'json' },
    ),
  ),
  headers: opt(
    Schema.Record(
      Schema.String.check(Schema.isPattern(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/u)).annotate({ expected: 'a header name' }),
      TextSource.annotate({
        description: 'A value without secrets, or a reference as for `url`.',
        expected: 'a header value without secrets, { env: NAME }, { file: PATH } or { command: [PROGRAM, ARGUMENT] }',
        credential: true,
      }),
    ).annotate({ description: 'Of a webhook: additional request headers.', concealed: true, entry: 'header' }),
  ),
  argv: opt(
    Schema.NonEmptyArray(Schema.String).annotate({
      description: 'Of a command: program and arguments (no shell). It gets the news as JSON on its standard input.',
      expected: 'a list: [program, argument, …]',
      form: 'list',
    }),
  ),
}).annotate({ description: 'One channel.' })

const name = Schema.String.check(
  Schema.isPattern(/^[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*$/u),
  Schema.isMaxLength(64),
).annotate({
  expected: 'a name of letters and digits, with single - or _ between (at most 64 characters)',
})

const Silence = Schema.Struct({
  kind: opt(choice(ALERT_KINDS, 'Only alerts of this kind.')),
  subject: opt(
    text('the name of a provider or a budget').annotate({
      description: 'Only alerts about this: a provider, a budget, or one of their parts.',
    }),
  ),
  until: opt(
    text('a time such as 2026-12-01T08:00Z').annotate({
      description: 'When it ends; without it, when it is taken out of the file.',
    }),
  ),
}).annotate({ description: 'One silence.' })

export const Alerts = Schema.Struct({
  costPerHour: usd('US dollars in the last hour.'),
  costPerDay: usd('US dollars in the last 24 hours.'),
  costForecast: usd('US dollars in the calendar month (UTC), as it will end by the last seven days.'),
  costSpike: amount(
    'Times as much in the last hour as in a usual one; from 1 US dollar on, and after a day of history.',
    'a number',
    COUNT,
    rules.costSpikeTimes,
  ),
  budget: opt(
    Schema.Array(Schema.Finite.check(Schema.isBetween({ minimum: 0.01, maximum: 10 }))).annotate({
      description: 'Used shares of every budget, each an alert of its own; an empty list = off.',
      default: rules.budgetShares,
      expected: 'a list of shares from 0.01 to 10, such as [0.5, 0.8, 1]',
      form: 'list',
    }),
  ),
  errorRate: amount(
    'Share of the requests, or of a provider’s attempts, that fail.',
    'a number from 0 to 1',
    1,
    rules.errorRateShare,
  ),
  latency: time(
    'What one in twenty answers takes or more from its request to its first content, at most 2 min.',
    rules.latencyMs,
  ),
  window: duration('Over so long `errorRate` and `latency` are measured, from 10 s to 15 min.', rules.windowMs),
  minimumRequests: whole(
    'With fewer outcomes in the window, `errorRate` and `latency` raise nothing.',
    1,
    COUNT,
    rules.minimumOutcomes,
  ),
  providerDown: time('A provider has been down for so long.', rules.providerDownMs),
  providerRetired: flag('A provider says that it is gone for good.', rules.providerRetired),
  limitForecast: flag('A limit of a day will be used up before it resets.', rules.limitForecast),
  priceUnknown: flag('Something was used of which nobody knows the price.', rules.priceUnknown),
  logFailing: flag('The event log cannot write.', rules.logFailing),
  diskSpace: opt(
    Schema.Union([
      Schema.String.check(Schema.isPattern(sizePattern)),
      Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
      Schema.Null,
    ]).annotate({
      description: 'Less than this is free where the event log lies.',
      default: '1 GB',
      expected: 'a size such as 500 MB or 1 GB (0 or null = off)',
      form: 'size',
    }),
  ),
  digest: duration('News is gathered for so long before it is sent, as one message.', 30_000),
  channels: opt(
    Schema.Record(name, Channel).annotate({
      description: 'Who is told, by their names; beside them the log always is.',
      entry: 'channel',
    }),
  ),
  silences: opt(
    Schema.Record(name, Silence).annotate({
      description: 'What the channels are not told of for a while, by names of your choice.',
      entry: 'silence',
    }),
  ),
}).annotate({ description: 'What Signalbox tells of by itself ([alerts](alerts.md)). 0 or null switches a kind off.' })
