/**
 * Random draws that are a function of what they are for: `draw(seed, 7, 2)` is always the same number. Nothing is kept
 * between calls, so the same seed gives the same world however requests interleave.
 */

/** A number in [0, 1), the same for the same seed and keys. Keys are whole numbers, e.g. request number and purpose. */
export const draw = (seed: number, ...keys: readonly number[]): number => {
  let hash = scramble(seed ^ 0x9e3779b9)
  for (const key of keys) hash = scramble((hash + Math.imul(key | 0, 0x85ebca6b)) ^ (key / 0x1_0000_0000))
  return hash / 0x1_0000_0000
}

/** A log-normal value from two draws: half of the values lie below `median`; `sigma` 0.5 puts 95 % below 2.3 × median. */
export const logNormal = (median: number, sigma: number, u1: number, u2: number): number => {
  const normal = Math.sqrt(-2 * Math.log(1 - u1)) * Math.cos(2 * Math.PI * u2)
  return median * Math.exp(sigma * normal)
}

/** A seed from a text (FNV-1a), e.g. from a provider's name, so that providers with one seed still differ. */
export const seedOf = (text: string): number => {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** `length` letters and digits, as in the identifiers of the API. */
export const letters = (length: number, seed: number, ...keys: readonly number[]): string => {
  let text = ''
  for (let i = 0; i < length; i++) text += LETTERS[Math.floor(draw(seed, ...keys, i) * LETTERS.length)]
  return text
}

/** Murmur3's finaliser: every input bit changes every output bit with probability one half. */
const scramble = (value: number): number => {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
