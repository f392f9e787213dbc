/**
 * Where every provider is asked, by kind and preset: the address of a call, of a streamed one, of counting and of the list of
 * models, and the header that carries the credential. The rows are what the vendors' documentation says.
 */
import { Effect, Redacted } from 'effect'
import { describe, expect, it } from 'vitest'
import type { UpstreamRequest } from '#actors/ports.ts'
import { modelId } from '#domain/ids.ts'
import { resolveModel } from '#domain/model-map.ts'
import type { Config } from '#infra/config/config.ts'
import { toPolicy } from '#infra/config/to-policy.ts'
import { offers } from '#infra/config/upstreams-markdown.ts'
import { httpUpstream } from '#infra/upstream/http-upstream.ts'
import type { TransportRequest } from '#infra/upstream/transport.ts'
import { place } from './place.ts'

const ASKED = modelId('claude-sonnet-4-5-20250929')

/** What goes over the wire for one request; undefined when the provider is not asked for that. */
const sent = (config: Config, path: UpstreamRequest['path'], stream: boolean) => {
  const [provider] = config.providers
  const policy = toPolicy(config).providers[0]
  if (provider === undefined || policy === undefined) throw new Error('expected a provider')
  const requests: TransportRequest[] = []
  const { credential } = provider
  const upstream = httpUpstream({
    id: provider.id,
    profile: provider.profile,
    baseUrl: provider.baseUrl,
    credential:
      'header' in credential
        ? {
            _tag: 'Held',
            header: credential.header,
            secret: Effect.succeed(Redacted.make('SECRET')),
            renews: false,
            invalidate: () => undefined,
          }
        : { _tag: 'None' },
    headers: provider.headers,
    transport: {
      send: (request) => {
        requests.push(request)
        return { abort: () => undefined, resume: () => undefined }
      },
      close: () => Promise.resolve(),
      destroy: () => Promise.resolve(),
    },
    now: () => 0,
    after: () => () => undefined,
  })
  if (path === '/v1/models' && upstream.models !== undefined) return undefined
  if (path === '/v1/messages/count_tokens' && !upstream.counts) return undefined
  const model = resolveModel(policy, ASKED)
  if (model === undefined) throw new Error('expected a model')
  const messages = [{ role: 'user', content: 'hi' }]
  const target = { asked: ASKED, model, stream, without: [], inputTokens: 1 }
  upstream.open(
    {
      path,
      query: path === '/v1/messages' ? '?beta=true' : '',
      method: path === '/v1/models' ? 'GET' : 'POST',
      headers: [],
      body:
        path === '/v1/models' ? null : Buffer.from(JSON.stringify({ model: ASKED, max_tokens: 9, stream, messages })),
      ...(path === '/v1/models' ? {} : { target }),
    },
    {
      connected: () => undefined,
      headers: () => undefined,
      data: () => true,
      end: () => undefined,
      fail: (reason) => {
        throw new Error(reason._tag)
      },
    },
  )
  const [request] = requests
  if (request === undefined) throw new Error('nothing was sent')
  const at = request.headers.findIndex((value) => value.includes('SECRET'))
  return {
    url: `${new URL(provider.baseUrl).origin}${request.path}`,
    credential: at < 0 ? 'none' : `${request.headers[at - 1]}: ${request.headers[at]}`,
    model: (JSON.parse(request.body === null ? '{}' : Buffer.from(request.body).toString()) as { model?: string })
      .model,
  }
}

interface Row {
  readonly call: string
  /** Where it differs. */
  readonly stream?: string
  readonly count?: string
  readonly models?: string
  readonly credential: string
  /** As the body says it. */
  readonly model: string | undefined
}

const KEY = 'x-api-key: SECRET'
const BEARER = 'authorization: Bearer SECRET'
const DATED = 'claude-sonnet-4-5-20250929'
const CLAUDE = 'projects/p/locations/global/publishers/anthropic/models'
const CHAT = '/chat/completions'
const chat = (base: string, credential: string, model: string): Row => ({
  call: `${base}${CHAT}`,
  models: `${base}/models`,
  credential,
  model,
})
const vendor = (base: string, credential: string, model: string): Row => ({
  call: `${base}/v1/messages?beta=true`,
  credential,
  model,
})
const messages = (base: string, credential: string): Row => ({
  ...vendor(base, credential, DATED),
  count: `${base}/v1/messages/count_tokens`,
  models: `${base}/v1/models`,
})
const MINE = "models: { 'claude-*': mine }"

