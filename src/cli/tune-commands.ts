/**
 * The flags of `tune`, and those by which `replay` asks "what if".
 */
import { Effect, Option } from 'effect'
import { Command, Flag } from 'effect/cli'
import { configFile, database, json, lazily, loadOptions, moment, port, withLog } from '#cli/command.ts'
import { type ReplayFlags, replayOf, withReplayedLog } from '#cli/replay-commands.ts'
import type { WhatIfOptions } from '#cli/replay-what-if.ts'
import { isWish } from '#cli/what-if/wanted-policy.ts'
import { parseObjective } from '#domain/what-if/objective.ts'
import { loadConfig } from '#infra/config/load.ts'

const seed = Flag.Int('seed').pipe(
  Flag.withDescription('The same seed gives the same answer; another one shows how much is chance'),
  Flag.withDefault(1),
)
const since = moment('since', 'Only requests from this time on, e.g. 2026-11-23T14:03 or 24h ago')

export const whatIfFlags = {
  whatIf: Flag.String('what-if').pipe(
    Flag.withDescription(
      'The same traffic otherwise: KEY=VALUE as in the configuration (strategy=cost, providers.NAME.limits.requestsPerMinute=50), or a YAML file; may be repeated',
    ),
    Flag.atLeast(0),
  ),
  weights: Flag.String('weights').pipe(
    Flag.withDescription('What if these were the weights, e.g. headroom=0.2,performance=0.1,cost=0.6,reliability=0.1'),
    Flag.optional,
  ),
  limitThreshold: Flag.Finite('limit-threshold').pipe(
    Flag.withDescription('What if this were routing.limitThreshold'),
    Flag.optional,
  ),
  maxFallbacks: Flag.Int('max-fallbacks').pipe(
    Flag.withDescription('What if this were routing.maxFallbacks'),
    Flag.optional,
  ),
  without: Flag.String('without').pipe(
    Flag.withDescription('What if this provider were switched off; may be repeated'),
    Flag.atLeast(0),
  ),
  seed,
  since,
} as const

interface WhatIfFlags {
  readonly whatIf: readonly string[]
  readonly weights: Option.Option<string>
  readonly limitThreshold: Option.Option<number>
  readonly maxFallbacks: Option.Option<number>
  readonly without: readonly string[]
  readonly seed: number
  readonly since: Option.Option<number>
  readonly json: boolean
}

/** Runs the what-if that the flags ask for; without one, the replay. */
export const replayOrWhatIf = (flags: WhatIfFlags & ReplayFlags) => {
  const options: WhatIfOptions = {
    whatIf: flags.whatIf,
    weights: Option.getOrUndefined(flags.weights),
    limitThreshold: Option.getOrUndefined(flags.limitThreshold),
    maxFallbacks: Option.getOrUndefined(flags.maxFallbacks),
    without: flags.without,
    seed: flags.seed,
    since: Option.getOrUndefined(flags.since),
    json: flags.json,
  }
  return isWish(options)
    ? withReplayedLog(
        flags,
        lazily(
          () => import('#cli/replay-what-if.ts'),
          ({ replayWhatIf }) => replayWhatIf(options),
        ),
      )
    : withReplayedLog(flags, replayOf(flags))
}

export const tuneCommand = Command.make(
  'tune',
  {
    config: configFile,
    database,
    port,
    json,
    objective: Flag.String('objective').pipe(
      Flag.withDescription('e.g. "cost subject to success>=0.999, p95ttft<=3000", or "0.7*cost + 0.3*p95ttft"'),
      Flag.withDefault('cost subject to success>=0.999'),
      Flag.mapTryCatch(
        (text) => ({ text, parsed: parseObjective(text) }),
        (error) => (error instanceof Error ? error.message : String(error)),
      ),
    ),
    threshold: Flag.Boolean('threshold').pipe(
      Flag.withDescription('Search routing.limitThreshold too'),
      Flag.withDefault(false),
    ),
    report: Flag.String('report').pipe(Flag.withDescription('Write a report to this HTML file'), Flag.optional),
    apply: Flag.Boolean('apply').pipe(
      Flag.withDescription('Change the running Signalbox, if something is recommended'),
      Flag.withDefault(false),
    ),
    seed,
    since,
  },
  (flags) =>
    withLog(
      flags,
      Effect.flatMap(loadConfig(loadOptions(flags)), (config) =>
        lazily(
          () => import('#cli/tune.ts'),
          ({ tune }) =>
            tune(config, {
              objective: flags.objective.parsed,
              wish: flags.objective.text,
              seed: flags.seed,
              since: Option.getOrUndefined(flags.since),
              tunesThreshold: flags.threshold,
              report: Option.getOrUndefined(flags.report),
              apply: flags.apply,
              json: flags.json,
            }),
        ),
      ),
    ),
).pipe(Command.withDescription('Search better weights on the traffic of the log, and say how sure they are'))
