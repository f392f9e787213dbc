/**
 * `signalbox tune`: searches weights for what the operator wants on the traffic of the log, says how sure the gain is, and changes the
 * running Signalbox where asked to.
 */
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Console, Data, Effect } from 'effect'
import { RoutingView } from '#actors/views/routing-view.ts'
import { askAdmin } from '#cli/keys/ask-admin.ts'
import { progress } from '#cli/progress.ts'
import { table } from '#cli/table.ts'
import { plotOf } from '#cli/tune/plot.ts'
import { JUDGED, reportOf } from '#cli/tune/report.ts'
import { type Found, searchWeights } from '#cli/tune/search.ts'
import { loggedOf } from '#cli/what-if/estimate.ts'
import { readLog } from '#cli/what-if/read-log.ts'
import { measureOf, type Objective } from '#domain/what-if/objective.ts'
import { nameOfWeights } from '#domain/what-if/simplex.ts'
import type { Config } from '#infra/config/config.ts'

export interface TuneOptions {
  readonly objective: Objective
  /** As it was typed. */
  readonly wish: string
  readonly seed: number
  readonly since: number | undefined
  readonly tunesThreshold: boolean
  readonly report: string | undefined
  readonly apply: boolean
  readonly json: boolean
}

/** What was asked for cannot be done; the message says why. */
export class TuneError extends Data.TaggedError('TuneError')<{ readonly message: string }> {}

/** Answers the exit code: 0 recommended, or rightly nothing to recommend; 1 it should be applied and there was nothing to apply. */
export const tune = Effect.fnUntraced(function* (config: Config, options: TuneOptions) {
  const { objective, seed, since, tunesThreshold, json } = options
  const { events, policy, isCut } = yield* readLog(since, json)
  if (policy === null) return yield* new TuneError({ message: 'The log names no policy: nothing was routed yet.' })
  const logged = loggedOf(events)
  if (logged.calls.length === 0)
    return yield* new TuneError({ message: 'The log has no request that ended. Let some traffic pass first.' })
  const bar = progress('searching', json)
  const found = searchWeights(logged, { policy, objective, seed, tunesThreshold, progress: bar.update })
  bar.done()
  if (options.report !== undefined) yield* write(options.report, reportOf(found, options.wish))
  if (json) yield* Console.log(JSON.stringify(found))
  else for (const line of linesOf(found, options, isCut)) yield* Console.log(line)
  if (!options.apply) return 0
  if (found.verdict._tag === 'Refused') {
    yield* Console.error('Nothing is recommended, so nothing was applied.')
    return 1
  }
  return yield* apply(config, found, tunesThreshold)
})

const apply = Effect.fnUntraced(function* (config: Config, { best }: Found, tunesThreshold: boolean) {
  const { weights, limitThreshold } = best
  const body = { strategy: 'intelligent', weights, ...(tunesThreshold ? { limitThreshold } : {}) }
  const changed = yield* askAdmin(config, { path: '/admin/routing', method: 'PUT', body }, RoutingView)
  if (changed === undefined)
    return yield* new TuneError({ message: 'No Signalbox of this configuration is running, so nothing was applied.' })
  yield* Console.error(`Applied: the policy has version ${changed.policyVersion}, and the next request follows it.`)
  return 0
})

const write = (file: string, text: string): Effect.Effect<void, TuneError> =>
  Effect.tryPromise({
    try: () => writeFile(resolve(file), text),
    catch: (error) => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      return new TuneError({ message: `${file} cannot be written (${code}).` })
    },
  })

const MEASURES = ['cost', 'success', 'p50ttft', 'p95ttft', 'refusals', 'switches'] as const

const linesOf = (found: Found, { wish, tunesThreshold, report }: TuneOptions, isCut: boolean): readonly string[] => {
  const { best, verdict, present, candidates, judgedBy, judgedBefore, judgedAfter, judgedCalls } = found
  const gain = verdict.gain
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
  return [
    `Objective: ${wish}${isCut ? ' (older requests are left out)' : ''}`,
    `In force:  ${nameOfWeights(present)}`,
    `Best:      ${nameOfWeights(best.weights)}${tunesThreshold ? `, limitThreshold ${best.limitThreshold}` : ''} of ${candidates.length} tried`,
    '',
    ...plotOf(candidates),
    '',
    `On ${judgedCalls.toLocaleString('en')} calls, ${JUDGED[judgedBy]}, as modelled:`,
    ...table([
      ['', 'IN FORCE', 'BEST'],
      ...MEASURES.map((name) => [name, shown(measureOf(judgedBefore, name)), shown(measureOf(judgedAfter, name))]),
    ]),
    '',
    ...(gain === null
      ? []
      : [`Gain: ${percent(gain.estimate)} (95 % interval ${percent(gain.low)} … ${percent(gain.high)})`]),
    ...(verdict._tag === 'Refused'
      ? [`Not recommended. ${verdict.why}`]
      : ['Recommended. To keep it in the configuration:', '', ...yamlOf(found, tunesThreshold)]),
    ...(report === undefined ? [] : ['', `The report is in ${resolve(report)}`]),
  ]
}

export const yamlOf = ({ best }: Found, tunesThreshold: boolean): readonly string[] => [
  'routing:',
  '  strategy: intelligent',
  '  weights:',
  ...Object.entries(best.weights).map(([name, weight]) => `    ${name}: ${weight}`),
  ...(tunesThreshold ? [`  limitThreshold: ${best.limitThreshold}`] : []),
]

const shown = (value: number): string =>
  Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(4)
