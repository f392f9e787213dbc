/**
 * Lists of models: reading what a provider says it has, and saying it in the names that a client can ask for.
 */
import { CURRENT_CLAUDE_MODELS, canonicalName } from '#domain/claude-models.ts'
import { parseTold } from '#domain/dialect/told-json.ts'
import { modelId } from '#domain/ids.ts'
import { resolveModel } from '#domain/model-map.ts'
import type { ProviderPolicy } from '#domain/policy.ts'

export interface ListedModel {
  readonly id: string
  readonly type: 'model'
  readonly display_name: string
  readonly created_at: string
  readonly [key: string]: unknown
}

type Json = { readonly [key: string]: unknown }
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

const UNKNOWN_DATE = '1970-01-01T00:00:00Z'

/** A model of which nothing but its name is known. */
export const listedModel = (id: string, displayName: string): ListedModel => ({
  id,
  type: 'model',
  display_name: displayName,
  created_at: UNKNOWN_DATE,
})

/** No name of a model is longer. */
const LONGEST_NAME = 200

/** A picker in somebody's terminal shows it: control characters would be obeyed there. */
const isName = (text: unknown): text is string =>
  typeof text === 'string' && text !== '' && text.length <= LONGEST_NAME && text.isWellFormed() && !/\p{Cc}/u.test(text)

/** Reads an Anthropic- or OpenAI-shaped list, or a bare one (GitHub's catalogue); entries without an id that is a name are left out. */
export const readModelList = (body: Uint8Array): readonly ListedModel[] => {
  const parsed = parseTold(new TextDecoder().decode(body))
  const data: unknown = isObject(parsed) ? parsed.data : parsed
  if (!Array.isArray(data)) return []
  return data.flatMap((one: unknown) => {
    if (!isObject(one) || !isName(one.id)) return []
    return [
      {
        ...one,
        ...listedModel(one.id, [one.display_name, one.name].find(isName) ?? one.id),
        created_at: typeof one.created_at === 'string' ? one.created_at : UNKNOWN_DATE,
      },
    ]
  })
}

/** What a provider lists, under the names by which a client gets it; what it would not be asked for is left out. */
export const offered = (provider: ProviderPolicy, listed: readonly ListedModel[]): readonly ListedModel[] => {
  const patterns = Object.keys(provider.models)
  const exact = patterns.filter((pattern) => !pattern.includes('*'))
  // It lists its own names; the client's names for the same models are known.
  const isMapped = provider.naming !== undefined || patterns.some((pattern) => pattern.includes('*'))
  const claude = isMapped ? CURRENT_CLAUDE_MODELS.filter((model) => !model.retired) : []
  const isListed = (id: string): boolean =>
    provider.naming === undefined || listed.some((model) => canonicalName(model.id) === id)
  return [
    ...listed.map((model) => ({ ...model, id: (provider.naming && canonicalName(model.id)) ?? model.id })),
    ...exact.map((id) => listedModel(id, id)),
    ...claude.filter(({ id }) => isListed(id)).map(({ id, displayName }) => listedModel(id, displayName)),
  ].filter(({ id }) => resolveModel(provider, modelId(id)) !== undefined)
}
