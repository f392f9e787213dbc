/**
 * All presets: by kind of provider, then by name. The kinds that are one service have one preset under their own name (and
 * `vertex` one for each of its offerings); the two `…-compatible` kinds take any server, described by a preset or not.
 */
import { anthropic, anyAnthropic } from '#infra/upstream/presets/anthropic.ts'
import { bedrockMantle, foundry, kimi, minimax, zai } from '#infra/upstream/presets/anthropic-vendors.ts'
import { azure } from '#infra/upstream/presets/azure.ts'
import { deepseek, deepseekAnthropic } from '#infra/upstream/presets/deepseek.ts'
import { gemini } from '#infra/upstream/presets/gemini.ts'
import { githubModels } from '#infra/upstream/presets/github-models.ts'
import { groq } from '#infra/upstream/presets/groq.ts'
import {
  llamaCpp,
  llamaCppAnthropic,
  lmStudio,
  lmStudioAnthropic,
  ollama,
  ollamaAnthropic,
  vllm,
  vllmAnthropic,
} from '#infra/upstream/presets/local-servers.ts'
import { mistral } from '#infra/upstream/presets/mistral.ts'
import { anyOpenAi, openai } from '#infra/upstream/presets/openai.ts'
import { openrouter } from '#infra/upstream/presets/openrouter.ts'
import { together } from '#infra/upstream/presets/together.ts'
import { vertex, vertexAnthropic, vertexGemini } from '#infra/upstream/presets/vertex.ts'
import { xai } from '#infra/upstream/presets/xai.ts'
import type { Preset } from '#infra/upstream/profile.ts'

export const KINDS = [
  'anthropic',
  'anthropic-compatible',
  'vertex',
  'openrouter',
  'github-models',
  'openai-compatible',
] as const
export type ProviderKind = (typeof KINDS)[number]

interface KindPresets {
  /** Without `preset` in the configuration. */
  readonly standard: Preset
  readonly named: { readonly [name: string]: Preset }
}

export const PRESETS: { readonly [K in ProviderKind]: KindPresets } = {
  anthropic: { standard: anthropic, named: {} },
  'anthropic-compatible': {
    standard: anyAnthropic,
    named: {
      'bedrock-mantle': bedrockMantle,
      foundry,
      deepseek: deepseekAnthropic,
      kimi,
      zai,
      minimax,
      ollama: ollamaAnthropic,
      vllm: vllmAnthropic,
      'llama-cpp': llamaCppAnthropic,
      'lm-studio': lmStudioAnthropic,
    },
  },
  vertex: {
    standard: vertex,
    named: { 'google-managed': vertex, 'anthropic-managed': vertexAnthropic, gemini: vertexGemini },
  },
  openrouter: { standard: openrouter, named: {} },
  'github-models': { standard: githubModels, named: {} },
  'openai-compatible': {
    standard: anyOpenAi,
    named: {
      openai,
      azure,
      gemini,
      groq,
      deepseek,
      mistral,
      xai,
      together,
      ollama,
      vllm,
      'llama-cpp': llamaCpp,
      'lm-studio': lmStudio,
    },
  },
}
