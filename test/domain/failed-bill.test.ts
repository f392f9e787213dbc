import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { billOfFailed, type FailedAttempt } from '#domain/failed-bill.ts'
import { noUsage, type Usage } from '#domain/usage.ts'
import { allReasons } from '#test/generators.ts'
import { usages } from '#test/recorded-events.ts'

const costOf = ({ inputTokens, outputTokens }: Usage): number => 2 * inputTokens + 10 * outputTokens
const lost: FailedAttempt = {
  reason: { _tag: 'Transport', code: 'ECONNRESET', connect: false },
  usage: undefined,
  contentBytes: 0,
  contentFrames: 0,
  isCounted: false,
  promptNanoUsd: 700,
  costOf,
}
const begun: Usage = { ...noUsage, inputTokens: 100, outputTokens: 1 }

describe('the bill of a failed attempt', () => {
  it.each<[string, FailedAttempt['reason']]>([
    ['that was refused for its limits', { _tag: 'RateLimited', status: 429 }],
    ['that met an overloaded provider', { _tag: 'Overloaded', status: 529 }],
    ['that met an error', { _tag: 'ServerError', status: 500 }],
    ['that never connected', { _tag: 'Transport', code: 'ECONNREFUSED', connect: true }],
    ['that timed out while it connected', { _tag: 'Timeout', phase: 'connect' }],
    ['whose key was refused', { _tag: 'CredentialRefused', whose: 'gateway', status: 401 }],
  ])('%s is nothing, and no estimate', (_, reason) => {
    expect(billOfFailed({ ...lost, reason })).toEqual({ costNanoUsd: 0 })
  })

  it.each<[string, FailedAttempt['reason']]>([
    ['whose connection was lost before it answered', { _tag: 'Transport', code: 'ECONNRESET', connect: false }],
    ['whose client left', { _tag: 'Cancelled', by: 'client' }],
    ['that took too long', { _tag: 'Timeout', phase: 'firstContent' }],
  ])('%s is an estimate of its prompt', (_, reason) => {
    expect(billOfFailed({ ...lost, reason })).toEqual({ costNanoUsd: 700, estimated: true })
    expect(billOfFailed({ ...lost, reason, promptNanoUsd: null })).toEqual({ estimated: true })
  })

  it('of a broken stream counts the output that was seen, and says that it is an estimate', () => {
    // Ten deltas of 160 bytes: 40 characters each beside the frame, so 100 tokens.
    const bill = billOfFailed({ ...lost, usage: begun, contentFrames: 10, contentBytes: 1_600 })
    expect(bill).toEqual({ usage: { ...begun, outputTokens: 100 }, costNanoUsd: 2 * 100 + 10 * 100, estimated: true })
  })

  it('of a stream that had told its count is that count', () => {
    const usage = { ...begun, outputTokens: 40 }
    expect(billOfFailed({ ...lost, usage, contentFrames: 10, contentBytes: 1_600, isCounted: true })).toEqual({
      usage,
      costNanoUsd: 2 * 100 + 10 * 40,
    })
  })

  it('is never less than what the provider told, and unknown without a price', () => {
    const seen = fc.record({ contentBytes: fc.nat(1_000_000), contentFrames: fc.nat(10_000), isCounted: fc.boolean() })
    fc.assert(
      fc.property(fc.constantFrom(...allReasons), usages, seen, (reason, usage, content) => {
        const bill = billOfFailed({ ...lost, reason, usage, ...content })
        expect(bill.costNanoUsd).toBeGreaterThanOrEqual(costOf(usage))
        expect(bill.estimated === true).toBe(bill.usage?.outputTokens !== usage.outputTokens)
        const unpriced = billOfFailed({ ...lost, reason, usage, ...content, costOf: () => null })
        expect(unpriced.costNanoUsd).toBeUndefined()
      }),
    )
  })
})
