import { describe, expect, it } from 'vitest'
import { discover, SERVICES } from '#infra/config/discovery.ts'
import { toPolicy } from '#infra/config/to-policy.ts'
import { place } from './place.ts'

const found = (environment: Readonly<Record<string, string>>) =>
  place()
    .good({ environment })
    .providers.map(({ id }) => id)

/** Exactly the variables that one service needs. */
const only = (provider: string) => {
  const variables = discover({}).find((one) => one.provider === provider)?.variables ?? []
  return Object.fromEntries(variables.map((name) => [name, name.endsWith('REGION') ? 'us-east-1' : 'my-value']))
}

describe('what is found in the environment', () => {
  it.each(SERVICES.map(({ provider }) => provider))('%s needs nothing but its variables', (provider) => {
    const config = place().good({ environment: only(provider) })
    expect(config.providers.map(({ id }) => id)).toEqual([provider])
    expect(config.warnings).toEqual([])
    expect(config.simulator).toBe(false)
    expect(JSON.stringify(config.providers[0]?.credential)).not.toContain('my-value')
  })

  it('is nothing when a variable of two is missing', () => {
    for (const variable of ['GOOGLE_CLOUD_PROJECT', 'GOOGLE_APPLICATION_CREDENTIALS', 'AWS_BEARER_TOKEN_BEDROCK']) {
      expect(found({ [variable]: 'x' }), variable).toEqual([])
    }
  })

  it('takes any of the variables that may say a setting', () => {
    const { GOOGLE_CLOUD_PROJECT: project = '', ...rest } = only('vertex')
    expect(found({ ...rest, ANTHROPIC_VERTEX_PROJECT_ID: project })).toEqual(['vertex'])
  })

  it('is neither GitHub Models nor a vendor whose models no map leads to', () => {
    expect(
      found({ GITHUB_TOKEN: 'x', MISTRAL_API_KEY: 'x', TOGETHER_API_KEY: 'x', AZURE_OPENAI_API_KEY: 'x' }),
    ).toEqual([])
  })

  it('is asked in this order: Claude at its maker, Claude elsewhere, other vendors', () => {
    const environment = Object.assign({}, ...SERVICES.map(({ provider }) => only(provider)))
    const { providers } = toPolicy(place().good({ environment }))
    const order = providers.toSorted((a, b) => a.priority - b.priority).map(({ id }) => id)
    expect(order).toEqual(SERVICES.map(({ provider }) => provider))
    const claude = providers.filter(({ naming }) => naming !== undefined).map(({ priority }) => priority)
    const foreign = providers.filter(({ models }) => Object.keys(models).length > 0).map(({ priority }) => priority)
    expect(order[0]).toBe('anthropic')
    expect(Math.max(...claude)).toBeLessThan(Math.min(...foreign))
    expect(claude.length + foreign.length + 1).toBe(providers.length)
  })

  it('can be changed and left out by variables', () => {
    const config = place().good({
      environment: {
        ...only('openai'),
        ...only('groq'),
        SIGNALBOX_PROVIDERS__OPENAI__BASE_URL: 'https://gateway.example.com/v1',
        SIGNALBOX_PROVIDERS__GROQ__ENABLED: 'false',
      },
    })
    expect(config.providers).toMatchObject([
      { id: 'openai', baseUrl: 'https://gateway.example.com/v1', credential: { name: 'OPENAI_API_KEY' } },
      { id: 'groq', policy: { enabled: false } },
    ])
  })
})
