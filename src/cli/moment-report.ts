/**
 * The box at one moment, as text for people.
 */
import type { BoxView } from '#actors/views/box-view.ts'
import type { BudgetView } from '#actors/views/budget-view.ts'
import type { LimitView } from '#actors/views/limit-view.ts'
import type { ProviderView } from '#actors/views/provider-view.ts'
import { shadowLines } from '#cli/shadow-text.ts'
import { describeReason } from '#cli/summary.ts'
import { table } from '#cli/table.ts'

export const momentReport = (box: BoxView, budgets: readonly BudgetView[]): readonly string[] => {
  const { at, position, providers, routing, shadow, inFlight, stats } = box
  const { totals } = stats.traffic
  return [
    `${time(at)}, position ${whole(position)} of the log`,
    `Strategy ${routing.strategy}, policy version ${routing.policyVersion}. ${count(inFlight.length, 'request')} under way.`,
    `Since the log began: ${count(totals.admitted, 'request')}, ${whole(totals.succeeded)} served, ${whole(totals.failed)} failed, ${whole(totals.cancelled)} given up, ${whole(totals.abandoned)} abandoned; ${whole(totals.attempts)} attempts.`,
    '',
    ...table([
      ['provider', 'state', 'since', 'gets', 'served', 'first token', 'cost'],
      ...providers.map(providerRow(box)),
    ]),
    ...section('Why', providers.flatMap(whyLines)),
    ...section('Limits', providers.flatMap(limitLines(at))),
    ...section('Money', moneyLines(box, budgets)),
    ...section('Shadow policy', shadow === null ? [] : shadowLines(shadow)),
    ...section(
      'Under way',
      inFlight.map(({ requestId, model, provider }) => `${requestId}  ${model}  ${provider ?? 'waits'}`),
    ),
  ]
}

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)]

const providerRow =
  ({ stats }: BoxView) =>
  ({ id, state, since, admission, health }: ProviderView): readonly string[] => {
    const { admit, share } = admission
    return [
      id,
      STATES[state],
      since === null ? 'the beginning' : time(since),
      admit === 'no' ? 'nothing' : admit === 'probe' ? 'a probe' : `${Math.round(share * 100)} %`,
      `${whole(health.successes)} of ${whole(health.attempts)}`,
      health.ttftEwmaMs === null ? '–' : `${whole(health.ttftEwmaMs)} ms`,
      dollars(stats.spend.rows.filter((row) => row.provider === id).reduce((sum, row) => sum + row.costNanoUsd, 0)),
    ]
  }

const STATES: { readonly [S in ProviderView['state']]: string } = {
  healthy: 'healthy',
  throttled: 'throttled',
  openCircuit: 'circuit open',
  halfOpen: 'half open',
  retired: 'retired',
}

const whyLines = ({ id, state, because, admission }: ProviderView): readonly string[] => {
  if (state === 'healthy' || because === null) return []
  return [`${id}: ${describeReason(because)}${admission.until === null ? '' : `, until ${time(admission.until)}`}`]
}

const limitLines =
  (at: number) =>
  ({ id, limits }: ProviderView): readonly string[] =>
    limits.map((limit) => {
      const full = limit.fullAt > at && Number.isFinite(limit.fullAt) ? `, full at ${time(limit.fullAt)}` : ''
      return `${id} ${limit.limit} a ${limit.window}: ${whole(limit.remaining)} of ${sizeOf(limit)} left${full}`
    })

const sizeOf = ({ size }: LimitView): string => (size === null ? 'an unknown number' : whole(size))

const moneyLines = ({ stats: { spend } }: BoxView, budgets: readonly BudgetView[]): readonly string[] => {
  const total = spend.rows.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0)
  const day = spend.days.at(-1)
  return [
    `${dollars(total)} since the log began${day === undefined ? '' : `; ${dollars(day.costNanoUsd)} on ${time(day.from).slice(0, 10)} (UTC)`}`,
    ...budgets.map(({ budget, subject, spentNanoUsd, reservedNanoUsd, leftNanoUsd, usedShare }) => {
      const whose = subject === '' ? '' : ` of ${subject}`
      const held = reservedNanoUsd === 0 ? '' : `, ${dollars(reservedNanoUsd)} held back`
      return `budget ${budget.name}${whose}: ${dollars(spentNanoUsd)} spent (${Math.round(usedShare * 100)} %)${held}, ${dollars(leftNanoUsd)} left`
    }),
  ]
}

const time = (at: number): string => new Date(at).toISOString()
const whole = (value: number): string => Math.round(value).toLocaleString('en')
const count = (value: number, what: string): string => `${whole(value)} ${what}${value === 1 ? '' : 's'}`
const dollars = (nanoUsd: number): string => `$${(nanoUsd / 1e9).toFixed(2)}`
