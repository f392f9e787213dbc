/**
 * What a simulated provider is made of. Members that only one wire knows are marked with its name.
 */

import type { Sloppy } from '#infra/simulator/openai/sloppy.ts'
import type { Limits } from '#infra/simulator/rate-limits.ts'
import type { Script } from '#infra/simulator/script.ts'
import type { Story } from '#infra/simulator/story.ts'
import type { World } from '#infra/simulator/world.ts'

/** Which API a provider speaks. */
export type WireName = 'anthropic' | 'openai' | 'github-models' | 'openrouter' | 'vertex'

export interface EngineOptions {
  /** The provider's name: in its texts, ids and draws. */
  readonly id: string
  /** Default `anthropic`. */
  readonly wire?: WireName
  /** Default 1. Two providers with one seed still differ, by their names. */
  readonly seed?: number
  readonly script?: Script
  readonly world?: World
  readonly story?: Story
  /** Keys that are accepted, as `x-api-key` (Anthropic format only) or bearer; none given = every request is. */
  readonly apiKeys?: readonly string[]
  /** Names that are served; none given = what the wire's models usually look like, e.g. every name with `claude-`. */
  readonly models?: readonly string[]
  readonly limits?: Limits
  /** Larger prompts get the refusal that they are too long; default 1,000,000 (github-models: 8,000). */
  readonly maxInputTokens?: number
  /** Larger bodies get 413; default 32 MB. */
  readonly maxBodyBytes?: number
  /** Claude wires: refuses what a real Claude refuses of a history and of `thinking`; default false. */
  readonly strict?: boolean
  /** Claude wires: the values of `anthropic-beta` that are known; none given = every one (vertex: a list of its own). */
  readonly betas?: readonly string[]
  /**
   * Claude wires: body fields that are known beyond the plain Messages API, members with a dot (`context_management`,
   * `messages.output_config`, `tools.defer_loading`, `thinking.display`); none given = every one.
   */
  readonly fields?: readonly string[]
  /** vertex: the access tokens that are accepted; none given = `apiKeys`, and without those any. */
  readonly accessTokens?: { readonly accepts: (token: string, at: number) => boolean }
  /** vertex: quota refusals of streamed calls come as a JSON array of one. */
  readonly quotaAsArray?: true
  /** github-models: the service has ended. `true`: 410; `forbidden`: the empty 403 of before that. */
  readonly retired?: true | 'forbidden'
  /** openrouter: USD that may be spent; then 402. None given = any. */
  readonly creditUsd?: number
  /** openrouter: a `[DONE]` after the stream of the Anthropic skin. */
  readonly trailingDone?: true
  /** openai: what comes before `/chat/completions`; default `/v1`. */
  readonly prefix?: string
  /** Chat wires: how the server deviates from OpenAI. */
  readonly sloppy?: Sloppy
  /** openai: fields that the server takes beyond OpenAI's, e.g. `top_k`, `messages.reasoning_content`. */
  readonly accepts?: readonly string[]
}
