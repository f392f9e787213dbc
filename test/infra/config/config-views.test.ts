/** What is made of a configuration: policy, the view for people, and the difference of two. */
import { Schema } from 'effect'
import { describe, expect, it } from 'vitest'
import { Policy } from '#domain/policy.ts'
import { diffConfig } from '#infra/config/diff-config.ts'
import { redactedConfig, withoutUser } from '#infra/config/redacted-config.ts'
import { toPolicy } from '#infra/config/to-policy.ts'
import { place } from './place.ts'

const base = `
providers:
  b: { kind: anthropic, credential: client, models: { 'x-*': own }, limits: { maxInputTokens: 9 }, priority: 2 }
  a: { kind: anthropic-compatible, baseUrl: http://127.0.0.1:1, enabled: false }
models:
  'x-*': { a: common }
  'y-*': { a: ya, b: yb }
`
const config = (text = base, environment = {}) =>
  place({ 'signalbox.yaml': text }).good({ environment, home: '/home/x' })

describe('toPolicy', () => {
  it('gives each provider its own and the common models, in the order of the file', () => {
    const policy = toPolicy(config())
    expect(policy.providers.map(({ id, models }) => [id, models])).toEqual([
      ['b', { 'x-*': 'own', 'y-*': 'yb' }],
      ['a', { 'x-*': 'common', 'y-*': 'ya' }],
    ])
    expect(policy.providers[0]).toMatchObject({ kind: 'anthropic', priority: 2, enabled: true, maxInputTokens: 9 })
    expect(policy.providers[1]).toMatchObject({ kind: 'anthropic-compatible', enabled: false })
  })

  it('is what PolicyChanged can hold', () => {
    const policy = toPolicy(config())
    expect(Schema.decodeUnknownSync(Policy)(JSON.parse(JSON.stringify(policy)), { onExcessProperty: 'error' })).toEqual(
      policy,
    )
  })
})

describe('redactedConfig', () => {
  it('shows everything but secrets', () => {
    const secret = 'tell-no-one'
    const text = `
providers:
  a:
    kind: anthropic
    credential: { command: [vault, read, token=${secret}] }
    proxy: http://user:${secret}@proxy.example:3128
    headers: { cf-aig-authorization: ${secret}, cookie: ${secret}, X-Team-Token: ${secret}, x-key: ${secret}, x-team: blue }
`
    const shown = redactedConfig(config(text, { SIGNALBOX_ADMIN_TOKEN: secret }))
    expect(JSON.stringify(shown)).not.toContain(secret)
    expect(shown.adminToken).toBe('•••')
    expect(shown.providers).toMatchObject([
      {
        credential: 'the command vault',
        proxy: 'http://proxy.example:3128',
        headers: { 'cf-aig-authorization': '•••', 'x-team-token': '•••', 'x-team': '•••' },
      },
    ])
  })

  it('shows what a provider speaks and which models are built in, without secrets in its body', () => {
    const text = `
providers:
  a: { kind: openai-compatible, preset: groq, extraBody: { max_tokens: 7, plugin: { api_key: tell-no-one, id: web } } }
  b: { kind: openrouter, extraBody: { token: [tell-no-one], keys: { k: tell-no-one } } }
  c: { kind: anthropic }
`
    const shown = redactedConfig(config(text))
    expect(shown.providers).toMatchObject([
      {
        kind: 'openai-compatible',
        preset: 'groq',
        credential: 'the environment variable GROQ_API_KEY',
        builtInModels: { 'claude-haiku-*': 'openai/gpt-oss-20b' },
        profile: {
          dialect: 'openai',
          paths: { call: '/chat/completions' },
          extraBody: { max_tokens: 7, plugin: { api_key: '•••', id: 'web' } },
        },
      },
      { profile: { chat: { profile: { extraBody: { token: '•••', keys: '•••' } } } } },
      { profile: { paths: { countTokens: '/v1/messages/count_tokens' } } },
    ])
    expect(JSON.stringify(shown)).not.toContain('tell-no-one')
  })

  it('takes user and password out of URLs', () => {
    expect(withoutUser('postgres://u:p@h:5432/db?x=a@b')).toBe('postgres://h:5432/db?x=a@b')
    expect(withoutUser('http://u:p@ss@h/')).toBe('http://h/')
    expect(withoutUser('sqlite:/home/me@work/log.db')).toBe('sqlite:/home/me@work/log.db')
  })
})

describe('diffConfig', () => {
  const changed = (text: string, environment = {}) => diffConfig(config(), config(text, environment))

  it('is empty for the same configuration, wherever it was read', () => {
    expect(changed(base)).toEqual([])
    expect(changed(`# a remark\n${base}`)).toEqual([])
  })

  it('names the keys that changed, and never their values', () => {
    expect(changed(base.replace('priority: 2', 'priority: 3, timeouts: { idle: 1 s }'))).toEqual([
      'providers.b.priority',
      'providers.b.timeouts.idleMs',
    ])
    expect(changed(base.replace('credential: client', 'credential: { env: B_KEY }'))).toEqual([
      'providers.b.credential',
    ])
    expect(changed(base.replace('a: ya', 'a: yz'))).toEqual(['models."y-*".a'])
    expect(changed(base, { SIGNALBOX_PORT: '1', SIGNALBOX_ADMIN_TOKEN: 'tell-no-one' })).toEqual([
      'server.port',
      'adminToken',
    ])
    expect(changed(base, { SIGNALBOX_SERVER__ALLOWED_HOSTS: '[x.example]' })).toEqual(['server.allowedHosts'])
  })

  it('names a quirk, a path and a built-in model that changed', () => {
    const before = config('providers: { a: { kind: openai-compatible, preset: groq } }')
    const after = config(
      "providers: { a: { kind: openai-compatible, preset: groq, quirks: { noImages: false }, baseUrl: 'http://127.0.0.1:1' } }",
    )
    expect(diffConfig(before, after)).toEqual([
      'providers.a.profile.quirks.noImages',
      'providers.a.baseUrl',
      'providers.a.endpoint',
    ])
  })

  it('names an added or removed provider once, and a new order', () => {
    expect(changed(`${base.replace('models:\n', '  c: { kind: anthropic }\nmodels:\n')}`)).toEqual(['providers.c'])
    const [, b = '', a = ''] = base.split('\n').slice(1)
    expect(changed(base.replace(`${b}\n${a}`, `${a}\n${b}`))).toEqual(['providers'])
  })
})
