/**
 * What tuning found as one HTML file, which loads nothing from anywhere.
 */
import { measureOf } from '#domain/what-if/objective.ts'
import type { Figures } from '#domain/what-if/outcome.ts'
import { nameOfWeights } from '#domain/what-if/simplex.ts'
import { remarkOf } from './plot.ts'
import type { Candidate, Found } from './search.ts'

export const JUDGED: Readonly<Record<Found['judgedBy'], string>> = {
  'other half': 'each half of them under what the other half has found',
  itself: 'all of them under the best, with an interval that holds for all finalists at once',
}

const MEASURES = ['cost', 'success', 'p50ttft', 'p95ttft', 'refusals', 'switches'] as const

/** @param wish the objective as it was typed */
export const reportOf = (found: Found, wish: string): string => {
  const { best, present, verdict, candidates, judgedBy, judgedBefore, judgedAfter, judgedCalls } = found
  const gain =
    verdict.gain === null
      ? ''
      : `<p>Gain ${percent(verdict.gain.estimate)}, 95 % interval ${percent(verdict.gain.low)} … ${percent(verdict.gain.high)}.</p>`
  const says = verdict._tag === 'Recommended' ? 'Recommended.' : `Not recommended. ${verdict.why}`
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Signalbox tune</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; background: #fff }
table { border-collapse: collapse } th, td { text-align: left; padding: .2rem 1rem .2rem 0; border-bottom: 1px solid #d8dee4 }
svg { width: 100%; height: auto } text { font-size: 11px; fill: currentColor }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117 } }
</style>
<h1>Weights for: ${escaped(wish)}</h1>
<p><strong>${escaped(says)}</strong></p>
${gain}
<p>In force: ${escaped(nameOfWeights(present))}<br>Best: ${escaped(nameOfWeights(best.weights))}, limitThreshold ${best.limitThreshold}</p>
<h2>On ${judgedCalls} calls, ${JUDGED[judgedBy]}</h2>
<table><tr><th></th><th>in force</th><th>best</th></tr>
${MEASURES.map((name) => `<tr><td>${name}</td><td>${cell(judgedBefore, name)}</td><td>${cell(judgedAfter, name)}</td></tr>`).join('\n')}
</table>
<h2>All that were tried</h2>
${scatter(candidates)}
<table><tr><th>weights</th><th>objective</th><th>cost</th><th>p95ttft</th><th></th></tr>
${candidates.map(row).join('\n')}
</table>
<p>Figures are modelled from the log; docs/tuning.md and docs/adr/0021 say how, and how wrong they may be.</p>
</html>
`
}

const WIDTH = 640
const HEIGHT = 320
const MARGIN = 48

/** Each try by its cost and its slow answers; the best is the large one. */
const scatter = (candidates: readonly Candidate[]): string => {
  const points = candidates.map(({ figures }) => [measureOf(figures, 'cost'), measureOf(figures, 'p95ttft')] as const)
  const scale = (values: readonly number[], length: number) => {
    const [low, high] = [Math.min(...values), Math.max(...values)]
    return (value: number): number => MARGIN + ((value - low) / Math.max(1e-9, high - low)) * (length - 2 * MARGIN)
  }
  const x = scale(
    points.map(([cost]) => cost),
    WIDTH,
  )
  const y = scale(
    points.map(([, ttft]) => ttft),
    HEIGHT,
  )
  const dots = points.map(
    ([cost, ttft], index) =>
      `<circle cx="${x(cost).toFixed(1)}" cy="${(HEIGHT - y(ttft)).toFixed(1)}" r="${index === 0 ? 7 : 4}" fill="${index === 0 ? '#1f883d' : '#8c959f'}"><title>${escaped(nameOfWeights(candidates[index]?.weights ?? NONE))}</title></circle>`,
  )
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="cost and slowest answers of all weights that were tried">
<text x="${WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle">USD per 1,000 calls →</text>
<text x="12" y="20">↑ TTFT p95, ms</text>
${dots.join('\n')}
</svg>`
}
const NONE = { headroom: 0, performance: 0, cost: 0, reliability: 0 }

const row = ({ weights, value, figures, ...one }: Candidate): string =>
  `<tr><td>${escaped(nameOfWeights(weights))}</td><td>${percent(value)}</td><td>${cell(figures, 'cost')}</td><td>${cell(figures, 'p95ttft')}</td><td>${remarkOf(one)}</td></tr>`

const cell = (figures: Figures, name: (typeof MEASURES)[number]): string => {
  const value = measureOf(figures, name)
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(4)
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

const ESCAPES: { readonly [character: string]: string } = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (character) => ESCAPES[character] ?? '')
