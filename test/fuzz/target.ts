/**
 * A part of the program under fuzz: what one case does, and what is then wrong.
 */
import type { Dice } from './dice.ts'

export interface Target {
  readonly name: string
  /** Of a hundred cases of a long run. Dear ones get few. */
  readonly share: number
  /**
   * Does what the dice say and answers what is wrong; nothing when all is well. Whatever it throws is wrong too. It may keep
   * what is dear to make, a server or a file, until `close`.
   */
  readonly open: () => OpenTarget | Promise<OpenTarget>
}

export interface OpenTarget {
  readonly run: (draws: Dice) => string | undefined | Promise<string | undefined>
  readonly close?: () => Promise<void>
}

/** A target that keeps nothing. */
export const pure = (name: string, share: number, run: OpenTarget['run']): Target => ({
  name,
  share,
  open: () => ({ run }),
})

/** The first complaint that applies. */
export const firstOf = (...checks: readonly (readonly [wrong: boolean, complaint: string])[]): string | undefined =>
  checks.find(([wrong]) => wrong)?.[1]
