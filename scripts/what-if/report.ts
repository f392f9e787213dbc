/**
 * What the worlds say of the estimates, as Markdown.
 */
import type { Judged } from '#test/what-if-worlds/judge-world.ts'
import type { Tuned } from '#test/what-if-worlds/tune-world.ts'

/** How often an interval was given, and how often the truth lay in it. */
export const coverageTable = (judged: readonly Judged[]): string => {
  const rows = [...Map.groupBy(judged, ({ measure }) => measure)].map(([measure, all]) => rowOf(measure, all))
  return [
    ['Figure', 'known', 'covered', 'median half width', 'size of the true differences'],
    ['---', '---', '---', '---', '---'],
    ...rows,
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
      ? `equally good weights: ${given.length} false recommendations of ${tuned.length}`
      : `bad weights: ${given.length} recommendations of ${tuned.length}; of the possible gain, ${share(tuned)} over all logs, ${given.length === 0 ? '–' : share(given)} where it recommended`
  return [head, ...refusals].join('\n')
}
