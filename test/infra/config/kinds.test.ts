/** The kinds of providers together: the file that was promised from the start, models, limits, and what is warned of. */
import { describe, expect, it } from 'vitest'
import { modelId } from '#domain/ids.ts'
import { resolveModel } from '#domain/model-map.ts'
import { formatProblem } from '#infra/config/problem.ts'
import { toPolicy } from '#infra/config/to-policy.ts'
import { place } from './place.ts'

const PROMISED = `
providers:
  vertex:     { kind: vertex, project: my-project, location: global }
  openrouter: { kind: openrouter, credential: { env: OPENROUTER_API_KEY } }
  github:     { kind: github-models, credential: { env: GITHUB_TOKEN } }
  anthropic:  { kind: anthropic, credential: { env: ANTHROPIC_API_KEY } }
  local:      { kind: openai-compatible, baseUrl: http://127.0.0.1:11434/v1, models: { 'claude-haiku-*': 'qwen3:30b' } }
models:
  'claude-sonnet-*': { vertex: claude-sonnet-5-5, openrouter: anthropic/claude-sonnet-5.5, github: openai/gpt-4.1 }
routing:
  strategy: intelligent
  weights: { headroom: 0.4, performance: 0.3, cost: 0.2, reliability: 0.1 }
  limitThreshold: 0.8
  maxFallbacks: 3
  fallbackDelay: 0 ms
`

const load = (text: string) => place({ 'signalbox.yaml': text }).good()
const warnings = (text: string) => load(text).warnings.map(formatProblem)
const asked = (text: string, name: string) =>
  toPolicy(load(text)).providers.map((provider) => resolveModel(provider, modelId(name)))

describe('the file that was promised', () => {
  it('loads as it stands', () => {
    const config = load(PROMISED)
    expect(config.providers.map(({ kind }) => kind)).toEqual([
      'vertex',
      'openrouter',
      'github-models',
      'anthropic',
      'openai-compatible',
    ])
    expect(toPolicy(config).routing).toMatchObject({
      strategy: 'intelligent',
      weights: { headroom: 0.4, performance: 0.3, cost: 0.2, reliability: 0.1 },
      limitThreshold: 0.8,
      maxFallbacks: 3,
      fallbackDelayMs: 0,
    })
  })

  it('asks each provider for its own name of a model', () => {
    expect(asked(PROMISED, 'claude-sonnet-5-5')).toEqual([
      'claude-sonnet-5-5',
      'anthropic/claude-sonnet-5.5',
      'openai/gpt-4.1',
      'claude-sonnet-5-5',
      undefined,
    ])
    expect(asked(PROMISED, 'claude-haiku-4-5-20251001')).toEqual([
      'claude-haiku-4-5@20251001',
      'anthropic/claude-haiku-4.5',
      'openai/gpt-4.1-mini',
      'claude-haiku-4-5-20251001',
      'qwen3:30b',
    ])
  })
})

describe('built-in models', () => {
  const groq = (models: string, common = '{}') =>
    `providers: { groq: { kind: openai-compatible, preset: groq, models: ${models} } }\nmodels: ${common}`

  it('hold where the file says nothing', () => {
    expect(asked(groq('{}'), 'claude-haiku-5-5')).toEqual(['openai/gpt-oss-20b'])
    expect(asked(groq('{ claude-haiku-4-5: mine }'), 'claude-haiku-5-5')).toEqual(['openai/gpt-oss-20b'])
    expect(asked(groq('{ claude-haiku-4-5: mine }'), 'claude-haiku-4-5')).toEqual(['mine'])
  })

  it('never win against what the file says, be its pattern ever so short', () => {
    expect(asked(groq("{ 'claude-*': mine }"), 'claude-haiku-5-5')).toEqual(['mine'])
    expect(asked(groq("{ '*haiku*': mine }"), 'claude-haiku-5-5')).toEqual(['mine'])
    expect(asked(groq('{}', "{ 'claude-haiku-*': { groq: common } }"), 'claude-haiku-5-5')).toEqual(['common'])
  })
})

