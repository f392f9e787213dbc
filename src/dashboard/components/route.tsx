/**
 * A decision explained: who could serve, what each was worth and why, who was left out and why, and the draw.
 */
import type { RouteCandidate, RouteExplanation, ShadowExplanation } from '#actors/views/explanation.ts'
import { milliseconds, moment, percent, plural, short, usd } from '../format.ts'
import { SKIP_NAMES } from '../words.ts'
import { type Column, Table } from './table.tsx'

const NO_VALUE = '–'
/** Columns whose names are no words. */
const NAMES: Readonly<Record<string, string>> = { cachedShare: 'saved by its cache' }
const FACTOR_DIGITS = 3

const factorText = (value: number | undefined): string =>
  value === undefined ? NO_VALUE : value.toFixed(FACTOR_DIGITS)

const shadowText = ({ order, isSame, costNanoUsd, ttftMs }: ShadowExplanation): string => {
  if (isSame) return 'the same provider first'
  return [
    order.join(', then '),
    ...(costNanoUsd === null ? [] : [`${usd(costNanoUsd.shadow)} instead of ${usd(costNanoUsd.live)}`]),
    ...(ttftMs === null
      ? []
      : [`first token after ${milliseconds(ttftMs.shadow)} instead of ${milliseconds(ttftMs.live)}`]),
  ].join('; ')
}

export const Route = ({ route, at }: { readonly route: RouteExplanation; readonly at: number }) => {
  const names = Object.keys(route.candidates[0]?.factors ?? {})
  const weights: Readonly<Record<string, number>> = route.weights ?? {}
  const columns: readonly Column<RouteCandidate>[] = [
    { name: 'Provider', cell: ({ provider }) => provider },
    {
      name: 'Score',
      isNumber: true,
      cell: ({ score }) => (score === null ? NO_VALUE : score.toFixed(FACTOR_DIGITS)),
    },
    ...names.map((name) => ({
      name: weights[name] === undefined ? (NAMES[name] ?? name) : `${name} × ${weights[name]}`,
      isNumber: true,
      cell: ({ factors }: RouteCandidate) => factorText(factors[name]),
    })),
    {
      name: 'Expected cost',
      isNumber: true,
      cell: ({ costNanoUsd }) => (costNanoUsd === null ? NO_VALUE : usd(costNanoUsd)),
    },
    {
      name: 'Cached tokens',
      isNumber: true,
      cell: ({ cachedTokens }) => (cachedTokens === null ? NO_VALUE : short(cachedTokens)),
    },
    { name: 'Share', isNumber: true, cell: ({ share }) => percent(share) },
  ]
  return (
    <div class="route">
      <dl class="facts">
        <dt>Strategy</dt>
        <dd>{route.rule === null ? route.strategy : `${route.strategy}, by the rule ${route.rule}`}</dd>
        <dt>Draw</dt>
        <dd>{route.draw === null ? NO_VALUE : route.draw.toFixed(4)}</dd>
        <dt>Probability of this choice</dt>
        <dd>{percent(route.propensity)}</dd>
        <dt>Policy</dt>
        <dd>version {route.policyVersion}</dd>
        {route.regretNanoUsd === null ? null : (
          <>
            <dt>More than the cheapest</dt>
            <dd>{usd(route.regretNanoUsd)}</dd>
          </>
        )}
        {route.stepDown === null ? null : (
          <>
            <dt>Stepped down</dt>
            <dd>
              by the budget {route.stepDown.budget}, to {route.stepDown.model ?? route.stepDown.strategy ?? 'nothing'}
            </dd>
          </>
        )}
        {route.shadow === null ? null : (
          <>
            <dt>Shadow policy</dt>
            <dd data-figure="shadowChoice">{shadowText(route.shadow)}</dd>
          </>
        )}
        {route.queue === null ? null : (
          <>
            <dt>Queued</dt>
            <dd>
              for {route.queue.providers.join(', ')} until {moment(route.queue.until, at)} at most
            </dd>
          </>
        )}
      </dl>
      {route.lastResort ? (
        <p class="notice">Every circuit was open: the one was tried that would probably be well first.</p>
      ) : null}
      <Table
        caption={`Candidates, in the order in which they are tried (${plural(route.candidates.length, 'candidate')})`}
        rows={route.candidates}
        keyOf={({ provider }) => provider}
        columns={columns}
        empty="Nobody could serve it."
      />
      <Table
        caption="Left out"
        rows={route.skipped}
        keyOf={({ provider }) => provider}
        empty="Nobody."
        columns={[
          { name: 'Provider', cell: ({ provider }) => provider },
          { name: 'Why', cell: ({ reason }) => SKIP_NAMES[reason] },
          { name: 'Until', cell: ({ until }) => (until === undefined ? NO_VALUE : moment(until, at)) },
        ]}
      />
    </div>
  )
}
