/**
 * The configuration file as one schema. Everything else is generated from it: decoding, the names of environment variables,
 * suggestions for mistaken keys, docs/configuration.md and docs/configuration.schema.json. To add a key: add it here with a
 * description and its default, then use it in resolve.ts.
 *
 * Annotations beyond Effect's own: `expected` names the right form in errors; `later` lists names (keys of a block, values of
 * a choice) that a coming version knows; `hint` maps wrong names to the right ones; `concealed` values are never shown.
 */
import { Schema } from 'effect'
import { KEY_MODES } from '#domain/client-key.ts'
import { defaultPolicy as policy, REQUEST_KINDS, STRATEGIES } from '#domain/policy.ts'
import { Alerts } from '#infra/config/schema-alerts.ts'
import { Capture } from '#infra/config/schema-capture.ts'
import { Cluster } from '#infra/config/schema-cluster.ts'
import { Database } from '#infra/config/schema-database.ts'
import { COUNT, choice, duration, flag, number, opt, share, size, text, whole } from '#infra/config/schema-leaf.ts'
import { Budgets, timeZone } from '#infra/config/schema-money.ts'
import { modelNames, Provider } from '#infra/config/schema-provider.ts'
import { Shadow } from '#infra/config/schema-shadow.ts'
import { Log, Telemetry } from '#infra/config/schema-telemetry.ts'
import { ServerTls } from '#infra/config/schema-tls.ts'

const Providers = Schema.Record(
  Schema.String.check(Schema.isPattern(/^[A-Za-z0-9]+([_-][A-Za-z0-9]+)*$/u), Schema.isMaxLength(64)).annotate({
    expected: 'a name of letters and digits, with single - or _ between (at most 64 characters)',
  }),
  Provider,
).annotate({
  description:
    'The providers by their names. Without this block providers are found from the environment ([upstreams](upstreams.md#how-credentials-are-found)).',
  entry: 'id',
})

const Weights = Schema.Struct({
  headroom: number('Room that is left in the limits.', 0, COUNT, policy.routing.weights.headroom),
  performance: number('Speed.', 0, COUNT, policy.routing.weights.performance),
  cost: number('Cost of the request.', 0, COUNT, policy.routing.weights.cost),
  reliability: number('Success of late.', 0, COUNT, policy.routing.weights.reliability),
}).annotate({ description: 'What counts how much in the strategy `intelligent`; only the proportions matter.' })

const Rule = Schema.Struct({
  kind: opt(
    choice(
      REQUEST_KINDS,
      'Only requests of this kind: the conversation itself, those of sub-agents, or background calls (titles, summaries, searches).',
    ),
  ),
  model: opt(
    text('a model name, with * for any text').annotate({
      description: 'Only requests for such a model, as the client names it.',
    }),
  ),
  strategy: opt(choice(STRATEGIES, 'How they are routed, unless the client asks for another.')),
  only: opt(
    Schema.Array(text('the name of a provider')).annotate({
      description: 'The only providers that may serve them.',
      expected: 'a list of names of providers',
      form: 'list',
    }),
  ),
}).annotate({ description: 'One rule.' })