describe('what only a service itself limits', () => {
  const github = (more: string) => {
    const provider = load(`providers: { a: { kind: github-models${more} } }`).providers[0]
    const quirks = provider?.profile.dialect === 'openai' ? provider.profile.quirks : undefined
    return [provider?.policy.maxInputTokens, quirks?.maxOutputTokens, provider?.profile.retired?.since]
  }
  it('does not hold for a server elsewhere that speaks the same', () => {
    expect(github('')).toEqual([8_000, 4_000, '2026-07-30'])
    expect(github(', baseUrl: http://127.0.0.1:9000')).toEqual([undefined, undefined, undefined])
    expect(github(', limits: { maxInputTokens: 16000 }')).toEqual([16_000, 4_000, '2026-07-30'])
  })

  it('is part of the policy: a body that is too large goes elsewhere', () => {
    const [provider] = toPolicy(load('providers: { a: { kind: vertex, project: p } }')).providers
    expect(provider).toMatchObject({ maxBodyBytes: 30_000_000, naming: 'vertex' })
    expect(provider?.lacks).toContain('source:url')
  })

  it('an address of its own is another endpoint: the way back for a retired one', () => {
    const endpoint = (more: string) =>
      toPolicy(load(`providers: { a: { kind: github-models${more} } }`)).providers[0]?.endpoint
    expect(endpoint('')).not.toBe(endpoint(', baseUrl: http://127.0.0.1:9000'))
    expect(endpoint('')).not.toBe(endpoint(', organization: o'))
    expect(endpoint('')).toBe(endpoint(', priority: 3'))
  })
})

describe('warned of is', () => {
  it('GitHub Models at its own address, with its successors', () => {
    expect(warnings('providers: { a: { kind: github-models } }')).toEqual([
      expect.stringMatching(
        /^signalbox\.yaml:1:19 providers\.a\.kind: GitHub Models was retired on 2026-07-30 at its own address; use Microsoft Foundry .*OpenRouter/,
      ),
    ])
    expect(warnings('providers: { a: { kind: github-models, baseUrl: http://127.0.0.1:9000 } }')).toEqual([])
  })

  it('a server of other models that no map leads to', () => {
    const text = 'kind: openai-compatible, baseUrl: http://127.0.0.1:5000/v1'
    expect(warnings(`providers: { a: { ${text} } }`)).toEqual([
      expect.stringContaining('providers.a.models: is missing'),
    ])
    expect(warnings(`providers: { a: { ${text}, models: {} } }`)).toHaveLength(1)
    expect(warnings('providers: { a: { kind: anthropic-compatible, preset: ollama } }')).toHaveLength(1)
    expect(warnings(`providers: { a: { ${text}, models: { x: y } } }`)).toEqual([])
    expect(warnings(`providers: { a: { ${text} } }\nmodels: { 'claude-*': { a: y } }`)).toEqual([])
  })

  it('a server at the address where Signalbox itself listens', () => {
    const text = (baseUrl: string, port = 8080) =>
      `providers: { a: { kind: openai-compatible, preset: llama-cpp${baseUrl}, models: { '*': m } } }\nserver: { port: ${port} }`
    expect(warnings(text(''))).toEqual([])
    expect(warnings(text('', 8081))).toEqual([
      expect.stringContaining('providers.a.baseUrl: 127.0.0.1:8081 is where Signalbox itself listens'),
    ])
    expect(warnings(text(', baseUrl: http://localhost:8080/v1'))).toHaveLength(1)
    expect(warnings(text(', baseUrl: http://192.168.0.7:8080/v1'))).toEqual([])
    expect(warnings(text(', baseUrl: http://localhost/v1', 80))).toHaveLength(1)
  })

  it('a base URL of the chat dialect without a path', () => {
    const text = (baseUrl: string) =>
      `providers: { a: { kind: openai-compatible, baseUrl: ${baseUrl}, models: { '*': m } } }`
    expect(warnings(text('http://127.0.0.1:11434'))).toEqual([expect.stringContaining('has no path')])
    expect(warnings(text('http://127.0.0.1:11434/v1'))).toEqual([])
  })
})