const TABLE: readonly (readonly [string, Row])[] = [
  ['kind: anthropic', messages('https://api.anthropic.com', KEY)],
  ['kind: anthropic-compatible, baseUrl: https://x.example/api/', messages('https://x.example/api', 'none')],
  [
    'kind: anthropic-compatible, preset: bedrock-mantle, region: eu-west-1, models: { "*": anthropic.claude-opus-5-5 }',
    vendor('https://bedrock-mantle.eu-west-1.api.aws/anthropic', BEARER, 'anthropic.claude-opus-5-5'),
  ],
  [
    'kind: anthropic-compatible, preset: foundry, resource: my-resource',
    {
      ...vendor('https://my-resource.services.ai.azure.com/anthropic', KEY, DATED),
      count: 'https://my-resource.services.ai.azure.com/anthropic/v1/messages/count_tokens',
    },
  ],
  [
    'kind: anthropic-compatible, preset: deepseek',
    vendor('https://api.deepseek.com/anthropic', KEY, 'deepseek-v4-pro'),
  ],
  ['kind: anthropic-compatible, preset: kimi', vendor('https://api.moonshot.ai/anthropic', BEARER, 'kimi-k3')],
  ['kind: anthropic-compatible, preset: zai', vendor('https://api.z.ai/api/anthropic', BEARER, DATED)],
  ['kind: anthropic-compatible, preset: minimax', vendor('https://api.minimax.io/anthropic', BEARER, 'MiniMax-M2')],
  [`kind: anthropic-compatible, preset: ollama, ${MINE}`, vendor('http://127.0.0.1:11434', 'none', 'mine')],
  [`kind: anthropic-compatible, preset: vllm, ${MINE}`, vendor('http://127.0.0.1:8000', 'none', 'mine')],
  [`kind: anthropic-compatible, preset: llama-cpp, ${MINE}`, vendor('http://127.0.0.1:8081', 'none', 'mine')],
  [`kind: anthropic-compatible, preset: lm-studio, ${MINE}`, vendor('http://127.0.0.1:1234', 'none', 'mine')],
  [
    'kind: vertex, project: p',
    {
      call: `https://aiplatform.googleapis.com/v1/${CLAUDE}/claude-sonnet-4-5%4020250929:rawPredict`,
      stream: `https://aiplatform.googleapis.com/v1/${CLAUDE}/claude-sonnet-4-5%4020250929:streamRawPredict`,
      count: `https://aiplatform.googleapis.com/v1/${CLAUDE}/count-tokens:rawPredict`,
      credential: BEARER,
      model: undefined,
    },
  ],
  [
    'kind: vertex, preset: anthropic-managed, project: p, workspace: wrkspc_01',
    messages('https://claude.googleapis.com/v1/projects/p/locations/global/workspaces/wrkspc_01/invoke', BEARER),
  ],
  [
    'kind: vertex, preset: gemini, project: p',
    {
      call: `https://aiplatform.googleapis.com/v1/projects/p/locations/global/endpoints/openapi${CHAT}`,
      credential: BEARER,
      model: 'google/gemini-3.8-flash',
    },
  ],
  [
    'kind: openrouter',
    {
      call: 'https://openrouter.ai/api/v1/messages?beta=true',
      models: 'https://openrouter.ai/api/v1/models',
      credential: BEARER,
      model: 'anthropic/claude-sonnet-4.5',
    },
  ],
  [
    'kind: openrouter, chatModels: ["google/*"], models: { "claude-*": google/gemini-3.8-flash }',
    { ...chat('https://openrouter.ai/api/v1', BEARER, 'google/gemini-3.8-flash') },
  ],
  [
    'kind: github-models',
    {
      call: 'https://models.github.ai/inference/chat/completions',
      models: 'https://models.github.ai/catalog/models',
      credential: BEARER,
      model: 'openai/gpt-4.1',
    },
  ],
  [
    'kind: github-models, organization: my-organization',
    {
      call: 'https://models.github.ai/orgs/my-organization/inference/chat/completions',
      models: 'https://models.github.ai/catalog/models',
      credential: BEARER,
      model: 'openai/gpt-4.1',
    },
  ],
  [
    `kind: openai-compatible, baseUrl: http://127.0.0.1:5000/v1, ${MINE}`,
    chat('http://127.0.0.1:5000/v1', 'none', 'mine'),
  ],
  ['kind: openai-compatible, preset: openai', chat('https://api.openai.com/v1', BEARER, 'gpt-6.1-sol')],
  [
    `kind: openai-compatible, preset: azure, resource: my-resource, ${MINE}`,
    chat('https://my-resource.openai.azure.com/openai/v1', 'api-key: SECRET', 'mine'),
  ],
  [
    `kind: openai-compatible, preset: azure, resource: my-resource, apiVersion: preview, ${MINE}`,
    {
      call: `https://my-resource.openai.azure.com/openai/v1${CHAT}?api-version=preview`,
      models: 'https://my-resource.openai.azure.com/openai/v1/models?api-version=preview',
      credential: 'api-key: SECRET',
      model: 'mine',
    },
  ],
  [
    'kind: openai-compatible, preset: gemini',
    chat('https://generativelanguage.googleapis.com/v1beta/openai', BEARER, 'gemini-3.8-flash'),
  ],
  ['kind: openai-compatible, preset: groq', chat('https://api.groq.com/openai/v1', BEARER, 'openai/gpt-oss-120b')],
  ['kind: openai-compatible, preset: deepseek', chat('https://api.deepseek.com/v1', BEARER, 'deepseek-v4-pro')],
  [`kind: openai-compatible, preset: mistral, ${MINE}`, chat('https://api.mistral.ai/v1', BEARER, 'mine')],
  ['kind: openai-compatible, preset: xai', chat('https://api.x.ai/v1', BEARER, 'grok-4.7')],
  [`kind: openai-compatible, preset: together, ${MINE}`, chat('https://api.together.xyz/v1', BEARER, 'mine')],
  [`kind: openai-compatible, preset: ollama, ${MINE}`, chat('http://127.0.0.1:11434/v1', 'none', 'mine')],
  [`kind: openai-compatible, preset: vllm, ${MINE}`, chat('http://127.0.0.1:8000/v1', 'none', 'mine')],
  [`kind: openai-compatible, preset: llama-cpp, ${MINE}`, chat('http://127.0.0.1:8081/v1', 'none', 'mine')],
  [`kind: openai-compatible, preset: lm-studio, ${MINE}`, chat('http://127.0.0.1:1234/v1', 'none', 'mine')],
]

