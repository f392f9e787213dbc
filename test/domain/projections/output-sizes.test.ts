/**
 * How long answers will be, by what was answered before.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { modelId } from '#domain/ids.ts'
import {
  ANSWERS_REMEMBERED,
  ASSUMED_TOKENS,
  expectedOutput,
  outputSizes,
  SIZES_KEPT,
} from '#domain/projections/output-sizes.ts'
import { admitted, failed, fold, type Moment, started, succeeded } from '#test/attempts.ts'

const SONNET = modelId('claude-sonnet-5-5')
const OLDER_SONNET = modelId('anthropic/claude-sonnet-4.6')
const OPUS = modelId('claude-opus-5-5')
const MAIN = { tools: 12 }
const AGENT = { tools: 12, agentId: 'a' }
const TITLE = { tools: 0 }

type Asked = typeof MAIN | typeof AGENT
const answer = (n: number, outputTokens: number, model = SONNET, asked: Asked = MAIN): readonly Moment[] => [
  [0, admitted(n, asked)],
  [0, started(n, { model })],
  [0, succeeded(n, { model, usage: { outputTokens } })],
]
const answers = (...all: readonly (readonly Moment[])[]) => fold(outputSizes, all.flat())

describe('the expected size of an answer', () => {
  it('is a rule of thumb before anything was answered', () => {
    expect(expectedOutput(outputSizes.initial(), SONNET, MAIN)).toBe(ASSUMED_TOKENS)
  })

  it('is the mean of what the family has answered to requests of the same kind', () => {
    const state = answers(
      answer(1, 100),
      answer(2, 300, OLDER_SONNET),
      answer(3, 5_000, SONNET, AGENT),
      answer(4, 10, SONNET, TITLE),
      answer(5, 900, OPUS),
    )
    expect(expectedOutput(state, SONNET, MAIN)).toBe(200)
    expect(expectedOutput(state, SONNET, AGENT)).toBe(5_000)
    expect(expectedOutput(state, SONNET, TITLE)).toBe(10)
    expect(expectedOutput(state, OPUS, MAIN)).toBe(900)
  })

  it('is that of all families for one that has not answered such a request', () => {
    const state = answers(answer(1, 100), answer(2, 300, OPUS))
    expect(expectedOutput(state, modelId('qwen3:30b'), MAIN)).toBe(200)
    expect(expectedOutput(state, modelId('qwen3:30b'), AGENT)).toBe(ASSUMED_TOKENS)
  })

  it('is at most what the client allows', () => {
    expect(expectedOutput(answers(answer(1, 100)), SONNET, { ...MAIN, maxTokens: 64 })).toBe(64)
  })

  it('is not learned from failures, nor from providers that count nothing', () => {
    const broken: readonly Moment[] = [
      [0, admitted(2)],
      [0, started(2)],
      [0, failed(2, { _tag: 'Unknown' })],
    ]
    expect(answers(broken, answer(1, 0)).sizes.size).toBe(0)
  })

  it('lies between the smallest and the largest answer, and comes to where the answers are', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 80 }), (sizes) => {
        const tokens = expectedOutput(answers(...sizes.map((size, n) => answer(n, size))), SONNET, MAIN)
        expect(tokens).toBeGreaterThanOrEqual(Math.min(...sizes))
        expect(tokens).toBeLessThanOrEqual(Math.max(...sizes))
      }),
    )
    const before = Array.from({ length: 100 }, (_, n) => answer(n, 10_000))
    const after = Array.from({ length: 5 * ANSWERS_REMEMBERED }, (_, n) => answer(1_000 + n, 100))
    expect(expectedOutput(answers(...before, ...after), SONNET, MAIN)).toBeLessThan(200)
  })

  it('is kept for a bounded number of names: the one that was not heard of for longest is forgotten', () => {
    const all = Array.from({ length: SIZES_KEPT }, (_, n) => answer(n, n + 1, modelId(`m${n}`)))
    const state = answers(...all)
    expect(state.sizes.size).toBe(SIZES_KEPT)
    expect(state.sizes.has('["m0","main"]')).toBe(false)
    expect(expectedOutput(state, modelId(`m${SIZES_KEPT - 1}`), MAIN)).toBe(SIZES_KEPT)
  })
})
