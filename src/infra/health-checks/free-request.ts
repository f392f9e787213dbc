/**
 * What a provider can be asked for nothing, by its profile: the list of its models, which also proves the credential where the
 * list is not public, or the count of a tiny prompt where counting is known to be free. Where neither is, nothing is asked.
 */
import type { HeaderList, UpstreamRequest } from '#actors/ports.ts'
import { CURRENT_CLAUDE_MODELS } from '#domain/claude-models.ts'
import { modelId } from '#domain/ids.ts'
import { resolveModel } from '#domain/model-map.ts'
import type { ProviderPolicy } from '#domain/policy.ts'
import type { ResolvedProvider } from '#infra/config/config.ts'

/** Anthropic refuses any request without one. */
const VERSION: HeaderList = [['anthropic-version', '2023-06-01']]

/** @param policy of the same provider, as it is in force */
export const freeRequest = (
  { profile, credential }: Pick<ResolvedProvider, 'profile' | 'credential'>,
  policy: ProviderPolicy,
): UpstreamRequest | undefined => {
  // A check has no client whose credential it could bring; a list of prices is public.
  if (credential._tag === 'Client' && profile.priceFeed === undefined) return undefined
  if (profile.paths.models !== undefined && profile.lists === undefined) {
    return { path: '/v1/models', query: '?limit=1', method: 'GET', headers: VERSION, body: null }
  }
  // Google charges nothing for counting; of others that count and have no list it is not known.
  return profile.dialect === 'anthropic' && profile.bodyForm === 'vertex' ? tinyCount(policy) : undefined
}

const encoder = new TextEncoder()

/** Undefined for a provider of no model of Claude. */
const tinyCount = (policy: ProviderPolicy): UpstreamRequest | undefined => {
  const [model] = CURRENT_CLAUDE_MODELS.flatMap(({ id, retired }) => {
    const name = retired ? undefined : resolveModel(policy, modelId(id))
    return name === undefined ? [] : [name]
  })
  if (model === undefined) return undefined
  return {
    path: '/v1/messages/count_tokens',
    query: '',
    method: 'POST',
    headers: [...VERSION, ['content-type', 'application/json']],
    body: encoder.encode(JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] })),
    target: { asked: model, model, stream: false, without: [], inputTokens: 1 },
  }
}