const configOf = (provider: string) => place({ 'signalbox.yaml': `providers: { it: { ${provider} } }` }).good()

describe('a provider is asked at', () => {
  it.each(TABLE)('%s', (provider, row) => {
    const config = configOf(provider)
    const { credential, model } = row
    expect(sent(config, '/v1/messages', false)).toEqual({ url: row.call, credential, model })
    expect(sent(config, '/v1/messages', true)).toMatchObject({ url: row.stream ?? row.call, credential })
    expect(sent(config, '/v1/messages/count_tokens', false)?.url).toBe(row.count)
    const list = sent(config, '/v1/models', false)
    expect(list?.url).toBe(row.models)
    expect(list?.credential ?? credential).toBe(credential)
  })

  it('these addresses, and no kind or preset is missing', () => {
    for (const { kind, name } of offers) {
      const entry = `kind: ${kind}${name === undefined ? '' : `, preset: ${name}`}`
      expect(
        TABLE.filter(([provider]) => `${provider},`.startsWith(`${entry},`)),
        entry,
      ).not.toEqual([])
    }
  })

  it('Google’s other locations', () => {
    const base = (location: string) => configOf(`kind: vertex, project: p, location: ${location}`).providers[0]?.baseUrl
    expect(base('us')).toBe('https://aiplatform.us.rep.googleapis.com/v1')
    expect(base('eu')).toBe('https://aiplatform.eu.rep.googleapis.com/v1')
    expect(base('us-east5')).toBe('https://us-east5-aiplatform.googleapis.com/v1')
  })

  it('an old project of a domain, with what a path must not hold encoded', () => {
    const config = configOf('kind: vertex, project: "example.com:my-project"')
    expect(sent(config, '/v1/messages', false)?.url).toContain('/projects/example.com%3Amy-project/locations/global/')
  })
})
