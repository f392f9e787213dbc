/**
 * A budget that the policy names from now on starts with what its requests have cost in the running period: the books know.
 * Budgets of each agent start at nothing, because the books do not tell who started whom.
 */
import { Effect, type Scope } from 'effect'
import { Ledger } from '#actors/ledger.ts'
import { Books, type EventLogError } from '#actors/ports.ts'
import type { Dimension } from '#domain/books-query.ts'
import { periodAt } from '#domain/budget.ts'
import { matchesModel } from '#domain/model-map.ts'
import type { Budget } from '#domain/policy.ts'

/** What each account of the budget has cost in `span`; the first is that of nobody in particular. */
const spentBy = Effect.fnUntraced(function* (
  budget: Budget,
  span: { readonly from: number; readonly to: number },
): Effect.fn.Return<readonly (readonly [subject: string, nanoUsd: number])[], EventLogError, Books> {
  const books = yield* Books
  const { key, project, model, each } = budget
  const filter = { ...(key === undefined ? {} : { key }), ...(project === undefined ? {} : { project }) }
  if (each === undefined) {
    return [['', yield* books.spent({ ...span, ...filter, ...(model === undefined ? {} : { model }) })]]
  }
  const dimension = DIMENSIONS[each]
  // A pattern of models and a sum for each of something else is more than the books can be asked at once.
  if (dimension === undefined || (model !== undefined && each !== 'model')) return [['', 0]]
  const { rows } = yield* books.costs({ ...span, by: [dimension], filter })
  const known = rows
    .map(({ key: [subject], sums }) => [subject ?? '', sums.costNanoUsd] as const)
    .filter(([subject]) => model === undefined || matchesModel(model, subject))
  return known.some(([subject]) => subject === '') ? known : [['', 0], ...known]
})

const DIMENSIONS: { readonly [K in NonNullable<Budget['each']>]: Dimension | undefined } = {
  key: 'key',
  project: 'project',
  model: 'asked',
  session: 'session',
  agent: undefined,
}

/** To be run after every change of the policy. A log that cannot be read leaves the budgets as they are, and says so. */
export const seedBudgets = Effect.gen(function* () {
  const ledger = yield* Ledger
  const { budgets } = ledger.state.projections
  const wanted = budgets.definitions.filter(({ name }) => budgets.unseeded.includes(name))
  if (wanted.length === 0) return
  yield* ledger.committed
  const at = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
  for (const budget of wanted) {
    const { start } = periodAt(budget.period, at, budgets.timeZone)
    // What was counted since the policy changed is in the books too.
    const counted = new Map(
      [...budgets.accounts.values()]
        .filter((account) => account.budget === budget.name && account.periodStart === start)
        .map((account) => [account.subject, account.spentNanoUsd]),
    )
    for (const [subject, nanoUsd] of yield* spentBy(budget, { from: start, to: at })) {
      const spentNanoUsd = Math.max(0, nanoUsd - (counted.get(subject) ?? 0))
      ledger.record(
        { _tag: 'BudgetSeeded', budget: budget.name, subject, periodStart: start, until: at, spentNanoUsd },
        at,
      )
    }
  }
}).pipe(
  Effect.catch((error) =>
    Effect.logError('budgets start at nothing until the books can be read', { detail: error.message }),
  ),
)

const AGAIN_MS = 60_000

/**
 * Seeds now, and looks again until its scope closes: the books could not be read, or whoever named a budget has died before it told.
 *
 * @param isMine whether it is for this instance to look again, of several on the log
 */
export const keepSeeded = (isMine: () => boolean): Effect.Effect<void, never, Ledger | Books | Scope.Scope> =>
  Effect.gen(function* () {
    yield* seedBudgets
    const again = Effect.suspend(() => (isMine() ? seedBudgets : Effect.void))
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(AGAIN_MS), again)))
  })
