/**
 * What a routing strategy is: it scores candidates and shows the numbers by which it did. It never excludes one, and knows
 * nothing but its arguments. What comes of equal scores, of limits that are short, of a conversation's cache is the same
 * for all strategies: see order.ts.
 */
import type { Policy } from '#domain/policy.ts'
import type { Candidate } from '#domain/routing/eligibility.ts'
import type { Outlook } from '#domain/routing/outlook.ts'

/** A candidate and how this request would probably fare there. */
export interface Prospect extends Candidate {
  readonly outlook: Outlook
}

/** Every candidate of one scoring has the same factor names. */
export interface Score {
  /** More is better. */
  readonly score: number
  readonly factors: { readonly [factor: string]: number }
}

export interface Strategy {
  readonly name: Policy['routing']['strategy']
  /** Whether a conversation stays where its cache is although another scores somewhat better. */
  readonly staysWithCache: boolean
  /** One score per prospect, in their order. */
  readonly score: (prospects: readonly Prospect[], routing: Policy['routing']) => readonly Score[]
}