const Rules = Schema.Record(
  Schema.String.check(Schema.isPattern(/^[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*$/u), Schema.isMaxLength(64)).annotate({
    expected: 'a name of letters and digits, with single - or _ between (at most 64 characters)',
  }),
  Rule,
).annotate({ description: 'Exceptions by their names. The first that fits a request counts.', entry: 'rule' })

const Routing = Schema.Struct({
  strategy: opt(choice(STRATEGIES, 'How the order of providers is chosen.', { default: policy.routing.strategy })),
  weights: opt(Weights),
  limitThreshold: share(
    'A request goes elsewhere when it would use more than this share of a limit.',
    policy.routing.limitThreshold,
  ),
  substitutes: opt(
    choice(
      ['last', 'equal'],
      'Providers that would answer with another model than the asked one: `last` asks them only after all others, `equal` by their score. The strategy `priority` keeps your order.',
      {
        default: policy.routing.substitutes,
      },
    ),
  ),
  exploration: share(
    'Share of the requests that goes to any candidate that only its score puts behind the best, so that the others are known too.',
    policy.routing.explorationShare,
  ),
  rules: opt(Rules),
  maxFallbacks: whole('Providers tried after the first one failed.', 0, 100, policy.routing.maxFallbacks),
  fallbackDelay: duration('Pause before a fallback.', policy.routing.fallbackDelayMs),
  queue: duration(
    'A request waits so long, instead of failing, for limits of which nobody has room now; 0 = not at all.',
    0,
  ),
  deadline: duration('From admission of a request to its first byte or its error.', policy.routing.deadlineMs),
  shadow: opt(Shadow),
}).annotate({ description: 'How a request finds its provider ([routing](routing.md)).' })

const RetryBudget = Schema.Struct({
  tokens: number('Tokens of a full bucket; each extra attempt takes one.', 0, COUNT, policy.retryBudget.tokens),
  perSuccess: number('Tokens that a success gives back.', 0, COUNT, policy.retryBudget.perSuccess),
  reserve: number('No extra attempt with fewer tokens than this.', 0, COUNT, policy.retryBudget.reserve),
}).annotate({ description: 'Keeps fallbacks from multiplying the load when everything fails.' })

const StreamRules = Schema.Struct({
  commitHeadersAfter: duration(
    'A silent stream gets its response headers after this, so that the client sees life.',
    policy.stream.commitHeadersAfterMs,
  ),
  keepAlive: duration('Longest silence towards the client while content is held back.', policy.stream.keepAliveMs),
}).annotate({ description: 'Streaming towards the client.' })

/** Where a token of the admin API is found; never the token. */
const tokenReference = (description: string) =>
  opt(
    Schema.Union([
      Schema.Struct({
        env: text('the name of an environment variable').annotate({
          description: 'Name of the environment variable that holds it.',
        }),
      }),
      Schema.Struct({
        file: text('a path').annotate({ description: 'Path of a file that holds it and nothing else.' }),
      }),
    ]).annotate({ description, expected: '{ env: NAME } or { file: PATH }', credential: true }),
  )

const Server = Schema.Struct({
  host: opt(
    text('a host name or address').annotate({
      description:
        'Address to listen on. Beyond loopback, everyone who reaches it can use the providers, unless `clientKeys` is `required`.',
      default: '127.0.0.1',
    }),
  ),
  port: whole('Port to listen on; 0 takes a free one.', 0, 65_535, 8080),
  bodyLimit: opt(size('Largest request body; larger ones get 413.').annotate({ default: '32 MiB' })),
  allowedHosts: opt(
    Schema.Array(text('a host name')).annotate({
      description: 'Names accepted in the `Host` header besides loopback and the address listened on.',
      default: [],
      expected: 'a list of host names',
      form: 'list',
    }),
  ),
  tls: opt(ServerTls),
  maxConnectionsPerAddress: whole(
    'Connections at a time from one address; more are refused. 0 = any number. Default: 100, and any number from loopback.',
    0,
    COUNT,
  ),
  maxRequests: whole(
    'Requests under way at a time; more get 529 ([operations](operations.md#overload)). Default: by the memory, from 100 to 4000.',
    1,
    COUNT,
  ),
  bodyMemory: opt(
    size(
      'Bytes of request bodies held at a time, at least `bodyLimit`; more get 529. Default: an eighth of the memory, at most 1 GiB.',
    ),
  ),
  openMetrics: opt(
    Schema.Boolean.annotate({
      description:
        '`/metrics`, and more of `/health` than the status, need no token. Default: true on a loopback address, false beyond.',
      expected: 'true or false',
      form: 'true | false',
    }),
  ),
  drainTimeout: duration(
    'Longest time from the beginning of a stop until requests still under way are broken off.',
    300_000,
  ),
  stopDelay: duration(
    'After SIGTERM new requests are served for so long, while `/readyz` is 503 already ([operations](operations.md#stop)). 0 = none are.',
    5_000,
  ),
  requestTimeout: duration('Longest time a client may take to send its request.', 300_000),
  sendTimeout: duration(
    'Longest time a client may take nothing of its answer while some of it waits; then it counts as one that has left. 0 = any time.',
    600_000,
  ),
  adminToken: tokenReference(
    'Where the token of the admin API and the dashboard is found ([admin](admin.md#tokens)). Default: `SIGNALBOX_ADMIN_TOKEN`, else a token that Signalbox makes and keeps in the file `admin-token` beside the event log.',
  ),
  readToken: tokenReference('Where a second token is found, which may look at everything and change nothing.'),
  corsOrigins: opt(
    Schema.Array(text('an origin such as https://ops.example.com')).annotate({
      description: 'Other origins whose pages may call the admin API.',
      default: [],
      expected: 'a list of origins',
      form: 'list',
    }),
  ),
  clientKeys: opt(
    choice(
      KEY_MODES,
      'Keys of clients to Signalbox ([client keys](client-keys.md)): `off` does not look at them, `optional` recognises them and serves clients without one too, `required` serves nobody without one.',
      { default: 'optional' },
    ),
  ),
}).annotate({ description: 'The HTTP server.' })

const Prices = Schema.Struct({
  file: opt(
    text('a path').annotate({
      description: 'A JSON file of prices; read again when it changes.',
      form: 'path',
    }),
  ),
  url: opt(
    text('a URL such as https://prices.example.com/data.json').annotate({
      description: 'Where such a file is fetched from, at the start and once a day; `file` goes before it.',
      concealed: true,
      form: 'URL',
    }),
  ),
}).annotate({ description: 'Prices that are newer than this release ([costs](costs.md#prices)).' })

const Retention = Schema.Struct({
  detail: duration(
    'Requests older than this go from the log to an archive, once a day; at least 1 d. 0 = they stay for ever. Sums of tokens and costs stay in any case.',
    0,
  ),
  archive: opt(
    text('a path').annotate({
      description: 'Folder of the archives. Default: `archive` beside the event log.',
      form: 'path',
    }),
  ),
}).annotate({ description: 'How long requests are kept in full ([operations](operations.md#archives)).' })

const HealthChecks = Schema.Struct({
  interval: duration(
    'From one check of a provider to its next, at least 1 s; 0 = no checks. Who has served a request within this time is not asked.',
    60_000,
  ),
}).annotate({
  description:
    'Asks the providers whether they answer, by requests that cost nothing ([routing](routing.md#health-checks)).',
})

const Features = Schema.Struct({
  simulator: opt(
    choice(
      ['auto', 'on', 'off'],
      'Simulated providers: `auto` starts them when there is neither a file nor a provider, `on` always, `off` never.',
      { default: 'auto' },
    ),
  ),
  modelDiscovery: flag('Ask the providers for their models and list them at `/v1/models`.', true),
  priceFeed: flag('Ask providers that publish their prices (OpenRouter) for them, twice a day.', true),
  countTokens: flag('Serve `/v1/messages/count_tokens`.', true),
  quotaHeaders: flag(
    'Tell Claude Code how much of budgets and daily limits is used, in `anthropic-ratelimit-unified-*` headers where the provider sends none ([costs](costs.md#in-claude-code-itself)).',
    true,
  ),
  strategies: opt(
    Schema.Struct({
      intelligent: flag('The strategy `intelligent`.', true),
      cost: flag('The strategy `cost`.', true),
      performance: flag('The strategy `performance`.', true),
      availability: flag('The strategy `availability`.', true),
      priority: flag('The strategy `priority`.', true),
    }).annotate({ description: 'Routing strategies; one that is off cannot be chosen.' }),
  ),
}).annotate({ description: 'Optional features, on and off.' })

/** The whole file as it is written. */
export const ConfigFile = Schema.Struct({
  include: opt(
    Schema.Union([Schema.NonEmptyString, Schema.Array(Schema.NonEmptyString)]).annotate({
      description:
        'Further files, relative to this one; one `*` in the file name stands for any text. A key may be set in one file only.',
      expected: 'a path or a list of paths',
      form: 'list',
      fileOnly: true,
    }),
  ),
  providers: opt(Providers),
  models: opt(
    Schema.Record(
      text('a model name; * stands for any text'),
      modelNames('Provider → the name that it is asked for.').annotate({ entry: 'id' }),
    ).annotate({
      description:
        'What the client asks for → what each provider is asked for; `*` is a wildcard, the longest pattern wins. Adds to the `models` of the providers.',
      entry: 'pattern',
    }),
  ),
  routing: opt(Routing),
  timeZone: opt(timeZone),
  budgets: opt(Budgets),
  retryBudget: opt(RetryBudget),
  stream: opt(StreamRules),
  healthChecks: opt(HealthChecks),
  server: opt(Server),
  database: opt(Database),
  cluster: opt(Cluster),
  retention: opt(Retention),
  capture: opt(Capture),
  prices: opt(Prices),
  alerts: opt(Alerts),
  log: opt(Log),
  telemetry: opt(Telemetry),
  features: opt(Features),
}).annotate({ title: 'Signalbox configuration' })
export type ConfigFile = typeof ConfigFile.Type
