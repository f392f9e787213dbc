import { fileURLToPath } from 'node:url'
import { Result } from 'effect'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { ALERT_KINDS, defaultBreaker, STRATEGIES } from '#domain/policy.ts'
import { decodeTree } from '#infra/config/decode.ts'
import { diffConfig } from '#infra/config/diff-config.ts'
import { variableName } from '#infra/config/environment.ts'
import { keyPaths } from '#infra/config/keys.ts'
import { durationMs, formatDuration } from '#infra/config/quantities.ts'
import { emptyTree, parseTree } from '#infra/config/tree.ts'
import { place } from './place.ts'

const duration = fc.oneof(fc.nat(10_000_000), fc.nat(10_000_000).map(formatDuration))
const share = fc.integer({ min: 0, max: 1000 }).map((n) => n / 1000)
const name = fc.stringMatching(/^[a-z0-9.:/-]{1,20}$/)
const pattern = fc.stringMatching(/^[a-z0-9.-]{1,12}\*?$/)
const id = fc.stringMatching(/^[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,3})?$/)
const header = fc.constantFrom('x-api-key', 'bearer', 'api-key')
const some = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { requiredKeys: [] })

const held = fc.oneof(
  fc.record({ env: fc.constantFrom('A_KEY', 'B'), header }, { requiredKeys: ['env'] }),
  fc.record({ file: fc.constantFrom('/a/b', '/c') }),
  fc.record({ command: fc.array(fc.string({ minLength: 1 }), { minLength: 1 }), header }),
)
const credential = fc.oneof(fc.constantFrom('client', 'none'), held)
const google = fc.oneof(fc.constantFrom('adc', 'none'), fc.record({ adc: fc.constant('/adc.json') }), held)
const breaker = some(
  Object.fromEntries(
    Object.keys(defaultBreaker).map((key) =>
      key.endsWith('Ms')
        ? [key.slice(0, -2), duration]
        : key.endsWith('Share')
          ? [key.slice(0, -5), share]
          : [key, fc.integer({ min: 1, max: 100 })],
    ),
  ),
)
const count = fc.integer({ min: 1, max: 1_000_000 })
const usd = fc.integer({ min: 0, max: 100_000 }).map((n) => n / 1_000)
const rates = { input: usd, output: usd, cacheRead: usd, cacheWrite5m: usd, cacheWrite1h: usd }
const price = fc.record(
  {
    ...rates,
    tier: fc.record({ abovePromptTokens: count, ...rates }, { requiredKeys: ['abovePromptTokens', 'input', 'output'] }),
    fast: usd.map((factor) => factor / 100),
    geoUs: share,
    batch: share,
    webSearchUsd: usd,
  },
  { requiredKeys: ['input', 'output'] },
)
const priceFile = fileURLToPath(new URL('../../fixtures/prices/short.json', import.meta.url))
const common = {
  models: fc.dictionary(pattern, name, { maxKeys: 3 }),
  limits: some({
    maxInputTokens: count,
    requestsPerMinute: count,
    requestsPerDay: count,
    inputTokensPerMinute: count,
    outputTokensPerMinute: count,
    tokensPerMinute: count,
    maxConcurrent: fc.integer({ min: 1, max: 100 }),
    countsCachedInput: fc.boolean(),
    window: fc.constantFrom('bucket', 'fixed'),
  }),
  prices: fc.dictionary(pattern, price, { maxKeys: 2, noNullPrototype: true }),
  timeouts: some({
    connect: duration,
    headers: duration,
    firstContent: duration,
    idle: duration,
    progress: duration,
  }),
  breaker,
  priority: fc.integer({ min: -9, max: 9 }),
  enabled: fc.boolean(),
  headers: fc.dictionary(fc.stringMatching(/^x-[a-z]{1,5}$/), fc.stringMatching(/^[ -~]{0,12}$/), { maxKeys: 2 }),
  tls: fc.oneof(
    fc.record({ ca: fc.constant('/ca.pem') }),
    fc.record({ certFile: fc.constant('/me.crt'), keyFile: fc.constant('/me.key') }),
  ),
  allowPrivate: fc.constant(true),
  proxy: fc.constant('http://u:p@127.0.0.1:3128'),
  extraBody: fc.dictionary(
    fc.stringMatching(/^x[a-z_]{0,8}$/),
    fc.constantFrom<unknown>('a b', 7, true, null, [1, 'x'], { order: ['anthropic'], deep: { er: false } }),
    { maxKeys: 2 },
  ),
}
const quirks = some({
  maxTokensField: fc.constantFrom('max_tokens', 'max_completion_tokens'),
  maxOutputTokens: count,
  systemRole: fc.constantFrom('system', 'developer'),
  toolIds: fc.constantFrom('any40', 'alnum9'),
  maxTools: count,
  maxDescription: count,
  schema: fc.constantFrom('any', 'openai', 'plain', 'gemini'),
  reasoning: fc.constantFrom('none', 'reasoning_effort', 'openrouter', 'thinking', 'enable_thinking'),
  efforts: fc.uniqueArray(fc.constantFrom('low', 'medium', 'high')),
  userField: fc.constantFrom('user', 'safety_identifier'),
  systemFirstOnly: fc.boolean(),
  stringContent: fc.boolean(),
  noImages: fc.boolean(),
  fileParts: fc.boolean(),
  strictAlternation: fc.boolean(),
  emptyInsteadOfNull: fc.boolean(),
  noToolChoice: fc.boolean(),
  noRequiredToolChoice: fc.boolean(),
  noParallelToolCalls: fc.boolean(),
  jsonObjectOnly: fc.boolean(),
  noResponseFormat: fc.boolean(),
  streamAlways: fc.boolean(),
  noStreamOptions: fc.boolean(),
  noSampling: fc.boolean(),
  noStop: fc.boolean(),
  topK: fc.boolean(),
  echoReasoning: fc.boolean(),
  geminiThoughtSignature: fc.boolean(),
  reasoningTokensApart: fc.boolean(),
  thinkTags: fc.boolean(),
})
const chat = { quirks, credential: fc.oneof(fc.constant('none'), held) }
const provider = fc.oneof(
  fc.record(
    {
      ...common,
      kind: fc.constantFrom('anthropic', 'anthropic-compatible'),
      baseUrl: fc.constantFrom('https://api.anthropic.com', 'http://127.0.0.1:1/api'),
      credential,
    },
    { requiredKeys: ['kind', 'baseUrl'] },
  ),
  fc.record(
    {
      ...common,
      kind: fc.constant('anthropic-compatible'),
      preset: fc.constant('bedrock-mantle'),
      region: fc.constantFrom('us-east-1', 'ap-northeast-3'),
    },
    { requiredKeys: ['kind', 'preset', 'region'] },
  ),
  fc.record(
    {
      ...common,
      kind: fc.constant('vertex'),
      preset: fc.constant('anthropic-managed'),
      project: fc.constantFrom('p', 'example.com:my-project'),
      location: fc.constantFrom('global', 'us', 'eu', 'us-east5'),
      workspace: fc.constant('wrkspc_01'),
      credential: google,
    },
    { requiredKeys: ['kind', 'preset', 'project', 'workspace'] },
  ),
  fc.record(
    { ...common, ...chat, kind: fc.constant('openrouter'), chatModels: fc.array(pattern, { maxLength: 2 }) },
    { requiredKeys: ['kind'] },
  ),
  fc.record(
    { ...common, ...chat, kind: fc.constant('github-models'), organization: fc.constant('my-organization') },
    { requiredKeys: ['kind'] },
  ),
  fc.record(
    {
      ...common,
      ...chat,
      kind: fc.constant('openai-compatible'),
      preset: fc.constant('azure'),
      resource: fc.constant('my-resource'),
      apiVersion: fc.constantFrom('2024-10-21', 'preview'),
    },
    { requiredKeys: ['kind', 'preset', 'resource'] },
  ),
)
const source = fc.oneof(
  fc.record({ env: fc.constantFrom('A_HOOK', 'B') }),
  fc.record({ file: fc.constant('/hook') }),
  fc.record({ command: fc.array(fc.string({ minLength: 1 }), { minLength: 1 }) }),
)
const off = <A>(value: fc.Arbitrary<A>) => fc.option(value)
const alertName = fc.constantFrom('ops', 'on-call')
const alerts = some({
  costPerHour: off(usd),
  costPerDay: off(usd),
  costForecast: off(usd),
  costSpike: off(usd),
  budget: fc.array(fc.constantFrom(0.5, 0.8, 1, 1.5), { maxLength: 3 }),
  errorRate: off(share),
  latency: off(fc.nat(120_000)),
  window: fc.constantFrom('10 s', '15 min', 60_000),
  minimumRequests: count,
  providerDown: off(duration),
  providerRetired: fc.boolean(),
  limitForecast: fc.boolean(),
  priceUnknown: fc.boolean(),
  logFailing: fc.boolean(),
  diskSpace: off(fc.constantFrom('500 MB', '1 GB', 0)),
  digest: duration,
  channels: fc
    .dictionary(
      alertName,
      fc.oneof(
        fc.record(
          {
            kind: fc.constant('webhook'),
            url: fc.oneof(fc.constantFrom('https://hooks.example.com/in', 'http://127.0.0.1:1'), source),
            format: fc.constantFrom('json', 'slack'),
            // As below: a name such as x-key would ask for a reference.
            headers: fc.dictionary(fc.stringMatching(/^x-[a-d]{1,5}$/), fc.oneof(fc.constant('blue'), source), {
              maxKeys: 2,
            }),
          },
          { requiredKeys: ['kind', 'url'] },
        ),
        fc.record({ kind: fc.constant('command'), argv: fc.constant(['page', '--urgent']) }),
      ),
      { minKeys: 1, noNullPrototype: true },
    )
    .map((entries) => inOrder<unknown>(entries)),
  silences: fc
    .dictionary(
      alertName,
      fc.record(
        {
          kind: fc.constantFrom(...ALERT_KINDS),
          subject: fc.constant('vertex'),
          until: fc.constantFrom('2026-12-01', '2026-12-01T08:00Z'),
        },
        { requiredKeys: ['kind'] },
      ),
      { minKeys: 1, noNullPrototype: true },
    )
    .map((entries) => inOrder<unknown>(entries)),
})
const budget = fc.oneof(
  fc.record(
    {
      period: fc.constantFrom('day', 'week', 'month'),
      usd: fc.nat(1_000),
      key: fc.constant('ci'),
      project: fc.constant('web'),
      model: fc.constantFrom('claude-opus-*', '*'),
      each: fc.constantFrom('key', 'project', 'model', 'session', 'agent'),
      action: fc.constantFrom('alert', 'refuse', 'stepDown'),
    },
    { requiredKeys: ['period', 'usd'] },
  ),
  fc.record({
    period: fc.constant('day'),
    usd: share,
    action: fc.constant('stepDown'),
    // A block without a key has no variable.
    stepDownTo: fc.record(
      { strategy: fc.constantFrom(...STRATEGIES), model: fc.constant('claude-haiku-5-5') },
      { requiredKeys: ['model'] },
    ),
  }),
)
const budgets = fc
  .dictionary(fc.constantFrom('daily', 'team', 'web'), budget, { minKeys: 1, noNullPrototype: true })
  .map((entries) => inOrder<unknown>(entries))
