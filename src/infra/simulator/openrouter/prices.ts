/**
 * The models that a simulated OpenRouter serves, and what they cost: the price list of November 2026. Costs are computed from
 * the same numbers that `GET /models` serves.
 */
import type { PromptUsage } from '#infra/simulator/content.ts'

/** USD per million tokens. */
export interface Prices {
  readonly prompt: number
  readonly completion: number
  readonly cacheRead: number
  readonly cacheWrite: number
  readonly cacheWrite1h: number
}

export interface PricedModel extends Prices {
  readonly id: string
  readonly name: string
  /** Prices of the whole request when its prompt has at least that many tokens. */
  readonly override?: Prices & { readonly minPromptTokens: number }
}

const prices = (
  prompt: number,
  completion: number,
  cacheRead: number,
  cacheWrite: number,
  cacheWrite1h: number,
): Prices => ({
  prompt,
  completion,
  cacheRead,
  cacheWrite,
  cacheWrite1h,
})

export const PRICED_MODELS: readonly PricedModel[] = [
  { id: 'anthropic/claude-fable-5.2', name: 'Anthropic: Claude Fable 5.2', ...prices(8, 40, 0.2, 10, 16) },
  { id: 'anthropic/claude-opus-5.5', name: 'Anthropic: Claude Opus 5.5', ...prices(4, 20, 0.2, 5, 8) },
  { id: 'anthropic/claude-opus-4.8', name: 'Anthropic: Claude Opus 4.8', ...prices(5, 25, 0.5, 6.25, 10) },
  { id: 'anthropic/claude-sonnet-5.5', name: 'Anthropic: Claude Sonnet 5.5', ...prices(2, 10, 0.1, 2.5, 4) },
  {
    id: 'anthropic/claude-haiku-5.5',
    name: 'Anthropic: Claude Haiku 5.5',
    ...prices(0.1, 0.5, 0.01, 0.125, 0.2),
    override: { minPromptTokens: 100_001, ...prices(0.5, 2.5, 0.05, 0.625, 1) },
  },
  { id: 'openai/gpt-6-luna', name: 'OpenAI: GPT-6 Luna', ...prices(0.1, 0.5, 0.01, 0.125, 0.125) },
  { id: 'google/gemini-3.8-flash', name: 'Google: Gemini 3.8 Flash', ...prices(0.75, 3.75, 0.075, 0, 0) },
]

export interface Cost {
  /** USD */
  readonly total: number
  readonly prompt: number
  readonly completion: number
}

/** A model that has no price costs nothing. */
export const costOf = (model: string, prompt: PromptUsage, outputTokens: number): Cost => {
  const priced = PRICED_MODELS.find(({ id }) => id === model)
  if (priced === undefined) return { total: 0, prompt: 0, completion: 0 }
  const { inputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens } = prompt
  const whole = inputTokens + cacheReadTokens + cacheWrite5mTokens + cacheWrite1hTokens
  const { override } = priced
  const rate = override !== undefined && whole >= override.minPromptTokens ? override : priced
  const input =
    inputTokens * rate.prompt +
    cacheReadTokens * rate.cacheRead +
    cacheWrite5mTokens * rate.cacheWrite +
    cacheWrite1hTokens * rate.cacheWrite1h
  const output = outputTokens * rate.completion
  return { total: usd(input + output), prompt: usd(input), completion: usd(output) }
}

/** From millionths, rounded to a millionth of a millionth: what is left of floating point goes. */
const usd = (millionths: number): number => Number((millionths / 1_000_000).toFixed(12))

/** The body of `GET /models`. */
export const modelsObject = (models: readonly string[] | undefined): object => ({
  data: PRICED_MODELS.filter(({ id }) => models?.includes(id) ?? true).map(modelObject),
})

const modelObject = (model: PricedModel): object => ({
  id: model.id,
  canonical_slug: model.id,
  name: model.name,
  created: 1_791_331_200,
  context_length: 1_000_000,
  architecture: {
    modality: 'text+image->text',
    input_modalities: ['text', 'image', 'file'],
    output_modalities: ['text'],
    tokenizer: 'Claude',
    instruct_type: null,
  },
  pricing: {
    ...perToken(model),
    request: '0',
    image: '0',
    web_search: '0.01',
    ...(model.override === undefined
      ? {}
      : { overrides: [{ min_prompt_tokens: model.override.minPromptTokens, ...perToken(model.override) }] }),
  },
  top_provider: { context_length: 1_000_000, max_completion_tokens: 128_000, is_moderated: false },
  per_request_limits: null,
  supported_parameters: ['max_tokens', 'tools', 'tool_choice', 'reasoning', 'structured_outputs'],
})

/** USD per token, as texts without exponents. */
const perToken = (model: Prices): object => ({
  prompt: decimal(model.prompt),
  completion: decimal(model.completion),
  input_cache_read: decimal(model.cacheRead),
  input_cache_write: decimal(model.cacheWrite),
  input_cache_write_1h: decimal(model.cacheWrite1h),
})

const decimal = (perMillion: number): string => (perMillion / 1_000_000).toFixed(12).replace(/\.?0+$/, '')
