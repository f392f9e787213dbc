/**
 * Tokens of a prompt, estimated from the size of its body. How many a byte is worth depends on the model's tokenizer (Claude
 * 4.7 and later make about 30 % more of the same text) and on what is written, so the rate is learned per model from the
 * answers of providers that count (projections/token-rates.ts); until then a rule of thumb stands in, with a wide margin.
 */

/** What is known of a request's size without reading it. */
export interface PromptSize {
  readonly bodyBytes: number
  /** Of these, base-64 images. */
  readonly imageBytes?: number
  readonly images: number
}

/** What was learned about one model. */
export interface TokenRate {
  /** Tokens per byte of JSON without images. */
  readonly tokensPerByte: number
  /** Mean of |estimate − count| / count over the last answers. */
  readonly errorShare: number
  readonly samples: number
}

export interface TokenEstimate {
  /** At least 1: a count of zero breaks the client's compaction. */
  readonly tokens: number
  /** How far off the estimate usually is, as a share of the true count. */
  readonly errorShare: number
}

/** Four bytes a token: what JSON bodies of Claude Code come to, within a third. */
const RULE_OF_THUMB: TokenRate = { tokensPerByte: 0.25, errorShare: 0.35, samples: 0 }

/** The API scales images down to this many tokens (width × height / 750, at most 1,568 pixels a side). */
export const TOKENS_PER_IMAGE = 1_600

const textBytes = ({ bodyBytes, imageBytes = 0 }: PromptSize): number => Math.max(1, bodyBytes - imageBytes)

export const estimateTokens = (size: PromptSize, rate: TokenRate = RULE_OF_THUMB): TokenEstimate => ({
  tokens: Math.max(1, Math.round(textBytes(size) * rate.tokensPerByte) + size.images * TOKENS_PER_IMAGE),
  errorShare: rate.errorShare,
})

/** The newest answer weighs this much, once there have been as many; before, all weigh the same. */
const MEMORY = 20

/** Learns from a prompt that a provider counted. Counts that cannot be true (fewer than the images alone) teach nothing. */
export const learnRate = (rate: TokenRate | undefined, size: PromptSize, counted: number): TokenRate | undefined => {
  const text = counted - size.images * TOKENS_PER_IMAGE
  if (text <= 0) return rate
  const before = estimateTokens(size, rate).tokens
  const seen = text / textBytes(size)
  const error = Math.abs(before - counted) / counted
  const samples = (rate?.samples ?? 0) + 1
  const weight = 1 / Math.min(samples, MEMORY)
  // The very first estimate was the rule of thumb's: its error says nothing of the learned rate, so it only counts once.
  const { tokensPerByte, errorShare } = rate ?? { tokensPerByte: seen, errorShare: error }
  return {
    tokensPerByte: tokensPerByte + weight * (seen - tokensPerByte),
    errorShare: errorShare + weight * (error - errorShare),
    samples,
  }
}
