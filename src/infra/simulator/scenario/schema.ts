/**
 * A scenario file: a virtual world as an operator would describe it, and what is to come of it. docs/scenario.schema.json is made of
 * it, and the errors of read-scenario.ts. Times are counted from the beginning of the world.
 */
import { JsonSchema, Schema } from 'effect'
import { STRATEGIES } from '#domain/policy.ts'
import { durationPattern } from '#infra/config/quantities.ts'
import { choice, duration, flag, number, opt, share, text, whole } from '#infra/config/schema-leaf.ts'

/** A duration without a default. */
const time = (description: string) =>
  Schema.Union([
    Schema.String.check(Schema.isPattern(durationPattern)),
    Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)),
  ]).annotate({ description, expected: 'a duration such as 90 s, 20 min or 1 h', form: 'duration' })

/** Numbers without a default: what is not said does not change. */
const factor = (description: string) =>
  opt(
    Schema.Finite.check(Schema.isBetween({ minimum: 0.01, maximum: 100 })).annotate({
      description,
      expected: 'a number from 0.01 to 100',
      form: 'number',
    }),
  )
const part = (description: string) =>
  opt(
    Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })).annotate({
      description,
      expected: 'a number from 0 to 1',
      form: 'number',
    }),
  )
const most = (description: string) =>
  opt(
    Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)).annotate({
      description,
      expected: 'a number, 0 or above',
      form: 'number',
    }),
  )

const Agents = Schema.Struct({
  share: share('Share of the steps of a conversation that start sub-agents.', 0.04),
  least: whole('So many at once at least.', 1, 50, 1),
  most: whole('So many at once at most.', 1, 50, 4),
}).annotate({ description: 'How people use sub-agents.' })

const OUTAGES = ['refused', 'errors', 'overloaded', 'silent', 'brownOut'] as const

export const Event = Schema.Struct({
  from: time('When it begins.'),
  until: opt(time('When it is over (default: never).')),
  outage: opt(
    choice(
      OUTAGES,
      'Nothing works: no connection (`refused`), status 500 (`errors`), status 529 (`overloaded`), silence (`silent`); or it is slow, and a third of the requests fail (`brownOut`).',
    ),
  ),
  slower: factor('Times to the first token are so many times as long.'),
  limits: factor('Limits are so many times as large.'),
  others: part('Share of the limits that others use.'),
  price: factor('Times the list price, from then on; `until` does not end it.'),
}).annotate({ description: 'What happens at a provider; times count from the beginning of the world.' })

const Limits = Schema.Struct({
  requestsPerMinute: whole('Requests.', 1, 1_000_000),
  inputTokensPerMinute: whole('Tokens of prompts, without those read from the cache.', 1, 1_000_000_000),
  outputTokensPerMinute: whole('Tokens of answers.', 1, 1_000_000_000),
  maxConcurrent: whole('Requests at once.', 1, 10_000),
  window: opt(
    choice(['bucket', 'fixed'], 'Room comes back steadily, or with each minute.').annotate({ default: 'bucket' }),
  ),
}).annotate({ description: 'What it enforces (default: nothing).' })

const Latency = Schema.Struct({
  median: duration('Half of the answers begin later than this, when the whole prompt is in the cache.', 1_300),
  sigma: number('Spread of its logarithm.', 0, 2, 0.35),
  perToken: duration('From one token of the answer to the next.', 16),
  perFreshToken: number('Milliseconds for each token of the prompt that is not in the cache.', 0, 10, 0.025),
}).annotate({ description: 'How fast it is.' })

const Failures = Schema.Struct({
  error: share('Status 500.', 0.001),
  overloaded: share('Status 529.', 0.003),
  reset: share('The connection breaks before the answer.', 0.0005),
  broken: share('It breaks in the middle of the answer.', 0.0005),
}).annotate({ description: 'Shares of its requests that fail in ordinary times.' })

const Provider = Schema.Struct({
  price: factor('Times the list price (default 1).'),
  cache: flag('It has a prompt cache; without one a request costs all its tokens.', true),
  limits: opt(Limits),
  told: opt(
    choice(
      ['headers', 'configured', 'nobody'],
      'Who tells Signalbox of the limits: the answers, its configuration, or nobody.',
    ).annotate({ default: 'headers' }),
  ),
  retryAfter: flag('A refusal says when to come back.', true),
  others: share('Share of the limits that others use.', 0),
  latency: opt(Latency),
  failures: opt(Failures),
  events: opt(Schema.Array(Event).annotate({ description: 'What happens at it.', expected: 'a list', form: 'list' })),
}).annotate({ description: 'One provider, as it really is.' })

const name = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9]+([_-][A-Za-z0-9]+)*$/u)).annotate({
  expected: 'a name of letters and digits, with single - or _ between',
})

const Span = Schema.Struct({ least: part('At least this share.'), most: part('At most this share.') })

const Expect = Schema.Struct({
  served: part('At least this share of the turns is served.'),
  refusals: most('At most so many answers with status 429 from all providers.'),
  ttftP95Ms: most('At most so many milliseconds to the first token in 95 of 100 turns.'),
  switchShare: part('At most this share of the turns goes to another provider than the one before.'),
  opened: opt(
    Schema.Array(name).annotate({
      description: 'Circuits of these providers open.',
      expected: 'a list of providers',
      form: 'list',
    }),
  ),
  recovered: opt(
    Schema.Array(name).annotate({
      description: 'Of these it opens, and is closed again in the end.',
      expected: 'a list of providers',
      form: 'list',
    }),
  ),
  share: opt(
    Schema.Record(name, Span).annotate({ description: 'Share of the turns by the provider that served them.' }),
  ),
}).annotate({ description: 'What must come of it; `signalbox simulate` says what is missed.' })

/** Days enough to see any pattern, hours enough for memory. */
const MOST_HOURS = 168

export const Scenario = Schema.Struct({
  about: text('a line of text').annotate({ description: 'What it shows, in one line.' }),
  hours: number('How long people work.', 0.01, MOST_HOURS, 2),
  users: whole('People who work.', 1, 500, 6),
  model: opt(
    text('the name of a model with a list price').annotate({
      description: 'What all of them ask for.',
      default: 'claude-sonnet-5-5',
    }),
  ),
  cacheLifetime: opt(choice(['5m', '1h'], 'How long prompt caches live.').annotate({ default: '5m' })),
  leavesShare: share('Share of the requests that are given up by the person in front.', 0.01),
  agents: opt(Agents),
  strategy: opt(choice(STRATEGIES, 'How Signalbox routes.').annotate({ default: 'intelligent' })),
  providers: Schema.Record(name, Provider).annotate({
    description: 'The providers by their names, in the order of their priority.',
    entry: 'name',
  }),
  expect: opt(Expect),
}).annotate({ title: 'A scenario for signalbox simulate' })
export type Scenario = typeof Scenario.Type
export type ScenarioProvider = typeof Provider.Type
export type ScenarioEvent = typeof Event.Type
export type Expectations = typeof Expect.Type

/** docs/scenario.schema.json: for editors that complete and check YAML. Draft 7, which all of them know. */
export const scenarioJsonSchema = (): string => {
  const document = JsonSchema.toDocumentDraft07(Schema.toJsonSchemaDocument(Scenario, { onExcessProperty: 'error' }))
  return `${JSON.stringify({ $schema: JsonSchema.META_SCHEMA_URI_DRAFT_07, ...document.schema }, null, 2)}\n`
}
