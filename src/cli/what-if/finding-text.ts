/**
 * What a comparison found, in the words of a table.
 */

import type { Row } from '#cli/table.ts'
import type { Assumption } from '#domain/what-if/assumed-fit.ts'
import { type Comparison, type Finding, MEASURES, type Measure } from '#domain/what-if/compare.ts'
import type { OffPolicy } from '#domain/what-if/off-policy.ts'

const TITLES: { readonly [M in Measure]: string } = {
  costUsd: 'spend',
  successShare: 'success',
  limited: '429s',
  ttftP50Ms: 'TTFT p50',
  ttftP95Ms: 'TTFT p95',
  switchShare: 'switches',
}

const percent = (value: number): string => `${(100 * value).toFixed(2)} %`
const ms = (value: number): string => `${Math.round(value).toLocaleString('en')} ms`
const FORMATS: { readonly [M in Measure]: (value: number) => string } = {
  costUsd: (value) => `${value < 0 ? '-' : ''}$${Math.abs(value).toFixed(4)}`,
  successShare: percent,
  limited: (value) => value.toFixed(1),
  ttftP50Ms: ms,
  ttftP95Ms: ms,
  switchShare: percent,
}

export const findingRows = ({ findings, shareBy }: Comparison): readonly Row[] => [
  ...MEASURES.map((measure) => rowOf(TITLES[measure], findings[measure], FORMATS[measure])),
  ...[...shareBy].map(([id, finding]) => rowOf(`share of ${id}`, finding, percent)),
]

const rowOf = (title: string, finding: Finding, format: (value: number) => string): Row => {
  const before = format(finding.before)
  if (finding._tag === 'NotKnown') return [title, before, 'not known', finding.why]
  const { estimate, low, high } = finding.difference
  const sign = (value: number): string => `${value >= 0 ? '+' : ''}${format(value)}`
  const isSure = low > 0 || high < 0
  return [title, before, sign(estimate), `${sign(low)} … ${sign(high)}${isSure ? '' : '  (may be none)'}`]
}

/** `null`: nothing was explored, so there is nothing to weigh. */
export const offPolicyRow = (found: OffPolicy | null): readonly string[] => {
  if (found === null) return []
  if (found._tag === 'NotKnown')
    return [
      `First choices, weighed by their recorded probabilities: not known, the explored ones are worth ${found.effective.toFixed(0)} (at least 30).`,
      '',
    ]
  const usd = (nano: number): string => `$${(nano / 1e9).toFixed(5)}`
  return [
    `Mean cost of a call by first choices, weighed by their recorded probabilities (worth ${found.effective.toFixed(0)}): ${usd(found.ips)}; doubly robust: ${usd(found.doublyRobust)}.`,
    '',
  ]
}

/** What was never seen, and how much hangs on it. */
export const assumptionLines = (assumptions: readonly Assumption[], share: number): readonly string[] =>
  assumptions.length === 0
    ? []
    : [
        ...assumptions.map((one) => `Assumed: ${assumptionText(one)}.`),
        `${percent(share)} of the calls would go there, of which the log knows nothing: the figures are worth as much as the assumption, and their intervals do not tell how wrong it may be.`,
      ]

const assumptionText = (assumption: Assumption): string => {
  const { id, like, ttftMs, msPerToken, failureShare, hasCache, priceFactor } = assumption
  return [
    `${id} is like ${like}`,
    ...(ttftMs === undefined ? [] : [`TTFT ${ms(ttftMs)}`]),
    ...(msPerToken === undefined ? [] : [`${msPerToken} ms a token`]),
    ...(failureShare === undefined ? [] : [`${percent(failureShare)} failing`]),
    ...(hasCache === undefined ? [] : [hasCache ? 'a prompt cache' : 'no prompt cache']),
    ...(priceFactor === 1 ? [] : [`${priceFactor} times its prices`]),
  ].join(', ')
}
