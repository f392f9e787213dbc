import { join } from 'node:path'
import { Redacted, Result } from 'effect'
import { describe, expect, it } from 'vitest'
import { defaultBreaker, defaultPolicy, defaultTimeouts } from '#domain/policy.ts'
import { place } from './place.ts'

const one = 'providers: { a: { kind: anthropic } }\n'
const named = (id: string) => `providers: { ${id}: { kind: anthropic } }\n`
const ids = (config: { readonly providers: readonly { readonly id: string }[] }) => config.providers.map(({ id }) => id)

describe('where the file is looked for', () => {
  it('takes the working directory before the XDG folder', () => {
    const at = place({ 'signalbox.yaml': named('near'), 'xdg/signalbox/signalbox.yaml': named('far') })
    const environment = { XDG_CONFIG_HOME: join(at.folder, 'xdg') }
    expect(ids(at.good({ environment }))).toEqual(['near'])
    expect(ids(at.good({ environment, cwd: join(at.folder, 'xdg') }))).toEqual(['far'])
  })

  it('takes ~/.config when XDG_CONFIG_HOME is not an absolute path', () => {
    const at = place({ 'home/.config/signalbox/signalbox.yaml': named('home') })
    expect(ids(at.good({ environment: { XDG_CONFIG_HOME: 'relative' } }))).toEqual(['home'])
  })

  it('takes SIGNALBOX_CONFIG before both, and --config before it', () => {
    const at = place({ 'signalbox.yaml': one, 'b.yaml': named('b'), 'c.yaml': named('c') })
    const environment = { SIGNALBOX_CONFIG: 'b.yaml' }
    expect(ids(at.good({ environment }))).toEqual(['b'])
    expect(ids(at.good({ environment, file: 'c.yaml' }))).toEqual(['c'])
  })

  it('refuses a named file that is missing, and says who named it', () => {
    const at = place({ 'signalbox.yaml': one })
    expect(at.problems({ file: 'no.yaml' })).toEqual(['--config no.yaml does not exist'])
    expect(at.problems({ environment: { SIGNALBOX_CONFIG: 'no.yaml' } })).toEqual([
      '$SIGNALBOX_CONFIG no.yaml does not exist',
    ])
  })
})

describe('a file that has no end', () => {
  it('is a problem like any other, wherever it is named', () => {
    const at = place({ 'signalbox.yaml': `include: [/dev/zero]\n${one}` })
    expect(at.problems()).toEqual(['signalbox.yaml:1:11 include: /dev/zero is larger than 16 MiB'])
    expect(at.problems({ file: '/dev/zero' })).toEqual(['--config /dev/zero is larger than 16 MiB'])
  })
})

describe('providers without a providers block', () => {
  it('come from ANTHROPIC_API_KEY, by reference, and never from ANTHROPIC_BASE_URL', () => {
    const environment = { ANTHROPIC_API_KEY: 'sk-ant-secret', ANTHROPIC_BASE_URL: 'http://127.0.0.1:8080' }
    const config = place().good({ environment })
    expect(config.providers).toMatchObject([
      {
        id: 'anthropic',
        kind: 'anthropic',
        baseUrl: 'https://api.anthropic.com',
        credential: { _tag: 'Env', name: 'ANTHROPIC_API_KEY', header: 'x-api-key' },
      },
    ])
    expect(config.simulator).toBe(false)
    expect(config.discovery.filter(({ found }) => found)).toEqual([
      { provider: 'anthropic', variables: ['ANTHROPIC_API_KEY'], found: true },
    ])
    expect(JSON.stringify(config)).not.toContain('sk-ant-secret')
  })

  it('come from the environment also beside a file that names none', () => {
    const at = place({ 'signalbox.yaml': 'server: { port: 1 }' })
    expect(ids(at.good({ environment: { ANTHROPIC_API_KEY: 'x' } }))).toEqual(['anthropic'])
  })

  it('are simulated when there is neither a file nor a key', () => {
    const config = place().good({ environment: { ANTHROPIC_API_KEY: '' } })
    expect(config.simulator).toBe(true)
    expect(config.providers).toEqual([])
    expect(config.discovery.filter(({ found }) => found)).toEqual([])
    expect(config.discovery.flatMap(({ variables }) => variables)).toContain('ANTHROPIC_API_KEY')
  })

  it('are an error when a file names none: a forgotten include must not be answered by a simulator', () => {
    const at = place({ 'signalbox.yaml': 'server: { port: 1 }' })
    expect(at.problems()).toEqual([expect.stringContaining('there is no provider')])
    expect(at.good({ environment: { SIGNALBOX_FEATURES__SIMULATOR: 'on' } }).simulator).toBe(true)
  })

  it('are an error when the simulator is off', () => {
    expect(place().problems({ environment: { SIGNALBOX_FEATURES__SIMULATOR: 'off' } })).toHaveLength(1)
  })

  it('are not looked for beside a providers block', () => {
    const at = place({ 'signalbox.yaml': one })
    const config = at.good({ environment: { ANTHROPIC_API_KEY: 'x' } })
    expect(ids(config)).toEqual(['a'])
    expect(config.discovery).toEqual([])
  })
})

