/** The lines of the sections about translation and large requests, and how figures are written everywhere. */
import type { LargeCost, Lateness } from './large.ts'
import type { ProxyCost } from './rounds.ts'
import type { Summary } from './statistics.ts'
import type { TranslationCost } from './translation.ts'

export type Line = readonly [what: string, figures: string]

export const translationLines = ({ kind, passed, translated, cpuRatio }: TranslationCost): readonly Line[] => [
  [`chat ${kind}: Signalbox passing through`, costText(passed)],
  [`chat ${kind}: Signalbox translating`, costText(translated)],
  [`chat ${kind}: CPU, translated over pass-through`, range(cpuRatio)],
]

export const largeLines = (cost: LargeCost): readonly Line[] => {
  const { way, bytes, requestMs, quiet, loud, addedLongestMs, addedP99Ms } = cost
  const late = (what: string, { longest, p99, loop, loopCpu }: Lateness): Line => [
    `large, ${way}: chunks late ${what}`,
    `p99 ${range(p99)} ms, longest ${range(longest)} ms; in Signalbox the longest turn ${range(loop)} ms, by CPU ${range(loopCpu)} ms`,
  ]
  return [
    [`large, ${way}: a request of ${round(bytes / 1e6)} MB`, `${range(requestMs)} ms`],
    late('without', quiet),
    late('beside it', loud),
    [`large, ${way}: added`, `p99 ${round(addedP99Ms)} ms, longest ${round(addedLongestMs)} ms`],
  ]
}

export const costText = (proxy: ProxyCost): string =>
  `CPU per request ${range(proxy.cpuMsPerRequest)} ms; ${range(proxy.requestsPerSecond)} requests/s; ` +
  `${Math.round(proxy.residentBytes / 2 ** 20)} MiB; ${round(proxy.pieces)} pieces per answer`

/** Median, with minimum and maximum. */
export const range = ({ min, median, max }: Summary): string => `${round(median)} (${round(min)} – ${round(max)})`

export const round = (value: number): string => (value >= 100 ? String(Math.round(value)) : value.toPrecision(3))
