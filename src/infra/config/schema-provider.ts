/**
 * One provider in the configuration file. See schema.ts for the annotations.
 */
import { Schema } from 'effect'
import { defaultBreaker as breaker, defaultTimeouts as timeouts } from '#domain/policy.ts'
import { COUNT, choice, duration, flag, number, opt, share, text, whole } from '#infra/config/schema-leaf.ts'
import { Quirks } from '#infra/config/schema-quirks.ts'
import { ProviderTls } from '#infra/config/schema-tls.ts'
import { KINDS, PRESETS } from '#infra/upstream/presets/index.ts'

const [FIRST_PRESET = '', ...MORE_PRESETS] = [
  ...new Set(Object.values(PRESETS).flatMap(({ named }) => Object.keys(named))),
]
const PRESET_NAMES: readonly [string, ...string[]] = [FIRST_PRESET, ...MORE_PRESETS]

const header = opt(
  choice(
    ['x-api-key', 'bearer', 'api-key'],
    'How the credential is sent: `x-api-key: …`, `authorization: Bearer …` or `api-key: …`. Default: as the preset says, else `x-api-key` for the Anthropic format and `bearer` for the chat dialect.',
  ),
)

/** A reference to a credential, never the credential. */
export const Credential = Schema.Union([
  Schema.Literals(['client', 'none', 'adc']),
  Schema.Struct({
    env: text('the name of an environment variable').annotate({
      description: 'Name of the environment variable that holds the credential.',
    }),
    header,
  }),
  Schema.Struct({
    file: text('a path').annotate({
      description: 'Path of a file that holds the credential and nothing else; read again when it changes.',
    }),
    header,
  }),
  Schema.Struct({
    command: Schema.NonEmptyArray(Schema.String).annotate({
      description:
        'Program and arguments (no shell) that print the credential; asked again after 5 minutes or a refusal.',
      expected: 'a list: [program, argument, …]',
      form: 'list',
    }),
    header,
  }),
  Schema.Struct({
    adc: text('a path').annotate({
      description: 'Path of a Google credentials file (service account, login, workload identity).',
    }),
  }),
]).annotate({
  description:
    'Where the credential is found: `{ env: NAME }`, `{ file: PATH }`, `{ command: [PROGRAM, ARGUMENT] }`, `adc` (Google’s application default credentials; `{ adc: PATH }` for one file), `client` (forward the client’s own) or `none`. ' +
    'A secret itself is refused here. Default: as the preset says ([upstreams](upstreams.md#how-credentials-are-found)), else `none`.',
  expected: '{ env: NAME }, { file: PATH }, { command: [PROGRAM, ARGUMENT] }, adc, { adc: PATH }, client or none',
  credential: true,
})

const BIG = 1_000_000_000_000

const Limits = Schema.Struct({
  maxInputTokens: whole('Requests with a larger estimated input are not sent to this provider.', 1, 1_000_000_000),
  requestsPerMinute: whole('Requests per minute.', 1, BIG),
  requestsPerDay: whole('Requests per day.', 1, BIG),
  inputTokensPerMinute: whole('Input tokens per minute; cache reads do not count, unless said so.', 1, BIG),
  outputTokensPerMinute: whole('Output tokens per minute.', 1, BIG),
  tokensPerMinute: whole('Input and output tokens per minute, together.', 1, BIG),
  maxConcurrent: whole('Requests at a time.', 1, COUNT),
  countsCachedInput: flag('Cache reads count as input.', false),
  window: opt(
    choice(['bucket', 'fixed'], 'The limits refill continuously, or turn with the minute and the UTC day.', {
      default: 'bucket',
    }),
  ),
}).annotate({
  description:
    'Limits of this provider, as far as you know them; what its headers say replaces them. Requests go elsewhere before one is reached.',
})

const price = (description: string) =>
  Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })).annotate({
    description,
    expected: 'a number of US dollars',
    form: 'number',
  })

const rates = {
  input: price('Uncached input.'),
  output: price('Output.'),
  cacheRead: opt(price('Input read from the cache. Default: as `input`.')),
  cacheWrite5m: opt(price('Input written to the cache for five minutes. Default: as `input`.')),
  cacheWrite1h: opt(price('Input written to the cache for an hour. Default: as `cacheWrite5m`.')),
}

