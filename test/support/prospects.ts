/**
 * Candidates for routing: one that is fine in every respect, to be changed where a test cares, and arbitrary ones.
 */
import fc from 'fast-check'
import { modelId, providerId } from '#domain/ids.ts'
import type { Outlook } from '#domain/routing/outlook.ts'
import type { Prospect } from '#domain/routing/strategy.ts'
import { providerNamed } from '#test/attempts.ts'
import { EPOCH } from '#test/generators.ts'

export const fineOutlook: Outlook = {
  headroomShare: 1,
  isFull: false,
  limitFreesAt: EPOCH,
  concurrencyShare: 1,
  ttftMs: 1_000,
  msPerToken: 10,
  inFlight: 0,
  successShare: 1,
  limitPenalty: 0,
  cachedTokens: 0,
  cachedShare: 0,
  outputTokens: 500,
  costNanoUsd: 50_000_000,
  turnNanoUsd: 50_000_000,
}

/** Nothing was ever heard of it. */
export const unknownOutlook: Outlook = {
  ...fineOutlook,
  headroomShare: null,
  ttftMs: null,
  msPerToken: null,
  successShare: null,
  costNanoUsd: null,
  turnNanoUsd: null,
}

export const shares = fc.double({ min: 0, max: 1, noNaN: true })
const maybe = <A>(known: fc.Arbitrary<A>) => fc.option(known, { freq: 4 })

export const outlooks: fc.Arbitrary<Outlook> = fc.record({
  headroomShare: maybe(shares),
  isFull: fc.constant(false),
  limitFreesAt: maybe(fc.constant(EPOCH)),
  concurrencyShare: shares,
  ttftMs: maybe(fc.nat(300_000)),
  msPerToken: maybe(fc.double({ min: 0, max: 1_000, noNaN: true })),
  inFlight: fc.nat(64),
  successShare: maybe(shares),
  limitPenalty: shares,
  cachedTokens: fc.nat(1_000_000),
  cachedShare: fc.oneof(fc.constant(0), shares),
  outputTokens: fc.nat(128_000),
  costNanoUsd: maybe(fc.nat(2_000_000_000)),
  turnNanoUsd: maybe(fc.nat(2_000_000_000)),
})

interface Told extends Partial<Outlook> {
  readonly priority?: number
  readonly isSubstitute?: boolean
  readonly share?: number
}

export const prospect = (name: string, told: Told = {}): Prospect => {
  const { priority = 0, isSubstitute = false, share = 1, ...outlook } = told
  return {
    provider: providerNamed(providerId(name), { priority }),
    model: modelId('claude-sonnet-5-5'),
    isSubstitute,
    share,
    outlook: { ...fineOutlook, ...outlook },
  }
}

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']

/** From one to ten, each of another provider; often some that are alike in all but the name. */
export const prospectLists: fc.Arbitrary<readonly Prospect[]> = fc
  .integer({ min: 1, max: NAMES.length })
  .chain((count) =>
    fc
      .array(fc.tuple(outlooks, fc.integer({ min: 0, max: 2 }), fc.boolean(), fc.constantFrom(0.1, 0.5, 1, 1)), {
        minLength: 1,
        maxLength: count,
      })
      .map((kinds) =>
        NAMES.slice(0, count).map((name, n) => {
          const [outlook, priority, isSubstitute, share] = kinds[n % kinds.length]!
          return prospect(name, { ...outlook, priority, isSubstitute, share })
        }),
      ),
  )
