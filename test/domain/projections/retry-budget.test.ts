import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AttemptStarted, AttemptSucceeded, DomainEvent } from '#domain/events.ts'
import { requestId } from '#domain/ids.ts'
import { defaultPolicy, type Policy } from '#domain/policy.ts'
import { mayRetry, type RetryBudget, retryBudget } from '#domain/projections/retry-budget.ts'
import { noUsage } from '#domain/usage.ts'
import { EPOCH, MODELS, PROVIDERS } from '#test/generators.ts'

const named = { requestId: requestId('req_1'), provider: PROVIDERS[0]!, model: MODELS[0]! }
const started = (attempt: number): AttemptStarted => ({ _tag: 'AttemptStarted', ...named, attempt })
const succeeded: AttemptSucceeded = {
  _tag: 'AttemptSucceeded',
  ...named,
  attempt: 1,
  status: 200,
  usage: noUsage,
  stopReason: null,
  ttftMs: 1,
  durationMs: 1,
  responseBytes: 1,
}
const policyWith = (budget: Policy['retryBudget']): DomainEvent => ({
  _tag: 'PolicyChanged',
  version: 1,
  policy: { ...defaultPolicy, retryBudget: budget },
})
const budgetAfter = (events: readonly DomainEvent[], from: RetryBudget = retryBudget.initial()): RetryBudget =>
  events.reduce((state, event) => retryBudget.evolve(state, { event, occurredAt: EPOCH, writer: 'box' }), from)

describe('the retry budget', () => {
  it('is full at first and lets five extra attempts go while nothing succeeds', () => {
    let state = retryBudget.initial()
    let extra = 0
    while (mayRetry(state)) {
      state = budgetAfter([started(2)], state)
      extra += 1
    }
    expect(extra).toBe(5)
    expect(state.tokens).toBe(5)
  })

  it('is not touched by first attempts', () => {
    expect(budgetAfter(Array.from({ length: 50 }, () => started(1)))).toEqual(retryBudget.initial())
  })

  it('is filled by a fifth with each success, up to its brim', () => {
    const spent = budgetAfter([started(2), started(3)])
    expect(spent.tokens).toBe(8)
    expect(budgetAfter([succeeded], spent).tokens).toBeCloseTo(8.2)
    expect(
      budgetAfter(
        Array.from({ length: 50 }, () => succeeded),
        spent,
      ).tokens,
    ).toBe(10)
  })

  it('lets successes pay back first what requests at the same moment have overspent, but no more than a whole bucket', () => {
    const overspent = budgetAfter(Array.from({ length: 100 }, () => started(2)))
    expect(overspent.tokens).toBe(-10)
    expect(mayRetry(overspent)).toBe(false)
  })

  it('of nothing is zero, never the minus zero that a snapshot would not keep', () => {
    const nothing = policyWith({ tokens: 0, perSuccess: 0, reserve: 0 })
    expect(Object.is(budgetAfter([nothing, started(2)]).tokens, 0)).toBe(true)
    expect(Object.is(budgetAfter([started(2), nothing]).tokens, 0)).toBe(true)
  })

  it('takes the numbers of a new policy, and what was spent stays spent', () => {
    const spent = budgetAfter([started(2), started(2), started(2)])
    expect(budgetAfter([policyWith({ tokens: 100, perSuccess: 0.5, reserve: 20 })], spent)).toEqual({
      capacity: 100,
      perSuccess: 0.5,
      reserve: 20,
      tokens: 97,
    })
    expect(budgetAfter([policyWith(defaultPolicy.retryBudget)], spent)).toEqual(spent)
    expect(budgetAfter([policyWith({ tokens: 1, perSuccess: 0, reserve: 0 })], spent).tokens).toBe(-1)
  })

  it('never lets go more extra attempts than a fifth of the requests and ten more, in any minute of any storm', () => {
    const storms = fc.array(
      fc.record({ passes: fc.nat(3_000), succeeds: fc.constantFrom(true, false, false), wants: fc.nat(3) }),
      { minLength: 20, maxLength: 300 },
    )
    fc.assert(
      fc.property(storms, (storm) => {
        let state = retryBudget.initial()
        let now = EPOCH
        const log: { at: number; extra: number }[] = []
        for (const { passes, succeeds, wants } of storm) {
          now += passes
          state = budgetAfter([started(1)], state)
          let extra = 0
          while (extra < wants && mayRetry(state)) {
            extra += 1
            state = budgetAfter([started(1 + extra)], state)
          }
          if (succeeds) state = budgetAfter([succeeded], state)
          log.push({ at: now, extra })
          const minute = log.filter(({ at }) => at > now - 60_000)
          const extras = minute.reduce((sum, request) => sum + request.extra, 0)
          expect(extras).toBeLessThanOrEqual(0.2 * minute.length + 10)
        }
      }),
      { numRuns: 50 },
    )
  })
})