const factor = (description: string) => number(description, 0, 1_000, 1)

const Price = Schema.Struct({
  ...rates,
  tier: opt(
    Schema.Struct({
      abovePromptTokens: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000_000 })).annotate({
        description: 'The prompt has more tokens than this, cached ones included.',
        expected: 'a whole number from 1 to 1000000000',
        form: 'whole number',
      }),
      ...rates,
    }).annotate({ description: 'Prices of the whole request when its prompt is long.' }),
  ),
  fast: factor('Factor of all prices at `speed: fast`.'),
  geoUs: factor('Factor of all prices with `inference_geo: us`.'),
  batch: factor('Factor of all prices in batches.'),
  webSearchUsd: opt(
    price('US dollars per 1,000 web searches. Without it the cost of a request that searched is not known.'),
  ),
}).annotate({ description: 'US dollars per million tokens.' })

/** Pattern of a provider's model names → price. */
export const PriceRecord = Schema.Record(text('a model name; * stands for any text'), Price)
export type PriceFile = typeof PriceRecord.Type

const Timeouts = Schema.Struct({
  connect: duration('Until the connection stands.', timeouts.connectMs),
  headers: duration('From sending the request to the response headers.', timeouts.headersMs),
  firstContent: duration('From the response headers to the first content.', timeouts.firstContentMs),
  idle: duration('Longest silence of the connection in a stream.', timeouts.idleMs),
  progress: duration('Longest time without new content in a stream; pings do not count.', timeouts.progressMs),
}).annotate({ description: 'Time limits of an attempt, one per phase.' })

const Breaker = Schema.Struct({
  consecutiveFailures: whole('Failures in a row that open the circuit.', 1, COUNT, breaker.consecutiveFailures),
  consecutiveConnectFailures: whole(
    'Failures to connect in a row that open the circuit.',
    1,
    COUNT,
    breaker.consecutiveConnectFailures,
  ),
  failureRate: share('Share of failures within the window that opens the circuit (0 to 1).', breaker.failureRateShare),
  minimumOutcomes: whole('Outcomes in the window before `failureRate` counts.', 1, COUNT, breaker.minimumOutcomes),
  window: duration('The window of `failureRate`.', breaker.windowMs),
  openBase: duration('First open time; it doubles with each re-opening.', breaker.openBaseMs),
  openCap: duration('Longest open time.', breaker.openCapMs),
  openJitter: share('Random part of the open time, up and down (0 to 1).', breaker.openJitterShare),
  forgiveAfter: duration(
    'Without opening for so long, the next opening starts from `openBase`.',
    breaker.forgiveAfterMs,
  ),
  probeSuccesses: whole('Successful probes that close the circuit.', 1, COUNT, breaker.probeSuccesses),
  probeLease: duration('A probe without an answer gives way to the next after this.', breaker.probeLeaseMs),
  ramp: duration('After closing, traffic grows from `rampFloor` to all of it over this time.', breaker.rampMs),
  rampFloor: share('Share of traffic at the start of the ramp (0 to 1).', breaker.rampFloorShare),
  throttleBase: duration('First back-off after a 429 that names no time.', breaker.throttleBaseMs),
  throttleCap: duration('Longest back-off after a 429 that names no time.', breaker.throttleCapMs),
  throttleMax: duration('Longest `retry-after` that is believed.', breaker.throttleMaxMs),
  credentialRetry: duration('A refused credential is tried again after this.', breaker.credentialRetryMs),
  quotaRetry: duration('An exhausted quota without a reset time is tried again after this.', breaker.quotaRetryMs),
}).annotate({ description: 'When this provider is left alone, and how it comes back.' })

export const modelNames = (description: string) =>
  Schema.Record(
    text('a model name; * stands for any text'),
    text('a model name (in quotes if it looks like a number)'),
  ).annotate({ description, entry: 'pattern' })

const setting = (description: string) => opt(text('a text').annotate({ description }))

