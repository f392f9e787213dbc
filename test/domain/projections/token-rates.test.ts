/**
 * What the log teaches about tokenizers: pairs of a body's size and what the provider counted of it, per model.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AttemptFailed, AttemptStarted, AttemptSucceeded, DomainEvent, RequestAdmitted } from '#domain/events.ts'
import { type ModelId, modelId } from '#domain/ids.ts'
import type { Occurred } from '#domain/projections/projection.ts'
import { requests } from '#domain/projections/requests.ts'
import { MODELS_KEPT, tokenRates } from '#domain/projections/token-rates.ts'
import { estimateTokens } from '#domain/token-estimate.ts'
import { noUsage, type Usage } from '#domain/usage.ts'
import { EPOCH, histories, PROVIDERS, requestNamed, served } from '#test/generators.ts'

const PROVIDER = PROVIDERS[0]!
const SONNET = modelId('claude-sonnet-5-5')
const QWEN = modelId('qwen3:30b')

const fold = (events: readonly DomainEvent[]) =>
  events.reduce(
    (state, event) => tokenRates.evolve(state, { event, occurredAt: EPOCH, writer: 'box' }),
    tokenRates.initial(),
  )

const admitted = (n: number, some: Partial<RequestAdmitted> = {}): RequestAdmitted => ({
  _tag: 'RequestAdmitted',
  requestId: requestNamed(n),
  model: SONNET,
  stream: true,
  bodyBytes: 10_000,
  messages: 1,
  tools: 0,
  images: 0,
  draw: 0,
  ...some,
})
const named = (n: number, model: ModelId) => ({ requestId: requestNamed(n), attempt: 1, provider: PROVIDER, model })
const started = (n: number, model = SONNET): AttemptStarted => ({ _tag: 'AttemptStarted', ...named(n, model) })
const failed = (n: number, model = SONNET): AttemptFailed => ({
  ...{ _tag: 'AttemptFailed', ...named(n, model), reason: { _tag: 'Unknown' } },
  ...{ stage: 'S0', durationMs: 1, draw: 0 },
})
const succeeded = (n: number, usage: Partial<Usage>, model = SONNET): AttemptSucceeded => ({
  ...{ _tag: 'AttemptSucceeded', ...named(n, model), ...served },
  ...{ usage: { ...noUsage, ...usage }, durationMs: 1_000 },
})

describe('token rates', () => {
  it('take the whole prompt, also what came from a cache or went into one', () => {
    const usage = { inputTokens: 1_000, cacheReadTokens: 2_000, cacheWrite5mTokens: 500, cacheWrite1hTokens: 500 }
    const { rates } = fold([admitted(1), started(1), succeeded(1, { ...usage, outputTokens: 9_999 })])
    expect(rates.get(SONNET)).toMatchObject({ tokensPerByte: 0.4, samples: 1 })
  })

  it('are those of the name that was asked for last, whatever the answer calls itself', () => {
    const events = [admitted(1), started(1), failed(1), started(1, QWEN)]
    const { rates } = fold([...events, succeeded(1, { inputTokens: 3_000 }, modelId('qwen3-30b-a3b-instruct'))])
    expect([...rates.keys()]).toEqual([QWEN])
  })

  it('learn nothing from a provider that counts nothing', () => {
    expect(fold([admitted(1), started(1), succeeded(1, {})]).rates.size).toBe(0)
  })

  it('learn nothing from an answer to a request that the log does not hold', () => {
    expect(fold([started(1), succeeded(1, { inputTokens: 3_000 })]).rates.size).toBe(0)
  })

  it('leave the bytes of images out', () => {
    const images = { bodyBytes: 1_010_000, imageBytes: 1_000_000, images: 1 }
    const { rates } = fold([admitted(1, images), started(1), succeeded(1, { inputTokens: 1_600 + 2_500 })])
    expect(rates.get(SONNET)).toMatchObject({ tokensPerByte: 0.25 })
  })

  it('hold open exactly the requests that are under way', () => {
    fc.assert(
      fc.property(histories(), (events: readonly Occurred[]) => {
        const { open } = events.reduce((state, one) => tokenRates.evolve(state, one), tokenRates.initial())
        const { inFlight } = events.reduce((state, one) => requests.evolve(state, one), requests.initial())
        expect([...open.keys()].toSorted()).toEqual([...inFlight.keys()].toSorted())
      }),
    )
  })

  it('are kept for two hundred models: the one that was not heard of for longest is forgotten', () => {
    const answered = (n: number, model: ModelId) => [
      admitted(n),
      started(n, model),
      succeeded(n, { inputTokens: 2_000 }, model),
    ]
    const names = Array.from({ length: MODELS_KEPT }, (_, n) => modelId(`model-${n}`))
    const { rates } = fold([
      ...names.flatMap((model, n) => answered(n, model)),
      ...answered(1_000, names[0]!),
      ...answered(1_001, modelId('one-more')),
    ])
    expect(rates.size).toBe(MODELS_KEPT)
    expect([rates.has(names[0]!), rates.has(names[1]!)]).toEqual([true, false])
  })

  it('learn each tokenizer of a mixed log, so that every estimate keeps within the error that it states', () => {
    const answers = fc.array(
      fc.record({ model: fc.constantFrom(SONNET, QWEN), bodyBytes: fc.integer({ min: 2_000, max: 1_000_000 }) }),
      { minLength: 1, maxLength: 40 },
    )
    fc.assert(
      fc.property(answers, fc.double({ min: 0.1, max: 0.5, noNaN: true }), (all, sonnet) => {
        // A token in 200 at least: counts are whole, the rates are not.
        const count = (model: ModelId, bytes: number) => Math.round(bytes * (model === SONNET ? sonnet : sonnet * 1.3))
        const { rates } = fold(
          all.flatMap(({ model, bodyBytes }, n) => [
            admitted(n, { bodyBytes }),
            started(n, model),
            succeeded(n, { inputTokens: count(model, bodyBytes) }, model),
          ]),
        )
        for (const { model, bodyBytes } of all) {
          const { tokens, errorShare } = estimateTokens({ bodyBytes, images: 0 }, rates.get(model))
          const truth = count(model, bodyBytes)
          expect(Math.abs(tokens - truth) / truth).toBeLessThanOrEqual(errorShare + 0.5 / 200 + 0.5 / truth)
          expect(Math.abs(tokens - truth) / truth).toBeLessThan(0.01)
        }
      }),
    )
  })
})
