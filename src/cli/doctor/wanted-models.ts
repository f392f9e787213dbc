/**
 * What Claude Code asks for, a provider's names for it, and whether the provider has those.
 */
import { CURRENT_CLAUDE_MODELS, parseClaudeModel, sameModel } from '#domain/claude-models.ts'
import { modelId } from '#domain/ids.ts'
import { resolveModel } from '#domain/model-map.ts'
import type { ProviderPolicy } from '#domain/policy.ts'
import { nearest } from '#infra/config/nearest.ts'

/** Claude Code's names for its models; each stands for the newest of a family. */
const ALIASES = ['opus', 'sonnet', 'haiku', 'fable'] as const
type Alias = (typeof ALIASES)[number]

export interface WantedModel {
  readonly alias: Alias
  /** The model's name at Anthropic, which Claude Code sends. */
  readonly asked: string
  /** What the provider is asked for; undefined when requests for it do not go there. */
  readonly model: string | undefined
  /** Undefined when the provider's list is not known. */
  readonly listed: boolean | undefined
  /** Listed names that may be meant; empty when it is listed, or nothing is near. */
  readonly nearest: readonly string[]
}

/** @param listed the ids of the provider's list, undefined when it has none */
export const wantedModels = (provider: ProviderPolicy, listed: readonly string[] | undefined): readonly WantedModel[] =>
  ALIASES.map((alias) => {
    const asked = newestOf(alias)
    const model = resolveModel(provider, modelId(asked))
    if (model === undefined || listed === undefined) return { alias, asked, model, listed: undefined, nearest: [] }
    const isListed = listed.some((id) => isSame(id, model))
    return { alias, asked, model, listed: isListed, nearest: isListed ? [] : nearTo(model, listed) }
  })

/** The table has the newest of a family first. */
const newestOf = (alias: Alias): string =>
  CURRENT_CLAUDE_MODELS.find(({ id, retired }) => !retired && parseClaudeModel(id)?.family === alias)?.id ?? alias

/** Gemini lists `models/NAME`, Ollama `NAME:latest`; snapshots of a Claude model are that model. */
const isSame = (id: string, model: string): boolean =>
  sameModel(id, model) || id.endsWith(`/${model}`) || id === `${model}:latest`

const SHOWN = 3

const nearTo = (model: string, listed: readonly string[]): readonly string[] => {
  const near = nearest(model, listed)
  if (near.length > 0) return near.slice(0, SHOWN)
  const family = parseClaudeModel(model)?.family
  return family === undefined ? [] : listed.filter((id) => parseClaudeModel(id)?.family === family).slice(0, SHOWN)
}
