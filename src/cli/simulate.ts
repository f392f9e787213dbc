/**
 * `signalbox simulate`: plays a scenario in virtual time over the real domain, and prints what came of it. With a log, its events
 * are written as a server would have written them, so that replay, costs and the dashboard can look at them.
 */
import { resolve } from 'node:path'
import { Console, Data, Effect } from 'effect'
import { STATE_VERSION } from '#actors/gateway-state.ts'
import { EventLog } from '#actors/ports.ts'
import { databaseLayer } from '#cli/database.ts'
import { progress } from '#cli/progress.ts'
import { simulationReport } from '#cli/simulation-report.ts'
import type { Policy } from '#domain/policy.ts'
import { readScenario } from '#infra/simulator/scenario/read-scenario.ts'
import { missed, type Simulation, startSimulation } from '#infra/simulator/scenario/simulation.ts'

type Routing = Policy['routing']

export interface SimulateOptions {
  /** The name of one that is shipped, or the path of a file. */
  readonly scenario: string
  readonly seed: number
  /** Instead of what the scenario says. */
  readonly hours?: number | undefined
  readonly strategy?: Routing['strategy'] | undefined
  readonly weights?: Routing['weights'] | undefined
  /** A file that is new, or a log without events. */
  readonly log?: string | undefined
  readonly json: boolean
}

/** The log cannot take the events; the message says why. */
export class SimulateError extends Data.TaggedError('SimulateError')<{ readonly message: string }> {}

/** Prints the outcome; answers the exit code: 0 as expected, 1 an expectation was missed. */
export const simulateScenario = Effect.fnUntraced(function* (options: SimulateOptions) {
  const { name, scenario } = yield* readScenario(options.scenario)
  const { seed, hours, strategy, weights, log, json } = options
  const startedAt = performance.now()
  const simulation = startSimulation(scenario, {
    ...{ seed, keepsEvents: log !== undefined },
    ...(hours === undefined ? {} : { hours }),
    ...(strategy === undefined ? {} : { strategy }),
    ...(weights === undefined ? {} : { routing: { weights } }),
  })
  yield* log === undefined ? play(simulation, name, json, () => Effect.void) : playInto(log, simulation, name, json)
  const outcome = simulation.outcome()
  const seconds = (performance.now() - startedAt) / 1000
  const isAsWritten = hours === undefined && strategy === undefined && weights === undefined
  const report = {
    ...{ scenario: name, about: scenario.about, seed, strategy: strategy ?? scenario.strategy ?? 'intelligent' },
    ...{ outcome, seconds, log: log ?? null },
    // What is expected, is expected of the scenario as it is written.
    missed: isAsWritten ? missed(scenario.expect ?? {}, outcome) : [],
    again: againCommand(options),
  }
  yield* Console.log(json ? JSON.stringify(report) : simulationReport(report).join('\n'))
  if (report.missed.length > 0) {
    yield* Console.error(`seed ${seed} misses:\n  ${report.missed.join('\n  ')}\nagain: ${report.again}`)
  }
  return report.missed.length === 0 ? 0 : 1
})

/** Without the log, which one would look at afterwards. */
const againCommand = ({ scenario, seed, hours, strategy, weights }: SimulateOptions): string => {
  const weightsText = Object.entries(weights ?? {}).map(([factor, weight]) => `${factor}=${weight}`)
  return [
    `signalbox simulate ${scenario} --seed ${seed}`,
    ...(hours === undefined ? [] : [`--hours ${hours}`]),
    ...(strategy === undefined ? [] : [`--strategy ${strategy}`]),
    ...(weightsText.length === 0 ? [] : [`--weights ${weightsText.join(',')}`]),
  ].join(' ')
}

const play = <E, R>(simulation: Simulation, name: string, quiet: boolean, written: () => Effect.Effect<void, E, R>) =>
  Effect.gen(function* () {
    const bar = progress(`simulating ${name}`, quiet)
    for (let goesOn = true; goesOn; ) {
      goesOn = simulation.advance()
      yield* written()
      bar.update(simulation.share())
    }
    bar.done()
  })

/** Written at once: a page of a log. */
const BATCH = 5_000

const playInto = (file: string, simulation: Simulation, name: string, quiet: boolean) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    if ((yield* log.head) > 0) {
      const message = `${file} has events already. A simulation needs a log of its own: name a new file.`
      return yield* Effect.fail(new SimulateError({ message }))
    }
    let waiting = simulation.take()
    yield* play(simulation, name, quiet, () => {
      waiting = [...waiting, ...simulation.take()]
      if (waiting.length < BATCH) return Effect.void
      const batch = waiting
      waiting = []
      return Effect.asVoid(log.append(batch))
    })
    const position = yield* log.append(waiting)
    const state = simulation.state()
    if (state !== undefined) yield* log.saveSnapshot({ version: STATE_VERSION, position, state })
  }).pipe(Effect.provide(databaseLayer(`sqlite:${resolve(file)}`)))
