/**
 * What tuning says, and when it says no.
 */
import { describe, expect, it } from 'vitest'
import { plotOf } from '#cli/tune/plot.ts'
import { reportOf } from '#cli/tune/report.ts'
import type { Candidate, Found } from '#cli/tune/search.ts'
import { yamlOf } from '#cli/tune.ts'
import { providerId } from '#domain/ids.ts'
import { parseObjective } from '#domain/what-if/objective.ts'
import { figuresOf, type Outcome } from '#domain/what-if/outcome.ts'
import { judge } from '#domain/what-if/verdict.ts'

/** Twenty sessions of ten calls, each of which costs `usd`, but for some noise. */
const outcomes = (usd: number, { failsEvery = 0, unsupported = 0, noise = 0 } = {}): readonly Outcome[] =>
  Array.from({ length: 200 }, (_, key) => {
    const isServed = failsEvery === 0 || key % failsEvery !== 0
    return {
      key,
      session: `s${key % 20}`,
      at: key,
      costNanoUsd: Math.round((usd + noise * Math.sin(key * 7)) * 1e9),
      isLeft: false,
      isServed,
      ttftMs: isServed ? 1_000 : null,
      limited: 0,
      provider: isServed ? providerId('p') : null,
      firstChoice: providerId('p'),
      isSwitch: null,
      modelled: 1,
      unsupported,
      assumed: 0,
    }
  })

const objective = parseObjective('cost subject to success>=0.95')
const verdictOf = (before: readonly Outcome[], after: readonly Outcome[]) =>
  judge({ present: [before], wanted: [after], objective, seed: 1 })

describe('a verdict', () => {
  it('recommends what is cheaper in every session', () => {
    const verdict = verdictOf(outcomes(1), outcomes(0.8))
    expect(verdict._tag).toBe('Recommended')
    expect(verdict.gain?.estimate).toBeCloseTo(0.2)
  })

  it.each([
    ['the gain may be chance', outcomes(1, { noise: 1 }), outcomes(1, { noise: -0.9 }), /chance/],
    ['the gain is tiny', outcomes(1), outcomes(0.995), /below 1 %/],
    ['a bound is not kept', outcomes(1), outcomes(0.5, { failsEvery: 10 }), /success >= 0.95/],
    ['nobody knows the providers', outcomes(1), outcomes(0.5, { unsupported: 1 }), /hardly ever asked/],
    ['there is too little', outcomes(1).slice(0, 20), outcomes(0.5).slice(0, 20), /too few/],
  ])('refuses when %s', (_what, before, after, why) => {
    const verdict = verdictOf(before, after)
    expect(verdict._tag === 'Refused' && verdict.why).toMatch(why)
  })
})

describe('a report', () => {
  const figures = figuresOf(outcomes(1))
  const candidate = (cost: number, value: number): Candidate => ({
    weights: { headroom: 1 - cost, performance: 0, cost, reliability: 0 },
    limitThreshold: 0.8,
    value,
    figures,
    isAllowed: value < 1,
    isTriedOnce: false,
  })
  const found: Found = {
    present: candidate(0, 1).weights,
    candidates: [candidate(0.75, 0.8), candidate(0.25, 1.1)],
    best: candidate(0.75, 0.8),
    verdict: { _tag: 'Recommended', gain: { estimate: 0.2, low: 0.1, high: 0.3 } },
    judgedBy: 'other half',
    judgedBefore: figures,
    judgedAfter: figures,
    judgedCalls: 200,
  }

  it('is one page that loads nothing, whatever the objective says', () => {
    const html = reportOf(found, 'cost <script>')
    expect(html).toContain('cost &lt;script&gt;')
    expect(html).toContain('95 % interval 10.0 % … 30.0 %')
    expect(html.match(/<circle /g)).toHaveLength(2)
    expect(html).not.toMatch(/<script|src=|href=|url\(|@import/)
  })

  it('has the configuration to paste, and bars that are as long as they say', () => {
    expect(yamlOf(found, true).join('\n')).toBe(
      'routing:\n  strategy: intelligent\n  weights:\n    headroom: 0.25\n    performance: 0\n    cost: 0.75\n    reliability: 0\n  limitThreshold: 0.8',
    )
    const [best, worst] = plotOf(found.candidates).map((line) => line.split('█').length - 1)
    expect(best).toBe(22)
    expect(worst).toBe(30)
  })
})
