/**
 * What came of a simulated scenario, as text for people.
 */
import { table } from '#cli/table.ts'
import type { Outcome } from '#infra/simulator/scenario/simulation.ts'

export interface SimulationReport {
  readonly scenario: string
  readonly about: string
  readonly seed: number
  readonly strategy: string
  readonly outcome: Outcome
  /** Of real time. */
  readonly seconds: number
  readonly log: string | null
  /** Expectations of the scenario that did not come true. */
  readonly missed: readonly string[]
  /** The command that plays the same again. */
  readonly again: string
}

export const simulationReport = (report: SimulationReport): readonly string[] => {
  const { scenario, about, seed, strategy, outcome, seconds, log, again } = report
  const { figures, opened, stillOpen, events, virtualMs } = outcome
  const served = Object.values(figures.servedBy).reduce((sum, count) => sum + count, 0)
  const speed = seconds > 0 ? Math.round(virtualMs / 1_000 / seconds) : 0
  const circuits = opened.map((id) => `${id}${stillOpen.includes(id) ? ' (still open)' : ' (closed again)'}`)
  return [
    `${scenario}: ${about}`,
    `Seed ${seed}, strategy ${strategy}: ${(virtualMs / 3_600_000).toFixed(1)} hours in ${seconds.toFixed(1)} s (${whole(speed)} times as fast), ${whole(events)} events.`,
    '',
    ...table([
      ['turns served', `${whole(served)} of ${whole(figures.turns)}  ${percent(figures.servedShare, 3)}`],
      ['at the first try', percent(figures.firstTryShare, 2)],
      ['answers with 429', whole(figures.refusals429)],
      ['time to first token', `p50 ${whole(figures.ttftP50Ms)} ms, p95 ${whole(figures.ttftP95Ms)} ms`],
      ['cost', `${dollars(figures.costUsd)}, ${dollars(figures.costPer1000Usd)} per 1,000 turns`],
      ['switches', `${percent(figures.switchShare, 1)} of the turns went to another provider than the one before`],
      ['circuits opened', circuits.join(', ') || 'none'],
    ]),
    '',
    ...providerTable(outcome, served),
    '',
    ...(log === null ? [] : [`The events are in ${log}. Look at them: signalbox replay --database sqlite:${log}`]),
    `The same again: ${again}`,
  ]
}

const providerTable = ({ figures }: Outcome, served: number): readonly string[] => {
  const ids = [...new Set([...Object.keys(figures.servedBy), ...Object.keys(figures.costBy)])].toSorted()
  return table([
    ['provider', 'turns', 'share', 'cost', '429s'],
    ...ids.map((id) => {
      const turns = figures.servedBy[id] ?? 0
      return [
        id,
        whole(turns),
        percent(served === 0 ? 0 : turns / served, 1),
        dollars(figures.costBy[id] ?? 0),
        whole(figures.refusedBy[id] ?? 0),
      ]
    }),
  ])
}

const whole = (value: number): string => Math.round(value).toLocaleString('en')
const percent = (share: number, digits: number): string => `${(share * 100).toFixed(digits)} %`
const dollars = (usd: number): string => `$${usd.toFixed(2)}`
