/**
 * The table of failures: for each reason, may another provider be tried, against whom does it count, until when is the same
 * provider useless.
 */
import { describe, expect, it } from 'vitest'
import {
  type Blame,
  countsAgainst,
  type FailureReason,
  type FailureTag,
  retryableElsewhere,
  uselessUntil,
} from '#domain/failure.ts'
import { allReasons, EPOCH, everyReason } from '#test/generators.ts'

interface Answers {
  readonly elsewhere: boolean
  readonly blame: Blame
  readonly mayTell: boolean
}

const expected: { readonly [T in FailureTag]: Answers } = {
  RateLimited: { elsewhere: true, blame: 'limit', mayTell: true },
  Overloaded: { elsewhere: true, blame: 'provider', mayTell: true },
  Timeout: { elsewhere: true, blame: 'provider', mayTell: false },
  ServerError: { elsewhere: true, blame: 'provider', mayTell: true },
  Transport: { elsewhere: true, blame: 'provider', mayTell: false },
  CredentialRefused: { elsewhere: true, blame: 'account', mayTell: false },
  QuotaExhausted: { elsewhere: true, blame: 'account', mayTell: true },
  Retired: { elsewhere: true, blame: 'account', mayTell: false },
  InvalidRequest: { elsewhere: false, blame: 'request', mayTell: false },
  ContextTooLong: { elsewhere: false, blame: 'request', mayTell: false },
  FeatureRefused: { elsewhere: true, blame: 'request', mayTell: false },
  ContentRefused: { elsewhere: false, blame: 'request', mayTell: false },
  MalformedOutput: { elsewhere: true, blame: 'provider', mayTell: false },
  BudgetExceeded: { elsewhere: false, blame: 'client', mayTell: true },
  Cancelled: { elsewhere: false, blame: 'client', mayTell: false },
  Unknown: { elsewhere: true, blame: 'provider', mayTell: false },
}

/** What the three questions answer differently from their reason's row. */
const answersOf = (reason: FailureReason): Answers => {
  const row = expected[reason._tag]
  if (reason._tag === 'CredentialRefused' && reason.whose === 'client')
    return { ...row, elsewhere: false, blame: 'client' }
  if (reason._tag === 'InvalidRequest' && reason.status === 404) return { ...row, elsewhere: true }
  if (reason._tag === 'ContextTooLong' && reason.limit === 'provider') return { ...row, elsewhere: true }
  if (reason._tag === 'Timeout' && reason.phase === 'deadline') return { ...row, blame: 'nobody' }
  return row
}

describe('a failure', () => {
  it('of every reason is in this table', () => {
    for (const examples of Object.values(everyReason)) expect(examples.length).toBeGreaterThan(0)
    expect(Object.keys(everyReason).toSorted()).toEqual(Object.keys(expected).toSorted())
  })

  it.each(allReasons)('%o is retryable elsewhere or not', (reason) => {
    expect(retryableElsewhere(reason)).toBe(answersOf(reason).elsewhere)
  })

  it.each(allReasons)('%o counts against whom it should', (reason) => {
    expect(countsAgainst(reason)).toBe(answersOf(reason).blame)
  })

  it.each(allReasons)('%o tells until when it is useless only if somebody told', (reason) => {
    const told = 'until' in reason ? reason.until : undefined
    expect(uselessUntil(reason)).toBe(told)
    if (told !== undefined) expect(told).toBeGreaterThan(EPOCH)
    if (!expected[reason._tag].mayTell) expect(told).toBeUndefined()
  })
})