describe('what a file says', () => {
  it('is filled with defaults', () => {
    const at = place({ 'signalbox.yaml': one })
    const config = at.good()
    expect(config.routing).toEqual(defaultPolicy.routing)
    expect(config.retryBudget).toEqual(defaultPolicy.retryBudget)
    expect(config.stream).toEqual(defaultPolicy.stream)
    expect(config.providers[0]?.policy).toEqual({
      endpoint: expect.stringMatching(/^[0-9a-f]{16}$/),
      enabled: true,
      priority: 100,
      models: {},
      breaker: defaultBreaker,
      timeouts: defaultTimeouts,
    })
    expect(config.server).toMatchObject({ host: '127.0.0.1', port: 8080, bodyLimitBytes: 32 * 1024 * 1024 })
    expect(config.database.url).toBe(`sqlite:${join(at.folder, 'home/.local/share/signalbox/signalbox.db')}`)
    expect(config.adminToken).toBeUndefined()
  })

  it('reads durations and sizes as people write them', () => {
    const at = place({
      'signalbox.yaml': `
providers:
  a:
    kind: anthropic-compatible
    baseUrl: https://x.example/api/
    timeouts: { connect: 500 ms, headers: 10 s, firstContent: 1.5min, idle: 1 h, progress: 250 }
    breaker: { throttleMax: 2 d, failureRate: 0.25 }
server: { bodyLimit: 32 MB }
`,
    })
    const config = at.good()
    expect(config.providers[0]?.policy.timeouts).toEqual({
      connectMs: 500,
      headersMs: 10_000,
      firstContentMs: 90_000,
      idleMs: 3_600_000,
      progressMs: 250,
    })
    expect(config.providers[0]?.policy.breaker).toEqual({
      ...defaultBreaker,
      throttleMaxMs: 172_800_000,
      failureRateShare: 0.25,
    })
    expect(config.server.bodyLimitBytes).toBe(32_000_000)
    expect(config.providers[0]?.baseUrl).toBe('https://x.example/api')
  })

  it('finds paths relative to the file that says them, and ~ at home', () => {
    const at = place({
      'signalbox.yaml': 'include: etc/p.yaml\ndatabase: { url: sqlite:data/log.db }',
      'etc/p.yaml': 'providers: { a: { kind: anthropic, credential: { file: ~/key }, tls: { ca: ca.pem } } }',
    })
    const config = at.good()
    expect(config.database.url).toBe(`sqlite:${join(at.folder, 'data/log.db')}`)
    expect(config.providers[0]?.tls).toEqual({ ca: join(at.folder, 'etc/ca.pem') })
    expect(config.providers[0]?.credential).toMatchObject({ _tag: 'File', path: join(at.folder, 'home/key') })
    expect(at.good({ environment: { SIGNALBOX_DATABASE_URL: 'sqlite::memory:' } }).database.url).toBe('sqlite::memory:')
  })

  it('knows every form of a credential', () => {
    const forms = {
      '{ env: A_KEY }': { _tag: 'Env', name: 'A_KEY', header: 'x-api-key' },
      '{ file: /k, header: bearer }': { _tag: 'File', path: '/k', header: 'bearer' },
      '{ command: [pass, show, x] }': { _tag: 'Command', argv: ['pass', 'show', 'x'], header: 'x-api-key' },
      '{ command: [gcloud-token], header: api-key }': { _tag: 'Command', argv: ['gcloud-token'], header: 'api-key' },
      client: { _tag: 'Client' },
      none: { _tag: 'None' },
    }
    for (const [form, expected] of Object.entries(forms)) {
      const at = place({ 'signalbox.yaml': `providers: { a: { kind: anthropic, credential: ${form} } }` })
      expect(at.good().providers[0]?.credential).toEqual(expected)
    }
  })

  it('gives a compatible provider no credential unless it says one', () => {
    const at = place({
      'signalbox.yaml': 'providers: { a: { kind: anthropic-compatible, baseUrl: http://127.0.0.1:1 } }',
    })
    expect(at.good().providers[0]?.credential).toEqual({ _tag: 'None' })
  })

  it('takes a block whose lines are all commented out as empty', () => {
    const at = place({ 'signalbox.yaml': `${one}routing:\n  # maxFallbacks: 2\n` })
    expect(at.good().routing).toEqual(defaultPolicy.routing)
  })

  it('resolves anchors', () => {
    const at = place({
      'signalbox.yaml':
        'providers:\n  a: { kind: anthropic, timeouts: &t { idle: 7 s } }\n  b: { kind: anthropic, timeouts: *t }\n',
    })
    expect(at.good().providers.map(({ policy }) => policy.timeouts.idleMs)).toEqual([7_000, 7_000])
  })

  it('warns of a base URL that ends in /v1', () => {
    const at = place({
      'signalbox.yaml': 'providers: { a: { kind: anthropic-compatible, baseUrl: https://x.example/v1 } }',
    })
    expect(at.good().warnings).toMatchObject([{ key: 'providers.a.baseUrl' }])
  })

  it('reads the admin token from the environment, and keeps it redacted', () => {
    const config = place({ 'signalbox.yaml': one }).good({ environment: { SIGNALBOX_ADMIN_TOKEN: 'tell-no-one' } })
    expect(config.adminToken && Redacted.value(config.adminToken)).toBe('tell-no-one')
    expect(JSON.stringify(config)).not.toContain('tell-no-one')
  })
})

