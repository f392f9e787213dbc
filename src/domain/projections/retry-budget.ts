/**
 * The retry budget of the whole box: a bucket of tokens. Each attempt after the first of its request takes one, each success
 * gives a fraction back. When everything is down, at most (capacity − reserve) extra attempts are left to spend, whatever
 * the number of requests; in any stretch of time the extra attempts are at most that plus `perSuccess` per success. With
 * the default policy: 5 + 20 %.
 */
import { defaultPolicy, type Policy } from '#domain/policy.ts'
import type { Projection } from '#domain/projections/projection.ts'

export interface RetryBudget {
  readonly capacity: number
  readonly perSuccess: number
  readonly reserve: number
  /**
   * What is left. Below `reserve`, even below zero (down to −capacity), when requests that asked at the same moment have
   * spent together more than there was: successes pay that back first.
   */
  readonly tokens: number
}

/** Whether one more extra attempt fits: after it, `reserve` tokens must still be there. */
export const mayRetry = ({ tokens, reserve }: RetryBudget): boolean => tokens - 1 >= reserve

// `0 - capacity` below, not `-capacity`: a budget of nothing must not become minus zero, which JSON does not keep.
export const retryBudget: Projection<RetryBudget> = {
  name: 'retryBudget',
  version: 1,
  hears: ['AttemptStarted', 'AttemptSucceeded', 'PolicyChanged'],
  initial: () => full(defaultPolicy.retryBudget),
  evolve: (state, { event }) => {
    switch (event._tag) {
      case 'AttemptStarted':
        return event.attempt > 1 ? { ...state, tokens: Math.max(0 - state.capacity, state.tokens - 1) } : state
      case 'AttemptSucceeded':
        return { ...state, tokens: Math.min(state.capacity, state.tokens + state.perSuccess) }
      case 'PolicyChanged': {
        const next = full(event.policy.retryBudget)
        // What was spent stays spent: a change of policy, or a restart, is no new budget.
        return { ...next, tokens: Math.max(0 - next.capacity, next.capacity - (state.capacity - state.tokens)) }
      }
      default:
        return state
    }
  },
}

const full = ({ tokens, perSuccess, reserve }: Policy['retryBudget']): RetryBudget => ({
  capacity: tokens,
  perSuccess,
  reserve,
  tokens,
})
