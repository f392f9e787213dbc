/**
 * The operator's budget is used up in the middle of a task: the client says so and stops, instead of asking again for minutes.
 */
import { Effect } from 'effect'
import * as stories from '#infra/simulator/stories.ts'
import type { Scenario } from './scenario.ts'
import { check, checkLog, setStage, successes } from './stage.ts'
import { resultOf } from './transcript.ts'

/** USD per million tokens, the same for all of them: a turn of the story costs some cents. */
const price = { input: 1, output: 1, cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1 }

const hardBudget: Scenario = {
  name: 'hard budget used up in the middle of a task',
  play: Effect.gen(function* () {
    const stage = yield* setStage({
      story: stories.severalTools,
      provider: { prices: { '*': price } },
      config: { budgets: { daily: { period: 'day', usd: 0.15, action: 'refuse' } } },
    })
    const startedAt = Date.now()
    const result = yield* stage.client()
    const seconds = Math.round((Date.now() - startedAt) / 1_000)
    const end = resultOf(result)
    yield* check(end?.is_error === true, `the client ended well: ${JSON.stringify(end?.result)}`)
    yield* check(
      String(end?.result).includes('The budget daily has nothing left for this request'),
      `the client does not say why: ${JSON.stringify(end?.result)}`,
    )
    const log = yield* stage.log
    const served = successes(log).length
    yield* check(served > 0, 'nothing was served before the budget was used up')
    const refused = log.filter((event) => event._tag === 'RequestFailed' && event.reason._tag === 'BudgetExceeded')
    yield* check(refused.length >= 1 && refused.length <= 3, `the client asked ${refused.length} times in vain`)
    const spent = successes(log).reduce((sum, { costNanoUsd = 0 }) => sum + costNanoUsd, 0)
    yield* check(spent <= 0.15e9, `${spent} nano-dollars were spent`)
    yield* checkLog(stage)
    return `${served} calls served, ${refused.length} refused, the client stopped after ${seconds} s and said why`
  }),
}

export const spentDays: readonly Scenario[] = [hardBudget]
