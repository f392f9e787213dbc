/**
 * The flags of `signalbox simulate`.
 */
import { Effect, Option } from 'effect'
import { Argument, Command, Flag } from 'effect/cli'
import { exitWith, json, lazily, reported } from '#cli/command.ts'
import { defaultPolicy, type Policy, STRATEGIES } from '#domain/policy.ts'
import { shippedScenarios } from '#infra/simulator/scenario/shipped-scenarios.ts'

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error))

export const simulateCommand = Command.make(
  'simulate',
  {
    json,
    scenario: Argument.String('scenario').pipe(
      Argument.withDescription(`${shippedScenarios().join(', ')}, or a file (default: steady)`),
      Argument.withDefault('steady'),
    ),
    seed: Flag.Int('seed').pipe(
      Flag.withDescription('What chance does; the same seed, the same world'),
      Flag.withDefault(1),
    ),
    hours: Flag.String('hours').pipe(
      Flag.withDescription('How long people work, up to 168 (default: as the scenario says)'),
      Flag.mapTryCatch(parseHours, said),
      Flag.optional,
    ),
    strategy: Flag.Literals('strategy', STRATEGIES).pipe(
      Flag.withDescription('How Signalbox routes (default: as the scenario says)'),
      Flag.optional,
    ),
    weights: Flag.String('weights').pipe(
      Flag.withDescription('What counts how much, e.g. cost=0.5,headroom=0.2'),
      Flag.mapTryCatch(parseWeights, said),
      Flag.optional,
    ),
    log: Flag.String('log').pipe(
      Flag.withDescription('Write the events into this new file, for replay, costs and the dashboard'),
      Flag.optional,
    ),
  },
  ({ scenario, seed, json, ...flags }) =>
    reported(
      Effect.flatMap(
        lazily(
          () => import('#cli/simulate.ts'),
          ({ simulateScenario }) =>
            simulateScenario({
              ...{ scenario, seed, json },
              hours: Option.getOrUndefined(flags.hours),
              strategy: Option.getOrUndefined(flags.strategy),
              weights: Option.getOrUndefined(flags.weights),
              log: Option.getOrUndefined(flags.log),
            }),
        ),
        exitWith,
      ),
    ),
).pipe(Command.withDescription('Play a scenario in virtual time: people, providers, bad days'))

/** @throws Error with a message for the user */
function parseHours(text: string): number {
  const hours = /^\d+(\.\d+)?$/u.test(text) ? Number(text) : 0
  if (hours > 0 && hours <= 168) return hours
  throw new Error(`"${text}" is not a number of hours above 0 and up to 168.`)
}

/**
 * `cost=0.5,headroom=0.2`; factors that are not named keep their weight.
 * @throws Error with a message for the user
 */
export function parseWeights(text: string): Policy['routing']['weights'] {
  const { weights } = defaultPolicy.routing
  const named = text.split(',').map((pair) => pair.trim().split('='))
  for (const [factor = '', weight = ''] of named) {
    const isWeight = /^\d+(\.\d+)?$/u.test(weight)
    if (!isWeight || !Object.hasOwn(weights, factor)) {
      const factors = Object.keys(weights).join(', ')
      throw new Error(`"${text}" is not a list of weights. Use cost=0.5,headroom=0.2; the factors are ${factors}.`)
    }
  }
  return { ...weights, ...Object.fromEntries(named.map(([factor, weight]) => [factor, Number(weight)])) }
}
