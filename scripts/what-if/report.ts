/**
 * What the worlds say of the estimates, as Markdown.
 */
import type { Judged } from '#test/what-if-worlds/judge-world.ts'
import type { Tuned } from '#test/what-if-worlds/tune-world.ts'

/** How often an interval was given, and how often the truth lay in it: by figure and by question. */
export const coverageTable = (judged: readonly Judged[]): string => {
  const rows = [...Map.groupBy(judged, ({ measure }) => measure)].map(([measure, all]) => rowOf(measure, all))
  // A provider's name differs from world to world.
  const byQuestion = Map.groupBy(judged, ({ question }) => question.replace(/^without .*/, 'without one'))
  return [
    ['Figure', 'known', 'covered', 'median half width', 'size of the true differences'],
    ['---', '---', '---', '---', '---'],
    ...rows,
    ...[...byQuestion].map(([question, all]) => rowOf(question, all, true)),
    rowOf('all', judged, true),
  ]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

const rowOf = (name: string, all: readonly Judged[], isMixed = false): readonly string[] => {
  const known = all.filter(({ isKnown }) => isKnown)
  const covered = known.filter(({ low, high, truth }) => low <= truth && truth <= high)
  const halves = known.map(({ low, high }) => (high - low) / 2).toSorted((a, b) => a - b)
  const size = Math.sqrt(known.reduce((sum, { truth }) => sum + truth * truth, 0) / Math.max(1, known.length))
  const number = (value: number | undefined): string => (isMixed ? '–' : (value ?? Number.NaN).toPrecision(2))
  return [
    name,
    `${known.length} of ${all.length}`,
    known.length === 0 ? '–' : `${((100 * covered.length) / known.length).toFixed(1)} %`,
    number(halves[halves.length >> 1]),
    number(size),
  ]
}

export const tuneLines = (kind: 'bad' | 'equal', tuned: readonly Tuned[]): string => {
  const given = tuned.filter(({ isRecommended }) => isRecommended)
  const refusals = [
    ...Map.groupBy(
      tuned.filter(({ isRecommended }) => !isRecommended),
      ({ why }) => why,
    ),
  ].map(([why, all]) => `  refused ${all.length}: ${why}`)
  const share = (of: readonly Tuned[]): string => {
    const possible = of.reduce((sum, one) => sum + one.possible, 0)
    return `${((100 * of.reduce((sum, one) => sum + one.gain, 0)) / possible).toFixed(1)} %`
  }
  const head =
    kind === 'equal'
      ? `equally good weights: ${given.length} false recommendations of ${tuned.length} (95 % sure: at most ${(100 * atMost(given.length, tuned.length)).toFixed(1)} % of all such logs)`
      : `bad weights: ${given.length} recommendations of ${tuned.length}; of the possible gain, ${share(tuned)} over all logs, ${given.length === 0 ? '–' : share(given)} where it recommended`
  return [head, ...refusals].join('\n')
}

/** The one-sided bound of Clopper and Pearson: with a larger share, so few of `of` would come in less than 5 % of the cases. */
const atMost = (count: number, of: number): number => {
  let [low, high] = [count / of, 1]
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2
    if (soFew(count, of, middle) > 0.05) low = middle
    else high = middle
  }
  return high
}

/** Probability of at most `count` of `of`, each with `share`. */
const soFew = (count: number, of: number, share: number): number => {
  let [term, sum] = [(1 - share) ** of, 0]
  for (let k = 0; k <= count; k++) {
    sum += term
    term *= (((of - k) / (k + 1)) * share) / (1 - share)
  }
  return sum
}
