/**
 * The figures of all worlds as a table, and against the goals of the benchmark.
 */

import { BASELINES } from '#infra/simulator/virtual/baselines.ts'
import type { Figures } from '#infra/simulator/virtual/play.ts'
import { ORACLE } from './contenders.ts'
import { type Estimate, estimate, pairedDifference } from './statistics.ts'

/** Figures by policy, one per world, the same worlds in the same order. */
export type Results = ReadonlyMap<string, readonly Figures[]>

interface Column {
  readonly title: string
  readonly of: (figures: Figures, oracle: Figures | undefined) => number
  readonly digits: number
  readonly percent?: true
}

const COLUMNS: readonly Column[] = [
  { title: 'served %', of: ({ servedShare }) => servedShare, digits: 3, percent: true },
  { title: 'when healthy %', of: ({ servedWhenHealthyShare }) => servedWhenHealthyShare, digits: 3, percent: true },
  { title: 'first try %', of: ({ firstTryShare }) => firstTryShare, digits: 2, percent: true },
  { title: '429s', of: ({ refusals429 }) => refusals429, digits: 1 },
  { title: 'TTFT p50 ms', of: ({ ttftP50Ms }) => ttftP50Ms, digits: 0 },
  { title: 'TTFT p95 ms', of: ({ ttftP95Ms }) => ttftP95Ms, digits: 0 },
  { title: 'USD / 1,000', of: ({ costPer1000Usd }) => costPer1000Usd, digits: 2 },
  { title: 'switches %', of: ({ switchShare }) => switchShare, digits: 1, percent: true },
  {
    title: 'cost / oracle',
    of: ({ costPer1000Usd }, oracle) => costPer1000Usd / (oracle?.costPer1000Usd ?? Number.NaN),
    digits: 3,
  },
]

const shown = ({ mean, plusMinus }: Estimate, { digits, percent }: Column): string => {
  const by = percent === true ? 100 : 1
  if (!Number.isFinite(mean)) return '–'
  const half = Number.isFinite(plusMinus) ? ` ±${(plusMinus * by).toFixed(digits)}` : ''
  return `${(mean * by).toFixed(digits)}${half}`
}

/** One value per world. */
const valuesOf = (results: Results, policy: string, column: Column): readonly number[] => {
  const oracle = results.get(ORACLE)
  return (results.get(policy) ?? []).map((figures, index) => column.of(figures, oracle?.[index]))
}

/** A Markdown table: means over the worlds with 95 % confidence intervals. */
export const tableOf = (results: Results): string => {
  const rows = [...results.keys()].map((policy) => [
    policy,
    ...COLUMNS.map((column) => shown(estimate(valuesOf(results, policy, column)), column)),
  ])
  const head = ['policy', ...COLUMNS.map(({ title }) => title)]
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

export interface Verdict {
  readonly goal: string
  readonly found: string
  readonly isMet: boolean
}

/** Columns in which the default strategy must not be worse than a baseline, and whether more is better. */
const COMPARED: readonly (readonly [title: string, sign: 1 | -1])[] = [
  ['served %', 1],
  ['429s', -1],
  ['TTFT p95 ms', -1],
  ['USD / 1,000', -1],
]

const columnNamed = (title: string): Column => {
  const found = COLUMNS.find((column) => column.title === title)
  if (found === undefined) throw new Error(`no column is titled ${title}`)
  return found
}

export const verdictsOf = (results: Results): readonly Verdict[] => {
  const verdicts: Verdict[] = []
  const meanOf = (policy: string, title: string) => {
    const column = columnNamed(title)
    const value = estimate(valuesOf(results, policy, column))
    return { value, text: shown(value, column) }
  }
  for (const policy of ['intelligent', 'cost', 'performance', 'availability', 'priority']) {
    if (!results.has(policy)) continue
    const { value, text } = meanOf(policy, 'when healthy %')
    verdicts.push({
      goal: `${policy}: at least 99.9 % served while a provider is healthy`,
      found: text,
      isMet: value.mean >= 0.999,
    })
  }
  for (const [policy, most] of [
    ['intelligent', 1.1],
    ['cost', 1.05],
  ] as const) {
    if (!results.has(policy) || !results.has(ORACLE)) continue
    const { value, text } = meanOf(policy, 'cost / oracle')
    verdicts.push({
      goal: `${policy}: at most ${most} times the oracle's cost`,
      found: text,
      isMet: value.mean <= most,
    })
  }
  if (!results.has('intelligent')) return verdicts
  for (const { name } of BASELINES) {
    if (!results.has(name)) continue
    for (const [title, sign] of COMPARED) {
      const column = columnNamed(title)
      const difference = pairedDifference(valuesOf(results, 'intelligent', column), valuesOf(results, name, column))
      // Worse is what is worse beyond chance.
      const isMet = sign * difference.mean >= 0 || Math.abs(difference.mean) <= difference.plusMinus
      verdicts.push({ goal: `intelligent against ${name}: ${title}`, found: shown(difference, column), isMet })
    }
  }
  return verdicts
}
