import { describe, expect, it } from 'vitest'
import type { Environment } from '#infra/config/environment.ts'
import { variableName } from '#infra/config/environment.ts'
import { place } from './place.ts'

const file = 'providers: { My-Box: { kind: anthropic } }\n'
const withFile = (environment: Environment, text = file) => place({ 'signalbox.yaml': text }).good({ environment })
const problems = (environment: Environment) => place({ 'signalbox.yaml': file }).problems({ environment })

describe('environment variables', () => {
  it('are named after the path of the key', () => {
    expect(variableName(['routing', 'maxFallbacks'])).toBe('SIGNALBOX_ROUTING__MAX_FALLBACKS')
    expect(variableName(['providers', 'my-box', 'limits', 'maxInputTokens'])).toBe(
      'SIGNALBOX_PROVIDERS__MY_BOX__LIMITS__MAX_INPUT_TOKENS',
    )
  })

  it('win over the file, and flags over them', () => {
    const at = place({ 'signalbox.yaml': `${file}server: { port: 1 }` })
    const environment = { SIGNALBOX_SERVER__PORT: '2' }
    expect(at.good().server.port).toBe(1)
    expect(at.good({ environment }).server.port).toBe(2)
    const flags = [{ flag: '--port', path: ['server', 'port'], value: '3' }]
    expect(at.good({ environment, flags }).server.port).toBe(3)
    expect(at.problems({ flags: [{ flag: '--port', path: ['server', 'port'], value: 'many' }] })).toEqual([
      '--port server.port: expected a whole number from 0 to 65535, found "many"',
    ])
  })

  it('reach into providers, whatever the case of their names', () => {
    const config = withFile({
      SIGNALBOX_PROVIDERS__MY_BOX__BASE_URL: 'https://x.example',
      SIGNALBOX_PROVIDERS__MY_BOX__CREDENTIAL: 'none',
      SIGNALBOX_PROVIDERS__MY_BOX__TIMEOUTS__IDLE: '7 s',
      SIGNALBOX_PROVIDERS__MY_BOX__ENABLED: 'false',
      SIGNALBOX_PROVIDERS__MY_BOX__HEADERS__X_TEAM: '007',
    })
    expect(config.providers).toMatchObject([
      {
        id: 'My-Box',
        baseUrl: 'https://x.example',
        headers: [['x-team', '007']],
        policy: { enabled: false, timeouts: { idleMs: 7_000 } },
      },
    ])
  })

  it('name members of a body with their underscores, and quirks one by one', () => {
    const { profile } =
      withFile(
        {
          SIGNALBOX_PROVIDERS__MY_BOX__EXTRA_BODY__SERVICE_TIER: 'flex',
          SIGNALBOX_PROVIDERS__MY_BOX__EXTRA_BODY__PROVIDER: '{ order: [anthropic] }',
          SIGNALBOX_PROVIDERS__MY_BOX__QUIRKS__NO_IMAGES: 'true',
          SIGNALBOX_PROVIDERS__MY_BOX__QUIRKS__EFFORTS: 'low, high',
        },
        'providers: { My-Box: { kind: openai-compatible, preset: openai } }',
      ).providers[0] ?? {}
    expect(profile).toMatchObject({
      extraBody: { service_tier: 'flex', provider: { order: ['anthropic'] } },
      quirks: { noImages: true, efforts: ['low', 'high'] },
    })
  })

  it('can make a provider, also beside one that was found', () => {
    const config = place().good({
      environment: {
        ANTHROPIC_API_KEY: 'x',
        SIGNALBOX_PROVIDERS__ANTHROPIC__BASE_URL: 'https://x.example',
        SIGNALBOX_PROVIDERS__NEW_ONE__KIND: 'anthropic',
        SIGNALBOX_PROVIDERS__NEW_ONE__CREDENTIAL: '{ env: OTHER }',
      },
    })
    expect(config.providers).toMatchObject([
      { id: 'anthropic', baseUrl: 'https://x.example' },
      { id: 'new-one', credential: { _tag: 'Env', name: 'OTHER' } },
    ])
  })

  it('give blocks and lists whole; a deeper variable says the last word', () => {
    const config = withFile({
      SIGNALBOX_ROUTING: '{ maxFallbacks: 1, deadline: 5 s }',
      SIGNALBOX_ROUTING__MAX_FALLBACKS: '2',
      SIGNALBOX_SERVER__ALLOWED_HOSTS: 'A.example, b.example',
      SIGNALBOX_MODELS: "{ 'claude-*': { My-Box: m } }",
    })
    expect(config.routing).toMatchObject({ maxFallbacks: 2, deadlineMs: 5_000 })
    expect(config.server.allowedHosts).toEqual(['a.example', 'b.example'])
    expect(config.models).toEqual({ 'claude-*': { 'My-Box': 'm' } })
  })

  it('have short names for what is promised', () => {
    const config = withFile({
      SIGNALBOX_HOST: '0.0.0.0',
      SIGNALBOX_PORT: '9000',
      SIGNALBOX_DATABASE_URL: 'sqlite:/data/log.db',
    })
    expect(config.server).toMatchObject({ host: '0.0.0.0', port: 9_000 })
    expect(config.database.url).toBe('sqlite:/data/log.db')
  })

  it('conflict when the short and the long name differ', () => {
    expect(problems({ SIGNALBOX_PORT: '1', SIGNALBOX_SERVER__PORT: '2' })).toEqual([
      '$SIGNALBOX_SERVER__PORT server.port: set twice: here and in $SIGNALBOX_PORT',
    ])
    expect(problems({ SIGNALBOX_PORT: '1', SIGNALBOX_SERVER__PORT: '1' })).toEqual([])
  })

  it('count as not set when empty', () => {
    expect(withFile({ SIGNALBOX_PORT: '', SIGNALBOX_CONFIG: '', SIGNALBOX_NONSENSE: '' }).server.port).toBe(8080)
  })

  it('are errors when unknown, with the nearest name', () => {
    expect(
      problems({
        SIGNALBOX_ROUTING_MAX_FALLBACKS: '1',
        SIGNALBOX_SERVER__PROT: '1',
        SIGNALBOX_PROVIDERS__MY_BOX__BASEURL: 'x',
        SIGNALBOX_DATABASE_URI: 'x',
        SIGNALBOX_SOMETHING: 'x',
        SIGNALBOX_INCLUDE: 'x.yaml',
      }),
    ).toEqual([
      '$SIGNALBOX_DATABASE_URI unknown variable; did you mean SIGNALBOX_DATABASE__URL?',
      '$SIGNALBOX_INCLUDE unknown variable',
      '$SIGNALBOX_PROVIDERS__MY_BOX__BASEURL unknown variable; did you mean SIGNALBOX_PROVIDERS__MY_BOX__BASE_URL?',
      '$SIGNALBOX_ROUTING_MAX_FALLBACKS unknown variable; did you mean SIGNALBOX_ROUTING__MAX_FALLBACKS?',
      '$SIGNALBOX_SERVER__PROT unknown variable; did you mean SIGNALBOX_SERVER__PORT?',
      '$SIGNALBOX_SOMETHING unknown variable',
    ])
  })

  it('name themselves in errors, and never a value that may be secret', () => {
    expect(problems({ SIGNALBOX_ROUTING__MAX_FALLBACKS: 'several', SIGNALBOX_MODELS: '{ a' })).toEqual([
      '$SIGNALBOX_MODELS models: cannot be read as YAML; expected a block of keys',
      '$SIGNALBOX_ROUTING__MAX_FALLBACKS routing.maxFallbacks: expected a whole number from 0 to 100, found "several"',
    ])
    const [problem] = problems({ SIGNALBOX_PROVIDERS__MY_BOX__CREDENTIAL: 'tell-no-one' })
    expect(problem).toContain('a secret does not belong')
    expect(problem).not.toContain('tell-no-one')
  })

  it('of Kubernetes for a Service named signalbox are not ours', () => {
    const environment = {
      SIGNALBOX_PORT: 'tcp://10.0.0.1:8080',
      SIGNALBOX_SERVICE_HOST: '10.0.0.1',
      SIGNALBOX_SERVICE_PORT: '8080',
      SIGNALBOX_SERVICE_PORT_HTTP: '8080',
      SIGNALBOX_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
      SIGNALBOX_PORT_8080_TCP_ADDR: '10.0.0.1',
      SIGNALBOX_DB_PORT: 'tcp://10.0.0.2:5432',
    }
    expect(withFile(environment).server.port).toBe(8080)
  })
})