const token = fc.constantFrom<object>({ env: 'OPS_TOKEN' }, { file: '/run/secrets/token' })

const plain = fc.record(
  {
    providers: fc.dictionary(id, provider, { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
    routing: some({
      strategy: fc.constantFrom(...STRATEGIES),
      weights: some({ headroom: share, performance: fc.nat(9), cost: share, reliability: share }),
      limitThreshold: share,
      substitutes: fc.constantFrom('last', 'equal'),
      exploration: share,
      maxFallbacks: fc.nat(10),
      fallbackDelay: duration,
      queue: duration,
      deadline: duration,
      // A block without a key has no variable.
      shadow: fc.record(
        {
          strategy: fc.constantFrom(...STRATEGIES),
          weights: fc.record(
            { headroom: share, performance: fc.nat(9), cost: share, reliability: share },
            { requiredKeys: ['cost'] },
          ),
          limitThreshold: share,
          substitutes: fc.constantFrom('last', 'equal'),
          exploration: share,
          maxFallbacks: fc.nat(10),
        },
        { requiredKeys: ['limitThreshold'] },
      ),
    }),
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kolkata'),
    budgets,
    retryBudget: some({ tokens: fc.nat(99), perSuccess: share, reserve: fc.nat(9) }),
    stream: some({ commitHeadersAfter: duration, keepAlive: duration }),
    healthChecks: some({ interval: fc.constantFrom(0, 1_000, '90 s', '1 h') }),
    server: some({
      host: fc.constantFrom('::1', '127.0.0.1'),
      port: fc.nat(65_535),
      bodyLimit: fc.constantFrom('1 MB', '2 KiB', 77),
      allowedHosts: fc.array(fc.domain(), { maxLength: 2 }),
      drainTimeout: duration,
      stopDelay: duration,
      requestTimeout: duration,
      sendTimeout: duration,
      adminToken: token,
      readToken: token,
      clientKeys: fc.constantFrom('off', 'optional', 'required'),
      tls: fc.record(
        {
          certFile: fc.constant('/tls/box.crt'),
          keyFile: fc.constant('/tls/box.key'),
          clientCaFile: fc.constant('/tls/clients.pem'),
          commands: fc.record(
            {
              ca: fc.constant('/tls/ca.pem'),
              certFile: fc.constant('/tls/me.crt'),
              keyFile: fc.constant('/tls/me.key'),
            },
            { requiredKeys: ['certFile', 'keyFile'] },
          ),
          minVersion: fc.constantFrom('TLSv1.2', 'TLSv1.3'),
        },
        { requiredKeys: ['certFile', 'keyFile'] },
      ),
      maxConnectionsPerAddress: fc.nat(1_000),
      maxRequests: count,
      bodyMemory: fc.constantFrom('512 MiB', '1 GB', 99),
      openMetrics: fc.boolean(),
      corsOrigins: fc.array(fc.constantFrom('https://ops.example.com', 'http://localhost:5173'), { maxLength: 2 }),
    }),
    database: some({
      url: fc.constantFrom('sqlite:/data/log.db', 'postgres://box@db.example.com/log?sslmode=verify-full'),
      postgres: some({
        poolSize: fc.integer({ min: 2, max: 1_000 }),
        statementTimeout: fc.constantFrom('1 s', 30_000),
        lockTimeout: fc.constantFrom('100 ms', 5_000),
        connectTimeout: fc.constantFrom('1 min', 100),
      }),
    }),
    retention: some({ detail: fc.constantFrom(0, '1 d', '90 d'), archive: fc.constant('/data/old') }),
    cluster: some({
      instance: fc.constantFrom('one', 'pod 7'),
      spool: fc.constant('/data/spool'),
      whileAway: fc.constantFrom('granted', 'deny'),
    }),
    capture: some({
      enabled: fc.boolean(),
      sampleShare: share,
      retention: fc.constantFrom('1 h', '7 d', 86_400_000),
      maxBytes: fc.constantFrom('1 MB', '1 GB', 7_777_777),
      key: fc.constantFrom({ env: 'CAPTURE_KEY' }, { file: '/secrets/capture' }),
      redact: fc.array(fc.constantFrom('ACME-\\d+', '[a-z]{3}'), { maxLength: 2 }),
      folder: fc.constant('/data/captures'),
    }),
    prices: some({ file: fc.constant(priceFile), url: fc.webUrl() }),
    alerts,
    log: some({
      level: fc.constantFrom('none', 'debug'),
      format: fc.constantFrom('json', 'pretty'),
      file: fc.record(
        {
          path: fc.constant('/logs/box.log'),
          maxBytes: fc.constantFrom('1 kB', '50 MB', 77_777),
          maxAge: duration,
          keep: fc.nat(10_000),
          compress: fc.boolean(),
        },
        { requiredKeys: ['path'] },
      ),
    }),
    telemetry: some({
      traces: some({
        endpoint: fc.constantFrom('http://127.0.0.1:4318/v1/traces', 'https://traces.example.com/in'),
        // A name such as x-key would ask for a reference.
        headers: fc.dictionary(fc.stringMatching(/^x-[a-d]{1,5}$/), fc.oneof(fc.constant('blue'), source), {
          maxKeys: 2,
        }),
        sampleShare: share,
        propagate: fc.boolean(),
      }),
    }),
    features: some({
      simulator: fc.constantFrom('auto', 'on', 'off'),
      modelDiscovery: fc.boolean(),
      countTokens: fc.boolean(),
      quotaHeaders: fc.boolean(),
      priceFeed: fc.boolean(),
      strategies: some(Object.fromEntries(STRATEGIES.map((strategy) => [strategy, fc.constant(true)]))),
    }),
  },
  { requiredKeys: ['providers'] },
)
/** Rules name providers that there are. */
const file = plain.chain((value) => {
  const rule = fc.record(
    {
      kind: fc.constantFrom('main', 'agent', 'background'),
      model: fc.constantFrom('claude-haiku-*', '*'),
      strategy: fc.constantFrom(...STRATEGIES),
      only: fc.subarray(Object.keys(value.providers), { minLength: 1 }),
    },
    { requiredKeys: ['kind'] },
  )
  const rules = fc.dictionary(fc.constantFrom('helpers', 'titles'), rule, { minKeys: 1, noNullPrototype: true })
  const captured = fc.record(
    {
      kind: fc.constantFrom('main', 'agent', 'background'),
      model: fc.constantFrom('claude-haiku-*', '*'),
      project: fc.constant('signalbox'),
      key: fc.constant('ci'),
      provider: fc.constantFrom(...Object.keys(value.providers)),
    },
    { requiredKeys: ['kind'] },
  )
  const only = fc.dictionary(fc.constantFrom('mine', 'theirs'), captured, { minKeys: 1, noNullPrototype: true })
  return fc.oneof(
    fc.constant(value),
    only.map((some) => ({ ...value, capture: { ...value.capture, only: inOrder(some) } })),
    rules.map((some) => ({ ...value, routing: { ...value.routing, rules: inOrder(some) } })),
  )
})
const inOrder = <A>(entries: { readonly [key: string]: A }): { readonly [key: string]: A } =>
  Object.fromEntries(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)))

