/**
 * How much of a provider's limits others use, where the limits are known: for each share, how well it foretells which of the log's attempts
 * were refused. A log that never came near a limit leaves it open, and one that was refused early tells it.
 */
import type { Asked } from '#domain/what-if/provider-fit.ts'
import type { LimitKeeper } from '#infra/simulator/virtual/true-limits.ts'

/** Shares that others may use, and how probable each is. */
export interface OthersShare {
  readonly shares: readonly number[]
  readonly probabilities: readonly number[]
}

/** Of what an account's owner does not know, half is nothing; more than half of a limit would be noticed. */
const SHARES = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5] as const
const ALONE = 0.5
export const NOTHING_SEEN: OthersShare = {
  shares: SHARES,
  probabilities: SHARES.map((share) => (share === 0 ? ALONE : (1 - ALONE) / (SHARES.length - 1))),
}
/** Others come and go, and clocks differ: so many refusals, and as many admissions, are foretold wrongly by the right share. */
const SLIP = 0.05

/** @param keeperOf limits of which others use a share */
export const othersShareOf = (asked: readonly Asked[], keeperOf: (othersShare: number) => LimitKeeper): OthersShare => {
  const logs = SHARES.map((share, index) => {
    const wrong = mistakes(asked, keeperOf(share))
    return Math.log(NOTHING_SEEN.probabilities[index] ?? 0) + wrong * Math.log(SLIP / (1 - SLIP))
  })
  const most = Math.max(...logs)
  const sum = logs.reduce((total, log) => total + Math.exp(log - most), 0)
  return { shares: SHARES, probabilities: logs.map((log) => Math.exp(log - most) / sum) }
}

/** Attempts that these limits would have refused and did not, or the other way round. */
const mistakes = (asked: readonly Asked[], keeper: LimitKeeper): number => {
  const under = asked.flatMap((one) => (one.isRefused ? [] : [one])).toSorted((a, b) => a.endedAt - b.endedAt)
  let [ended, wrong] = [0, 0]
  for (const { at, input, isRefused } of asked) {
    for (let one = under[ended]; one !== undefined && one.endedAt <= at; one = under[ended]) {
      keeper.leave(one.output, one.endedAt)
      ended += 1
    }
    if ((keeper.refusal(input, at) !== undefined) !== isRefused) wrong += 1
    if (!isRefused) keeper.enter(input, at)
  }
  return wrong
}

/** The share below which this part of the probability lies; `chance` in [0, 1). Null: the most probable one. */
export const drawnShare = ({ shares, probabilities }: OthersShare, chance: number | null): number => {
  if (chance === null) return shares[probabilities.indexOf(Math.max(...probabilities))] ?? 0
  let passed = 0
  for (const [index, probability] of probabilities.entries()) {
    passed += probability
    if (chance < passed) return shares[index] ?? 0
  }
  return shares.at(-1) ?? 0
}
