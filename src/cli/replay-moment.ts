/**
 * `signalbox replay --at TIME`: the box as it was then, folded from its log: providers, limits, money, what was under way.
 */
import { Console, Effect } from 'effect'
import { EventLog } from '#actors/ports.ts'
import { boxView } from '#actors/views/box-view.ts'
import { budgetViews } from '#actors/views/budget-view.ts'
import { pastState } from '#actors/views/past-state.ts'
import { momentReport } from '#cli/moment-report.ts'

/** Prints the moment (epoch ms); answers the exit code: 0, or 1 when the log begins later. */
export const replayMoment = Effect.fnUntraced(function* (options: { readonly at: number; readonly json: boolean }) {
  const log = yield* EventLog
  // Nothing is written to a log that is only looked at.
  const past = yield* pastState({ ...log, saveSnapshot: () => Effect.void }, options.at)
  if (past.position === 0) {
    yield* Console.error(`The log has nothing up to ${new Date(options.at).toISOString()}.`)
    return 1
  }
  const box = boxView(past.state, past.at, past.position)
  const budgets = budgetViews(past.state, past.at)
  if (options.json) yield* Console.log(JSON.stringify({ ...box, budgets }))
  else {
    if (past.at !== options.at) {
      yield* Console.error(
        'The events up to that time are in archives; name them as arguments. What is known before it:',
      )
    }
    yield* Console.log(momentReport(box, budgets).join('\n'))
  }
  return 0
})