export const Provider = Schema.Struct({
  kind: choice(KINDS, 'What the provider is, or speaks.'),
  preset: opt(
    choice(PRESET_NAMES, 'Which known server it is; [upstreams](upstreams.md) lists the presets of each kind.'),
  ),
  baseUrl: opt(
    text('a URL such as https://api.example.com').annotate({
      description:
        'Where its API lives: in the Anthropic format without `/v1`, in the chat dialect with it. Default: as the preset says.',
      concealed: true,
      form: 'URL',
    }),
  ),
  project: setting(
    'Google Cloud project. Default: `GOOGLE_CLOUD_PROJECT`, `GCLOUD_PROJECT`, `ANTHROPIC_VERTEX_PROJECT_ID`.',
  ),
  location: setting(
    'Google Cloud location: `global`, `us`, `eu` or a region. Default: `CLOUD_ML_REGION`, else `global`.',
  ),
  workspace: setting('Workspace of Claude on Google Cloud, managed by Anthropic.'),
  organization: setting('GitHub organization that pays.'),
  region: setting('AWS region. Default: `AWS_REGION`, `AWS_DEFAULT_REGION`.'),
  resource: setting('Name of the Azure resource. Default for Claude in Foundry: `ANTHROPIC_FOUNDRY_RESOURCE`.'),
  apiVersion: setting('Azure’s `api-version`, where an endpoint needs one.'),
  credential: opt(Credential),
  models: opt(
    modelNames(
      'What the client asks for → what this provider is asked for; `*` is a wildcard, the longest pattern wins. What no entry covers: the preset’s own map, else the provider’s spelling of Claude’s names, else the same name ([upstreams](upstreams.md#how-models-are-named)).',
    ),
  ),
  chatModels: opt(
    Schema.Array(Schema.NonEmptyString).annotate({
      description:
        'OpenRouter: its models that are asked through chat completions instead of the Anthropic format; `*` is a wildcard.',
      expected: 'a list of model names; * stands for any text',
      form: 'list',
    }),
  ),
  quirks: opt(Quirks),
  extraBody: opt(
    Schema.Record(
      text('a name'),
      Schema.Unknown.annotate({ description: 'Any value.', expected: 'any value', form: 'any value' }),
    ).annotate({
      description:
        'Members added to every request body that does not have them, e.g. OpenRouter’s `provider`; no secrets.',
      entry: 'member',
    }),
  ),
  limits: opt(Limits),
  prices: opt(
    PriceRecord.annotate({
      description:
        'What its models cost, by its own names of them; `*` is a wildcard. Known models have their list prices without it ([costs](costs.md#prices)).',
      entry: 'pattern',
    }),
  ),
  timeouts: opt(Timeouts),
  breaker: opt(Breaker),
  priority: number('The strategy `priority` tries lower numbers first.', -1_000_000, 1_000_000, 100),
  enabled: flag('False takes the provider out of the routing.', true),
  headers: opt(
    Schema.Record(
      Schema.String.check(Schema.isPattern(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/u)).annotate({ expected: 'a header name' }),
      Schema.String.annotate({ expected: 'a header value (in quotes if it looks like a number)', form: 'text' }),
    ).annotate({ description: 'Additional request headers for this provider.', concealed: true, entry: 'header' }),
  ),
  tls: opt(ProviderTls),
  allowPrivate: opt(
    Schema.Boolean.annotate({
      description:
        'Whether its name may lead to private and loopback addresses. Default: true where `baseUrl` has such an address, or a name that no stranger can own (`localhost`, one without a dot, or in `.local`, `.internal`, `.home.arpa`), else false. Link-local addresses and those of metadata services are never connected to ([security](security.md#where-signalbox-connects-to)).',
      expected: 'true or false',
      form: 'true | false',
    }),
  ),
  proxy: opt(
    text('a URL such as http://proxy.example.com:3128').annotate({
      description: 'HTTP proxy towards this provider; overrides the proxy variables of the environment.',
      concealed: true,
      form: 'URL',
    }),
  ),
}).annotate({
  description: 'One provider.',
  hint: {
    apiKey: 'credential',
    key: 'credential',
    token: 'credential',
    url: 'baseUrl',
    type: 'kind',
    org: 'organization',
    offering: 'preset',
  },
})