describe('includes', () => {
  it('unite files, also those of a pattern, and of included files', () => {
    const at = place({
      'signalbox.yaml': 'include: [providers/*.yaml, rest.yaml]\nproviders: { a: { kind: anthropic } }',
      'providers/c.yaml': named('c'),
      'providers/b.yaml': named('b'),
      'providers/.hidden.yaml': named('hidden'),
      'providers/notes.txt': 'no YAML: [',
      'rest.yaml': 'include: more/models.yaml\nrouting: { maxFallbacks: 1 }',
      'more/models.yaml': 'models: { "claude-*": { b: x } }',
    })
    const config = at.good()
    expect(ids(config)).toEqual(['a', 'b', 'c'])
    expect(config.routing.maxFallbacks).toBe(1)
    expect(config.models).toEqual({ 'claude-*': { b: 'x' } })
    expect(config.source).toEqual({
      files: ['signalbox.yaml', 'providers/b.yaml', 'providers/c.yaml', 'rest.yaml', 'more/models.yaml'].map((path) =>
        join(at.folder, path),
      ),
      patterns: [join(at.folder, 'providers/*.yaml')],
    })
  })

  it('may meet the same file twice', () => {
    const at = place({ 'signalbox.yaml': 'include: [a.yaml, b.yaml]', 'a.yaml': 'include: b.yaml', 'b.yaml': one })
    expect(ids(at.good())).toEqual(['a'])
  })

  it('refuse a key that two files set, and name both places', () => {
    const at = place({
      'signalbox.yaml': `${one}include: b.yaml\nrouting:\n  maxFallbacks: 1\n`,
      'b.yaml': '\nrouting: { maxFallbacks: 1 }',
    })
    expect(at.problems()).toEqual(['b.yaml:2:12 routing.maxFallbacks: set twice: here and in signalbox.yaml:4:3'])
  })

  it('refuse a circle, a missing file and a second *', () => {
    const circle = place({ 'signalbox.yaml': `${one}include: b.yaml`, 'b.yaml': 'include: signalbox.yaml' })
    expect(circle.problems()).toEqual([
      'b.yaml:1:10 include: files include each other: signalbox.yaml → b.yaml → signalbox.yaml',
    ])
    expect(place({ 'signalbox.yaml': `${one}include: [no.yaml]` }).problems()).toEqual([
      'signalbox.yaml:2:11 include: no.yaml does not exist',
    ])
    expect(place({ 'signalbox.yaml': `${one}include: '*/*.yaml'` }).problems()).toEqual([
      'signalbox.yaml:2:10 include: one * is allowed, in the file name',
    ])
  })

  it('pass over a folder of a pattern that is not there', () => {
    expect(Result.isSuccess(place({ 'signalbox.yaml': `${one}include: no/*.yaml` }).load())).toBe(true)
  })
})
