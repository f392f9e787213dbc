/**
 * What every kind and preset is asked for nothing, as its configuration makes it.
 */
import { Effect } from 'effect'
import { describe, expect, it } from 'vitest'
import type { UpstreamRequest } from '#actors/ports.ts'
import { toPolicy } from '#infra/config/to-policy.ts'
import { minimalEntry, offers } from '#infra/config/upstreams-markdown.ts'
import { freeRequest } from '#infra/health-checks/free-request.ts'
import { configured } from '#test/configured.ts'

const KEYS = { MY_KEY: 'x' }

const requestOf = (entry: object): UpstreamRequest | undefined => {
  const file = { providers: { it: entry } }
  const config = Effect.runSync(Effect.scoped(configured(file, KEYS)))
  const [provider] = config.providers
  const [policy] = toPolicy(config).providers
  if (provider === undefined || policy === undefined) throw new Error('expected a provider')
  return freeRequest(provider, policy)
}

/** Where a service offers nothing that is free for certain, below the address at which it is asked. */
const NOT_ASKED = [
  'anthropic-compatible bedrock-mantle',
  'anthropic-compatible foundry',
  'anthropic-compatible deepseek',
  'anthropic-compatible kimi',
  'anthropic-compatible zai',
  'anthropic-compatible minimax',
  'anthropic-compatible ollama',
  'anthropic-compatible vllm',
  'anthropic-compatible llama-cpp',
  'anthropic-compatible lm-studio',
  'vertex gemini',
]

describe('what is free', () => {
  it('is known of every kind and preset', () => {
    const asked = offers.map((offer) => {
      const name = offer.name === undefined ? offer.kind : `${offer.kind} ${offer.name}`
      const credential = offer.kind === 'vertex' ? 'adc' : { env: 'MY_KEY', header: 'bearer' }
      return [name, requestOf({ ...minimalEntry(offer), credential })?.path] as const
    })
    const named = (path: string | undefined) => asked.flatMap(([name, of]) => (of === path ? [name] : []))
    expect(named(undefined)).toEqual(NOT_ASKED)
    expect(named('/v1/messages/count_tokens')).toEqual(['vertex'])
    expect(named('/v1/models')).toHaveLength(offers.length - NOT_ASKED.length - 1)
    expect(named('/v1/messages')).toEqual([])
  })

  it('is a list of one model, with the version without which Anthropic refuses everything', () => {
    expect(requestOf({ kind: 'anthropic', credential: { env: 'MY_KEY' } })).toEqual({
      path: '/v1/models',
      query: '?limit=1',
      method: 'GET',
      headers: [['anthropic-version', '2023-06-01']],
      body: null,
    })
  })

  it('is the count of two letters at Google, for a model that it is asked for under that name', () => {
    const models = { '*': 'claude-haiku-4-5@20251001' }
    const request = requestOf({ kind: 'vertex', project: 'p', credential: 'adc', models })
    expect(request?.target?.model).toBe('claude-haiku-4-5@20251001')
    expect(JSON.parse(new TextDecoder().decode(request?.body ?? new Uint8Array()))).toEqual({
      model: 'claude-haiku-4-5@20251001',
      messages: [{ role: 'user', content: 'hi' }],
    })
  })

  it('cannot be asked for with the credential of a client, but where the list is public', () => {
    expect(requestOf({ kind: 'anthropic', credential: 'client' })).toBeUndefined()
    expect(requestOf({ kind: 'openrouter', credential: 'client' })?.path).toBe('/v1/models')
  })
})
