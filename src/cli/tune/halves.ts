/**
 * The two halves of a log, so that what is chosen by one can be judged by the other: every other tenth of the time, and both see every hour
 * of the day. Each has a model that was fitted on nothing else.
 */
import { type Logged, type Luck, playLog } from '#cli/what-if/play-log.ts'
import type { Policy } from '#domain/policy.ts'
import type { Outcome } from '#domain/what-if/outcome.ts'
import { fitProviders, type ProviderFit } from '#domain/what-if/provider-fit.ts'

/** Plays the whole log by the model of this half; answers what became of the calls of this half. */
export type Half = (policy: Policy, luck: Omit<Luck, 'usesObserved'>) => readonly Outcome[]

const BLOCKS = 10

/** @param played is called after each play */
export const halvesOf = (logged: Logged, played: () => void): readonly [Half, Half] => {
  const { calls, sizes, fits } = logged
  const first = calls[0]?.requests[0].at ?? 0
  const last = calls.at(-1)?.requests[0].at ?? 0
  const blockMs = (last - first + 1) / BLOCKS
  const isEven = calls.map(({ requests: [{ at }] }) => Math.floor((at - first) / blockMs) % 2 === 0)
  const half = (even: boolean): Half => {
    const own = fitProviders(
      calls.filter(({ key }) => isEven[key] === even),
      sizes,
    )
    // What half of the log tells is less sure, which its errors say; whether a provider is known at all, the whole log tells.
    const known = ({ provider, observed }: ProviderFit) => fits.get(provider)?.observed ?? observed
    const by = { calls, sizes, fits: new Map([...own].map(([id, fit]) => [id, { ...fit, observed: known(fit) }])) }
    return (policy, luck) => {
      const outcomes = playLog(by, policy, { ...luck, usesObserved: false })
      played()
      return outcomes.filter(({ key }) => isEven[key] === even)
    }
  }
  return [half(true), half(false)]
}

/** The calls of both halves, in their order. */
export const joined = (one: readonly Outcome[], other: readonly Outcome[]): readonly Outcome[] =>
  [...one, ...other].toSorted((a, b) => a.key - b.key)
