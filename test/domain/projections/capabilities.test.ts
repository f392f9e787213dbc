/**
 * What providers said about themselves: refused features until their time is over, announced ends until they change.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CapabilityLearned, DomainEvent } from '#domain/events.ts'
import { type ModelId, modelId, type ProviderId, providerId } from '#domain/ids.ts'
import { defaultBreaker, defaultPolicy, defaultTimeouts } from '#domain/policy.ts'
import {
  announcedEnd,
  capabilities,
  FEATURES_KEPT,
  PAIRS_KEPT,
  refusedFeatures,
} from '#domain/projections/capabilities.ts'
import { EPOCH, MODELS, PROVIDERS, requestNamed } from '#test/generators.ts'

const PROVIDER = PROVIDERS[0]!
const MODEL = MODELS[0]!
const DAY = 86_400_000

const learned = (
  features: readonly string[],
  until: number,
  provider: ProviderId = PROVIDER,
  model: ModelId = MODEL,
): CapabilityLearned => ({
  _tag: 'CapabilityLearned',
  requestId: requestNamed(1),
  provider,
  model,
  features,
  until,
})
const announced = (dates: { readonly sunsetAt?: number; readonly deprecatedAt?: number }): DomainEvent => ({
  _tag: 'SunsetAnnounced',
  provider: PROVIDER,
  model: MODEL,
  ...dates,
})

const fold = (events: readonly DomainEvent[]) =>
  events.reduce(
    (state, event) => capabilities.evolve(state, { event, occurredAt: EPOCH, writer: 'box' }),
    capabilities.initial(),
  )

describe('a refused feature', () => {
  it('is left out until its time is over, and not any longer', () => {
    const state = fold([learned(['beta:a', 'field:b'], EPOCH + DAY)])
    expect(refusedFeatures(state, PROVIDER, MODEL, EPOCH)).toEqual(['beta:a', 'field:b'])
    expect(refusedFeatures(state, PROVIDER, MODEL, EPOCH + DAY - 1)).toEqual(['beta:a', 'field:b'])
    expect(refusedFeatures(state, PROVIDER, MODEL, EPOCH + DAY)).toEqual([])
  })

  it('is refused by this provider for this model only, also where names run together', () => {
    const state = fold([learned(['beta:a'], EPOCH + DAY, providerId('a","b'), modelId('c'))])
    expect(refusedFeatures(state, providerId('a","b'), modelId('c'), EPOCH)).toEqual(['beta:a'])
    expect(refusedFeatures(state, providerId('a'), modelId('b","c'), EPOCH)).toEqual([])
    expect(refusedFeatures(state, PROVIDER, MODEL, EPOCH)).toEqual([])
  })

  it('that is refused again counts from then on', () => {
    const state = fold([learned(['beta:a'], EPOCH + 1), learned(['beta:b'], EPOCH + 2), learned(['beta:a'], EPOCH + 3)])
    expect(refusedFeatures(state, PROVIDER, MODEL, EPOCH + 2)).toEqual(['beta:a'])
  })

  it('is forgotten with its provider', () => {
    const other = providerId('other')
    const entry = { enabled: true, priority: 0, models: {}, breaker: defaultBreaker, timeouts: defaultTimeouts }
    const policy = { ...defaultPolicy, providers: [{ id: other, kind: 'anthropic', ...entry }] }
    const state = fold([
      learned(['beta:a'], EPOCH + DAY),
      learned(['beta:a'], EPOCH + DAY, other),
      { _tag: 'PolicyChanged', version: 1, policy },
    ])
    expect(refusedFeatures(state, PROVIDER, MODEL, EPOCH)).toEqual([])
    expect(refusedFeatures(state, other, MODEL, EPOCH)).toEqual(['beta:a'])
  })

  it('is left out exactly while the last refusal that named it says so, in any history', () => {
    const named: readonly string[] = ['beta:a', 'beta:b', 'field:c']
    const events = fc.array(
      fc.record({
        provider: fc.constantFrom(...PROVIDERS),
        model: fc.constantFrom(...MODELS),
        features: fc.subarray([...named], { minLength: 1 }),
        until: fc.integer({ min: EPOCH, max: EPOCH + 2 * DAY }),
      }),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(events, fc.integer({ min: EPOCH, max: EPOCH + 2 * DAY }), (all, at) => {
        const state = fold(all.map(({ features, until, provider, model }) => learned(features, until, provider, model)))
        for (const provider of PROVIDERS) {
          for (const model of MODELS) {
            const own = all.filter((one) => one.provider === provider && one.model === model)
            const expected = named.filter(
              (feature) => at < (own.findLast(({ features }) => features.includes(feature))?.until ?? 0),
            )
            expect([...refusedFeatures(state, provider, model, at)].toSorted()).toEqual(expected)
          }
        }
      }),
    )
  })
})

describe('an announced end', () => {
  it('is what was said last', () => {
    expect(announcedEnd(fold([]), PROVIDER, MODEL)).toEqual({ sunsetAt: null, deprecatedAt: null })
    const once = fold([announced({ sunsetAt: 7, deprecatedAt: 5 })])
    expect(announcedEnd(once, PROVIDER, MODEL)).toMatchObject({ sunsetAt: 7, deprecatedAt: 5 })
    const again = fold([announced({ sunsetAt: 7, deprecatedAt: 5 }), announced({ sunsetAt: 9 })])
    expect(announcedEnd(again, PROVIDER, MODEL)).toMatchObject({ sunsetAt: 9, deprecatedAt: null })
  })

  it('and refused features do not touch each other', () => {
    const state = fold([learned(['beta:a'], EPOCH + DAY), announced({ sunsetAt: 7 }), learned(['beta:b'], EPOCH + DAY)])
    expect(announcedEnd(state, PROVIDER, MODEL)).toMatchObject({ sunsetAt: 7 })
    expect(refusedFeatures(state, PROVIDER, MODEL, EPOCH)).toEqual(['beta:a', 'beta:b'])
  })
})

describe('what is kept of it', () => {
  it('are three hundred pairs: the one that was not heard of for longest is forgotten', () => {
    const model = (n: number) => modelId(`model-${n}`)
    const state = fold([
      ...Array.from({ length: PAIRS_KEPT }, (_, n) => learned(['beta:a'], EPOCH + DAY, PROVIDER, model(n))),
      learned(['beta:b'], EPOCH + DAY, PROVIDER, model(0)),
      learned(['beta:a'], EPOCH + DAY, PROVIDER, model(PAIRS_KEPT)),
    ])
    expect(state.size).toBe(PAIRS_KEPT)
    expect(refusedFeatures(state, PROVIDER, model(0), EPOCH)).toEqual(['beta:a', 'beta:b'])
    expect(refusedFeatures(state, PROVIDER, model(1), EPOCH)).toEqual([])
  })

  it('are a hundred features of each, the newest', () => {
    const features = Array.from({ length: FEATURES_KEPT + 20 }, (_, n) => `beta:${n}`)
    const state = fold([learned(features.slice(0, 60), EPOCH + DAY), learned(features.slice(60), EPOCH + DAY)])
    expect(refusedFeatures(state, PROVIDER, MODEL, EPOCH)).toEqual(features.slice(20))
  })
})
