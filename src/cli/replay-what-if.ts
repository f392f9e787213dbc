/**
 * `signalbox replay --what-if …`: the traffic of the log under another policy, and how sure the differences are.
 */
import { Console, Data, Effect } from 'effect'
import { table } from '#cli/table.ts'
import { loggedOf, type Sight, whatIf } from '#cli/what-if/estimate.ts'
import { assumptionLines, findingRows, offPolicyRow } from '#cli/what-if/finding-text.ts'
import { readLog } from '#cli/what-if/read-log.ts'
import { type Wanted, type Wish, wantedPolicy } from '#cli/what-if/wanted-policy.ts'
import type { Policy } from '#domain/policy.ts'

export interface WhatIfOptions extends Wish {
  readonly seed: number
  readonly since: number | undefined
  readonly json: boolean
}

/** The log or the flags do not allow an answer; the message says why. */
export class WhatIfError extends Data.TaggedError('WhatIfError')<{ readonly message: string }> {}

const WORLDS = 8

export const replayWhatIf = Effect.fnUntraced(function* (options: WhatIfOptions) {
  const { events, policy, isCut } = yield* readLog(options.since, options.json)
  if (policy === null) return yield* new WhatIfError({ message: 'The log names no policy: nothing was routed yet.' })
  const logged = loggedOf(events)
  if (logged.calls.length === 0)
    return yield* new WhatIfError({ message: 'The log has no request that ended. Let some traffic pass first.' })
  const sight = yield* asked(policy, options, (wanted) =>
    whatIf(logged, { present: policy, wanted, seed: options.seed, worlds: WORLDS }),
  )
  if (options.json) yield* Console.log(JSON.stringify(jsonOf(sight)))
  else for (const line of linesOf(sight, isCut)) yield* Console.log(line)
  return 0
})

const asked = (policy: Policy, wish: Wish, answer: (wanted: Wanted) => Sight): Effect.Effect<Sight, WhatIfError> =>
  Effect.try({
    try: () => answer(wantedPolicy(policy, wish)),
    catch: (error) => new WhatIfError({ message: error instanceof Error ? error.message : String(error) }),
  })

const linesOf = (
  { comparison, changed, calls, firstChoices, assumptions }: Sight,
  isCut: boolean,
): readonly string[] => {
  const { unchangedShare, effectiveSessions, sessions, unsupportedShare } = comparison
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
  return [
    `${comparison.calls.toLocaleString('en')} calls in ${sessions} sessions (as many as ${effectiveSessions.toFixed(1)} of equal size)${isCut ? '; older ones are left out' : ''}.`,
    `${percent(unchangedShare)} would have gone as they did, and count as observed; the rest is modelled, ${percent(unsupportedShare)} of all without support.`,
    ...assumptionLines(assumptions, comparison.assumedShare),
    '',
    ...table([['', 'OBSERVED', 'DIFFERENCE', '95 % INTERVAL'], ...findingRows(comparison)]),
    '',
    ...offPolicyRow(firstChoices),
    ...(changed.count === 0
      ? ['No first choice would change.']
      : [
          `${changed.count.toLocaleString('en')} first choices would change; those that matter most:`,
          ...table(
            changed.shown.map(({ key, from, to, costNanoUsd, ttftMs }) => [
              `  ${calls[key]?.requests[0].admitted.requestId ?? ''}`,
              `${from ?? 'nobody'} → ${to ?? 'nobody'}`,
              `${costNanoUsd < 0 ? '-' : '+'}$${Math.abs(costNanoUsd / 1e9).toFixed(4)}`,
              ttftMs === null ? '' : `${ttftMs < 0 ? '' : '+'}${Math.round(ttftMs)} ms`,
            ]),
          ),
        ]),
  ]
}

const jsonOf = ({ comparison, changed, calls, firstChoices, assumptions }: Sight) => ({
  ...comparison,
  assumptions,
  shareBy: Object.fromEntries(comparison.shareBy),
  firstChoices,
  changed: {
    count: changed.count,
    shown: changed.shown.map(({ key, ...rest }) => ({
      requestId: calls[key]?.requests[0].admitted.requestId,
      ...rest,
    })),
  },
})
