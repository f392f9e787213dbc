/**
 * What a routing strategy is: it orders candidates and shows the numbers by which it did. It never excludes one, and knows
 * nothing but its arguments; `draw` in [0, 1) is the request's recorded die.
 */
import type { RequestAdmitted } from '#domain/events.ts'
import type { Candidate } from '#domain/routing/eligibility.ts'

/** A candidate with its factor values; every candidate of one ranking has the same factor names. */
export interface Ranked {
  readonly candidate: Candidate
  readonly factors: { readonly [factor: string]: number }
}

export interface Strategy {
  readonly name: string
  /** Best first; a permutation of `candidates`. */
  readonly rank: (candidates: readonly Candidate[], request: RequestAdmitted, draw: number) => readonly Ranked[]
}
