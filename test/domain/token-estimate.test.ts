/**
 * Estimates of prompts: the rule of thumb, what counted prompts teach, and how far off an estimate says it is.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { estimateTokens, learnRate, type PromptSize, TOKENS_PER_IMAGE, type TokenRate } from '#domain/token-estimate.ts'

const sizes: fc.Arbitrary<PromptSize> = fc
  .record({ text: fc.integer({ min: 2_000, max: 2_000_000 }), imageBytes: fc.nat(5_000_000), images: fc.nat(20) })
  .map(({ text, imageBytes, images }) => ({ bodyBytes: text + imageBytes, imageBytes, images }))

const textBytes = ({ bodyBytes, imageBytes = 0 }: PromptSize): number => bodyBytes - imageBytes

/** What a tokenizer that makes `perByte` tokens of every byte counts. */
const count = (size: PromptSize, perByte: number): number =>
  Math.round(textBytes(size) * perByte) + size.images * TOKENS_PER_IMAGE

const learnAll = (answers: readonly (readonly [PromptSize, number])[]): TokenRate | undefined =>
  answers.reduce<TokenRate | undefined>((rate, [size, counted]) => learnRate(rate, size, counted), undefined)

describe('before anything was counted', () => {
  it('an estimate is four bytes to a token, with a margin of a third', () => {
    expect(estimateTokens({ bodyBytes: 40_000, images: 0 })).toEqual({ tokens: 10_000, errorShare: 0.35 })
  })

  it('images count by the piece, not by their bytes', () => {
    expect(estimateTokens({ bodyBytes: 1_040_000, imageBytes: 1_000_000, images: 2 }).tokens).toBe(
      10_000 + 2 * TOKENS_PER_IMAGE,
    )
  })

  it('an estimate is never nothing', () => {
    for (const bodyBytes of [0, 1, 2]) expect(estimateTokens({ bodyBytes, images: 0 }).tokens).toBe(1)
  })
})

describe('what was counted', () => {
  it('once is taken for the rate, with the error that the rule of thumb made', () => {
    const rate = learnRate(undefined, { bodyBytes: 1_000, images: 0 }, 500)
    expect(rate).toEqual({ tokensPerByte: 0.5, errorShare: 0.5, samples: 1 })
    expect(estimateTokens({ bodyBytes: 4_000, images: 0 }, rate).tokens).toBe(2_000)
  })

  it('weighs the same for the first twenty answers, then the newest weighs a twentieth', () => {
    const size = { bodyBytes: 10_000, images: 0 }
    const twenty = learnAll(Array.from({ length: 20 }, (_, n) => [size, n % 2 === 0 ? 2_000 : 4_000] as const))
    expect(twenty?.tokensPerByte).toBeCloseTo(0.3)
    const more = learnRate(learnRate(twenty, size, 4_000), size, 4_000)
    expect(more?.tokensPerByte).toBeCloseTo(0.4 - 0.1 * 0.95 ** 2)
  })

  it('and is fewer than the images alone come to teaches nothing', () => {
    const size = { bodyBytes: 10_000, imageBytes: 9_000, images: 2 }
    expect(learnRate(undefined, size, 2 * TOKENS_PER_IMAGE)).toBeUndefined()
    const rate: TokenRate = { tokensPerByte: 0.3, errorShare: 0.1, samples: 4 }
    expect(learnRate(rate, size, 100)).toBe(rate)
  })
})

describe('for any tokenizer', () => {
  const perByte = fc.double({ min: 0.1, max: 1, noNaN: true })

  it('that makes the same of every byte, one answer is enough: estimates keep within the error that they state', () => {
    fc.assert(
      fc.property(perByte, fc.array(sizes, { minLength: 1, maxLength: 50 }), sizes, (rate, seen, next) => {
        const learned = learnAll(seen.map((size) => [size, count(size, rate)] as const))
        const { tokens, errorShare } = estimateTokens(next, learned)
        const truth = count(next, rate)
        // Counts are whole: half a token of the smallest text seen, which has 200, and half a token of the estimate.
        const rounding = 0.5 / 200 + 0.5 / truth
        expect(Math.abs(tokens - truth) / truth).toBeLessThanOrEqual(rounding)
        expect(Math.abs(tokens - truth) / truth).toBeLessThanOrEqual(errorShare + rounding)
      }),
    )
  })

  it('that makes the same of every byte, the stated error shrinks to next to nothing', () => {
    fc.assert(
      fc.property(perByte, fc.array(sizes, { minLength: 120, maxLength: 120 }), (rate, seen) => {
        const learned = learnAll(seen.map((size) => [size, count(size, rate)] as const))
        expect(learned?.errorShare).toBeLessThan(0.01)
      }),
      { numRuns: 30 },
    )
  })

  it('the learned rate lies between the lowest and the highest that was seen, and the error between none and the worst', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(sizes, perByte), { minLength: 1, maxLength: 60 }), (texts) => {
        const counted = texts.map(([size, rate]) => [size, count(size, rate)] as const)
        const seen = counted.map(([size, n]) => (n - size.images * TOKENS_PER_IMAGE) / textBytes(size))
        const learned = learnAll(counted)
        expect(learned?.samples).toBe(texts.length)
        expect(learned?.tokensPerByte).toBeGreaterThanOrEqual(Math.min(...seen) - 1e-9)
        expect(learned?.tokensPerByte).toBeLessThanOrEqual(Math.max(...seen) + 1e-9)
        expect(learned?.errorShare).toBeGreaterThanOrEqual(0)
        // The rule of thumb, a quarter, makes the first error; half a token of the smallest text is rounding.
        const worst = Math.max(0.25, ...seen) / Math.min(0.25, ...seen) - 1
        expect(learned?.errorShare).toBeLessThanOrEqual(worst + 0.5 / 200)
      }),
    )
  })
})
