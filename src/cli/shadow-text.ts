/**
 * The shadow policy as text for people: how it compares over many requests, and what it would have done with one.
 */
import type { ShadowExplanation } from '#actors/views/explanation.ts'
import type { ShadowView } from '#actors/views/shadow-view.ts'
import { table } from '#cli/table.ts'
import type { ShadowRouting } from '#domain/policy.ts'

/** Rows of pairs that differ; more of them say little. */
const PAIRS_SHOWN = 10

export const shadowLines = ({ otherwise, since, requests, agreed, ...rest }: ShadowView): readonly string[] => {
  const { agreedShare, costNanoUsd, ttftMs, pairs, foretold } = rest
  const begin = `${otherwiseText(otherwise)}, since ${new Date(since).toISOString()}`
  if (agreedShare === null) return [`${begin}: no request yet`]
  const different = pairs.filter(({ live, shadow }) => live !== shadow)
  return [
    `${begin}: ${whole(agreed)} of ${whole(requests)} requests (${percent(agreedShare)}) to the same provider first`,
    ...(costNanoUsd === null
      ? []
      : [
          `expected cost ${dollars(costNanoUsd.live)}, by the shadow ${dollars(costNanoUsd.shadow)} (${moreUsd(costNanoUsd)})`,
        ]),
    ...(ttftMs === null
      ? []
      : [
          `expected first content after ${ms(ttftMs.live)} on average, by the shadow ${ms(ttftMs.shadow)} (${moreMs(ttftMs)})`,
        ]),
    ...table(
      different
        .slice(0, PAIRS_SHOWN)
        .map((pair) => [
          `  ${pair.live} → ${pair.shadow}`,
          whole(pair.requests),
          pair.costNanoUsd === null ? '' : moreUsd(pair.costNanoUsd),
          pair.ttftMs === null ? '' : moreMs(pair.ttftMs),
        ]),
    ),
    ...foretoldLines(foretold),
  ]
}

/** One sentence. */
export const shadowChoiceLine = ({ order, isSame, costNanoUsd, ttftMs }: ShadowExplanation): string => {
  if (isSame) return 'The shadow policy would have asked the same provider first.'
  const expected = [
    ...(costNanoUsd === null ? [] : [`${dollars(costNanoUsd.shadow)} instead of ${dollars(costNanoUsd.live)}`]),
    ...(ttftMs === null ? [] : [`first content after ${ms(ttftMs.shadow)} instead of ${ms(ttftMs.live)}`]),
  ]
  return `The shadow policy would have asked ${order.join(', then ')}${expected.length === 0 ? '' : `; expected ${expected.join(', ')}`}.`
}

/** What it does otherwise, in the words of the configuration. */
const otherwiseText = ({ explorationShare, weights, ...rest }: ShadowRouting): string =>
  [
    ...Object.entries(rest),
    ...Object.entries(weights ?? {}).map(([name, value]) => [`weights.${name}`, value] as const),
    ...(explorationShare === undefined ? [] : [['exploration', explorationShare] as const]),
  ]
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')

const foretoldLines = ({ costNanoUsd, ttftMs }: ShadowView['foretold']): readonly string[] => {
  const parts = [
    ...(costNanoUsd === null
      ? []
      : [`${dollars(costNanoUsd.actual)} instead of the expected ${dollars(costNanoUsd.expected)}`]),
    ...(ttftMs === null ? [] : [`first content after ${ms(ttftMs.actual)} instead of ${ms(ttftMs.expected)}`]),
  ]
  return parts.length === 0 ? [] : [`where both agreed it was ${parts.join(', ')}`]
}

interface Both {
  readonly live: number
  readonly shadow: number
}

const moreUsd = ({ live, shadow }: Both): string => `${shadow < live ? '-' : '+'}${dollars(Math.abs(shadow - live))}`
const moreMs = ({ live, shadow }: Both): string => `${shadow < live ? '-' : '+'}${ms(Math.abs(shadow - live))}`

const whole = (value: number): string => Math.round(value).toLocaleString('en')
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
const dollars = (nanoUsd: number): string => `$${(nanoUsd / 1e9).toFixed(4)}`
const ms = (value: number): string => `${whole(value)} ms`
