/**
 * A scenario under way: the real domain in virtual time, in slices, so that whoever runs it can write down its events and show how
 * far it is.
 */
import type { Policy } from '#domain/policy.ts'
import type { NewEvent } from '#domain/recorded-event.ts'
import { type Figures, startWorld } from '#infra/simulator/virtual/play.ts'
import type { Expectations, Scenario } from './schema.ts'
import { scenarioWorld } from './to-world.ts'
import { makeTranscript } from './transcript.ts'

export interface SimulationOptions {
  readonly seed: number
  /** Instead of those of the scenario. */
  readonly hours?: number
  readonly strategy?: Policy['routing']['strategy']
  readonly routing?: Partial<Policy['routing']>
  /** Events are kept until they are taken; otherwise they are only counted. */
  readonly keepsEvents: boolean
}

export interface Simulation {
  /** Some more of it; answers false when it is over. */
  readonly advance: () => boolean
  /** Share of the time in which people begin something, 0 to 1. */
  readonly share: () => number
  readonly take: () => readonly NewEvent[]
  /** Of the box as it is; undefined before it has started. */
  readonly state: () => string | undefined
  readonly outcome: () => Outcome
}

export interface Outcome {
  readonly figures: Figures
  readonly opened: readonly string[]
  readonly stillOpen: readonly string[]
  readonly events: number
  /** Virtual time from the first session to the last answer. */
  readonly virtualMs: number
}

/** About a hundredth of a second, and less than a thousand events. */
const SLICE_MOMENTS = 2_000

export const startSimulation = (scenario: Scenario, options: SimulationOptions): Simulation => {
  const world = scenarioWorld(scenario, options.seed, options.hours)
  const instance = `virtual-${options.seed}`
  const transcript = makeTranscript(instance, options.keepsEvents)
  const strategy = options.strategy ?? scenario.strategy ?? 'intelligent'
  const run = startWorld(
    world,
    {
      ...{ _tag: 'Signalbox', name: strategy, strategy },
      ...(options.routing === undefined ? {} : { routing: options.routing }),
    },
    { witness: transcript.witness, instance },
  )
  let isOver = false
  return {
    advance: () => {
      if (isOver || run.advance(SLICE_MOMENTS)) return !isOver
      isOver = true
      run.tell({ _tag: 'BoxStopped', instance })
      return false
    },
    share: () => Math.min(1, (run.now() - world.startsAt) / world.forMs),
    take: transcript.take,
    state: transcript.state,
    outcome: () => {
      const { opened, open } = transcript.circuits()
      const virtualMs = run.now() - world.startsAt
      return { figures: run.figures(), opened, stillOpen: open, events: transcript.events(), virtualMs }
    },
  }
}

/** All of it at once. */
export const simulate = (scenario: Scenario, options: Omit<SimulationOptions, 'keepsEvents'>): Outcome => {
  const simulation = startSimulation(scenario, { ...options, keepsEvents: false })
  while (simulation.advance());
  return simulation.outcome()
}

/** What was expected and did not come, a line each. */
export const missed = (expect: Expectations, { figures, opened, stillOpen }: Outcome): readonly string[] => {
  const turns = Object.values(figures.servedBy).reduce((sum, count) => sum + count, 0)
  const shareOf = (id: string): number => (turns === 0 ? 0 : (figures.servedBy[id] ?? 0) / turns)
  const least = (what: string, found: number, wanted: number | undefined): readonly string[] =>
    wanted === undefined || found >= wanted ? [] : [`${what} is ${found}, at least ${wanted} was expected`]
  const most = (what: string, found: number, wanted: number | undefined): readonly string[] =>
    wanted === undefined || found <= wanted ? [] : [`${what} is ${found}, at most ${wanted} was expected`]
  return [
    ...least('the share that was served', figures.servedShare, expect.served),
    ...most('the number of answers with status 429', figures.refusals429, expect.refusals),
    ...most('the time to the first token of 95 of 100 turns in ms', figures.ttftP95Ms, expect.ttftP95Ms),
    ...most('the share of turns that went elsewhere', figures.switchShare, expect.switchShare),
    ...[...(expect.opened ?? []), ...(expect.recovered ?? [])].flatMap((id) =>
      opened.includes(id) ? [] : [`the circuit of ${id} did not open`],
    ),
    ...(expect.recovered ?? []).flatMap((id) =>
      stillOpen.includes(id) ? [`the circuit of ${id} did not close again`] : [],
    ),
    ...Object.entries(expect.share ?? {}).flatMap(([id, span]) => [
      ...least(`the share of ${id}`, shareOf(id), span.least),
      ...most(`the share of ${id}`, shareOf(id), span.most),
    ]),
  ]
}