describe('any valid configuration', () => {
  it('survives being printed as YAML and read again', () => {
    const at = place()
    fc.assert(
      fc.property(file, fc.constantFrom(stringify, JSON.stringify), (value, print) => {
        const { tree } = parseTree(print(value), () => ({ _tag: 'Builtin' }))
        const decoded = decodeTree(tree?._tag === 'Map' ? tree : emptyTree)
        expect(Result.getOrThrow(decoded)).toEqual(structuredClone(value))
        at.write('signalbox.yaml', print(value))
        expect(at.problems()).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  it('is the same when every value comes from an environment variable instead', () => {
    const at = place()
    const fromEnvironment = place()
    fc.assert(
      fc.property(file, (value) => {
        // Variables have no order of their own: providers that they make come in the order of their names.
        at.write('signalbox.yaml', stringify({ ...value, providers: inOrder(value.providers) }))
        const environment = Object.fromEntries(
          leavesOf(value, []).map(([path, leaf]) => [
            variableName(path),
            typeof leaf === 'string' ? leaf : JSON.stringify(leaf),
          ]),
        )
        expect(diffConfig(at.good({ home: '/h' }), fromEnvironment.good({ environment, home: '/h' }))).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  it('uses every key that the schema knows', () => {
    const seen = new Set<string>()
    for (const value of fc.sample(file, { numRuns: 300, seed: 1 })) {
      for (const [path] of leavesOf(value, []))
        seen.add(
          path
            .slice(0, 4)
            .join('.')
            .replace(/^providers\.[^.]+/, 'providers.<id>')
            .replace(/^routing\.rules\.[^.]+/, 'routing.rules.<rule>')
            .replace(/^capture\.only\.[^.]+/, 'capture.only.<rule>')
            .replace(/^budgets\.[^.]+/, 'budgets.<budget>')
            .replace(/^alerts\.channels\.[^.]+/, 'alerts.channels.<channel>')
            .replace(/^alerts\.silences\.[^.]+/, 'alerts.silences.<silence>'),
        )
    }
    const known = keyPaths()
      .filter(({ keys, path }) => keys._tag === 'Leaf' && !path.join('.').includes('<pattern>'))
      .map(({ path }) => path.join('.'))
    const wanted = known.filter(
      (path) => path !== 'include' && !/<header>|<member>|\.(credential)\.|^alerts\..*\.url\./.test(path),
    )
    expect(wanted.filter((path) => !seen.has(path))).toEqual([])
  })
})

/** Values of keys; what a variable gives whole counts as one. */
const leavesOf = (value: unknown, path: readonly string[]): readonly (readonly [readonly string[], unknown])[] => {
  const isWhole = ['models', 'headers', 'credential', 'extraBody', 'prices'].includes(path.at(-1) ?? '')
  const whole = isWhole && path.join('.') !== 'prices'
  if (whole || typeof value !== 'object' || value === null || Array.isArray(value)) return [[path, value]]
  return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, [...path, key]))
}

describe('durations', () => {
  it('are printed so that they read the same', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.nat(),
          fc.nat(100_000).map((n) => n * 60_000),
        ),
        (ms) => {
          expect(durationMs(formatDuration(ms))).toBe(ms)
        },
      ),
    )
    expect([0, 500, 10_000, 300_000, 3_600_000, 90_000].map(formatDuration)).toEqual([
      '0 ms',
      '500 ms',
      '10 s',
      '5 min',
      '1 h',
      '90 s',
    ])
  })
})
