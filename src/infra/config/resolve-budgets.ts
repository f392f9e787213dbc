/**
 * The budgets of the file as the policy has them, checked for what a schema cannot say.
 */
import { isTimeZone } from '#domain/local-days.ts'
import type { Budget } from '#domain/policy.ts'
import type { Checks } from '#infra/config/checks.ts'
import type { Config } from '#infra/config/config.ts'
import { showValue } from '#infra/config/problem.ts'
import { checkPattern } from '#infra/config/resolve-provider.ts'
import type { ConfigFile } from '#infra/config/schema.ts'

const NANO = 1e9

type BudgetFile = NonNullable<ConfigFile['budgets']>[string]

export const resolveTimeZone = ({ timeZone = 'UTC' }: ConfigFile, checks: Checks): string => {
  if (!isTimeZone(timeZone)) {
    const found = showValue(timeZone)
    checks.report('invalidValue', ['timeZone'], `expected a time zone such as Europe/Berlin, found ${found}`)
  }
  return timeZone
}

export const resolveBudgets = (
  file: ConfigFile,
  { strategies }: Pick<Config['features'], 'strategies'>,
  checks: Checks,
): readonly Budget[] =>
  Object.entries(file.budgets ?? {}).map(([name, budget]): Budget => {
    const at = ['budgets', name]
    const { period, usd, key, project, model, each, stepDownTo } = budget
    if (model !== undefined) checkPattern(model, [...at, 'model'], checks)
    if (stepDownTo !== undefined && budget.action !== 'stepDown') {
      checks.report('conflict', [...at, 'stepDownTo'], 'is for budgets whose action is stepDown')
    }
    const strategy = stepDownTo?.strategy
    if (strategy !== undefined && !strategies[strategy]) {
      const text = `${strategy} is switched off by features.strategies.${strategy}`
      checks.report('conflict', [...at, 'stepDownTo', 'strategy'], text)
    }
    return {
      name,
      period,
      limitNanoUsd: Math.round(usd * NANO),
      ...(key === undefined ? {} : { key }),
      ...(project === undefined ? {} : { project }),
      ...(model === undefined ? {} : { model }),
      ...(each === undefined ? {} : { each }),
      ...hardOf(budget),
    }
  })

const hardOf = ({ action, stepDownTo }: BudgetFile): Pick<Budget, 'hard'> => {
  if (action === 'refuse') return { hard: {} }
  if (action !== 'stepDown') return {}
  const { strategy, model } = stepDownTo ?? {}
  return {
    hard: {
      ...(strategy === undefined ? (model === undefined ? { strategy: 'cost' } : {}) : { strategy }),
      ...(model === undefined ? {} : { model }),
    },
  }
}
