/**
 * Metrics of tokens, money and budgets. Dollars are US dollars.
 */
import { type BudgetUse, budgetUse } from '#domain/projections/budgets.ts'
import { type Family, gauge, type Scene, total } from '#infra/telemetry/metrics/family.ts'

const NANO_PER_USD = 1e9

/** Budgets that get a label of their own; who writes more of them wants another tool. */
const BUDGETS_SHOWN = 50

interface ShownBudget {
  readonly name: string
  readonly limitNanoUsd: number
  /** Of the running period; of a budget that is one each of a session, an agent, …, all those that were used. */
  readonly accounts: readonly BudgetUse[]
}

const shown = ({ state, at }: Scene): readonly ShownBudget[] => {
  const { budgets } = state.projections
  const use = budgetUse(budgets, at)
  return budgets.definitions.slice(0, BUDGETS_SHOWN).map(({ name, limitNanoUsd }) => ({
    ...{ name, limitNanoUsd },
    accounts: use.filter((account) => account.name === name),
  }))
}

const perBudget = (name: string, help: string, value: (budget: ShownBudget) => number): Family =>
  gauge(['budget'], { name, help }, (scene) =>
    shown(scene).map((budget) => ({ labels: { budget: budget.name }, value: value(budget) })),
  )

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0)

export const costMetrics: readonly Family[] = [
  total('tokens', {
    name: 'signalbox_tokens_total',
    help: 'Tokens that providers reported: input (neither read from a cache nor written to one), output, cache_read, cache_write_5m, cache_write_1h.',
  }),
  total(
    'costNanoUsd',
    {
      name: 'signalbox_cost_usd_total',
      help: 'What attempts cost, by how that is known: reported by the provider, priced by its list, estimated of attempts that broke off.',
    },
    NANO_PER_USD,
  ),
  total('unpriced', {
    name: 'signalbox_unpriced_attempts_total',
    help: 'Attempts that used tokens for which nobody knows a price; the cost leaves them out.',
  }),
  total(
    'cacheSavedNanoUsd',
    {
      name: 'signalbox_cache_savings_usd_total',
      help: 'What reading from caches saved, of answers where it did.',
    },
    NANO_PER_USD,
  ),
  total(
    'cacheExtraNanoUsd',
    {
      name: 'signalbox_cache_extra_cost_usd_total',
      help: 'What writing to caches cost beyond what reading saved, of answers where it did; savings less this are the balance.',
    },
    NANO_PER_USD,
  ),
  perBudget(
    'signalbox_budget_limit_usd',
    'What may be spent of a budget in its period; of one that is for each of many, by each.',
    ({ limitNanoUsd }) => limitNanoUsd / NANO_PER_USD,
  ),
  perBudget(
    'signalbox_budget_spent_usd',
    'What was spent in the running period, by all together.',
    ({ accounts }) => sum(accounts.map(({ spentNanoUsd }) => spentNanoUsd)) / NANO_PER_USD,
  ),
  perBudget(
    'signalbox_budget_reserved_usd',
    'What attempts under way may cost at most.',
    ({ accounts }) => sum(accounts.map(({ reservedNanoUsd }) => reservedNanoUsd)) / NANO_PER_USD,
  ),
  perBudget(
    'signalbox_budget_used_ratio',
    'Share of a budget that is spent, 1: all of it; of one that is for each of many, of whoever has spent most.',
    ({ accounts }) => Math.max(0, ...accounts.map(({ usedShare }) => usedShare)),
  ),
  perBudget(
    'signalbox_budget_unpriced_attempts',
    'Attempts in the running period of which nobody knows what they cost.',
    ({ accounts }) => sum(accounts.map(({ unpriced }) => unpriced)),
  ),
]
