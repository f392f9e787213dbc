/**
 * The simulator's token rule: one token per four bytes of UTF-8, rounded up; 1,600 tokens per image or PDF, whatever its
 * size. Simple, stable, and near enough to English prose for limits, costs and caches to behave plausibly.
 */

export const BYTES_PER_TOKEN = 4
const TOKENS_PER_MEDIA = 1_600

export const estimateTokens = (text: string): number => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN)

/** Tokens of any JSON value of a prompt (a tool, a block, a message). */
export const promptTokens = (value: unknown): number => {
  let media = 0
  const text = JSON.stringify(value, (_key, inner: unknown) => {
    if (!isBase64(inner)) return inner
    media++
    return { type: 'base64' }
  })
  return estimateTokens(text) + media * TOKENS_PER_MEDIA
}

const isBase64 = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'type' in value && value.type === 'base64' && 'data' in value
