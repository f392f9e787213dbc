/**
 * /admin/budgets: how they stand, and changing them while the box runs.
 */
import { Effect, Schema } from 'effect'
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, OpenApi } from 'effect/http-api'
import { Ledger } from '#actors/ledger.ts'
import { BudgetView, budgetViews } from '#actors/views/budget-view.ts'
import { Budget } from '#domain/policy.ts'
import { Access, Caller } from '#http/admin/access.ts'
import { ADMIN_API, Admin } from '#http/admin/admin.ts'
import { Conflict, InvalidRequest, NotFound } from '#http/admin/admin-error.ts'
import { refusedAsError } from '#http/admin/change-refused.ts'
import { RequestErrors } from '#http/admin/request-errors.ts'

const { name: _, ...fields } = Budget.fields
/** A budget as the policy has it; its name is in the path. */
const WantedBudget = Schema.Struct({
  ...fields,
  limitNanoUsd: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
}).annotate({ identifier: 'WantedBudget' })

const BudgetList = Schema.Struct({ data: Schema.Array(BudgetView) })
const ofName = { name: Schema.String }
const errors = [InvalidRequest, NotFound, Conflict] as const

export const budgetsGroup = HttpApiGroup.make('budgets')
  .add(
    HttpApiEndpoint.get('list', '/', { success: BudgetList }).annotateMerge(
      OpenApi.annotations({
        description:
          'Every budget in its running period, in the order of the policy: spent, held back by attempts under way, left. One that is one each has a row for each that has spent.',
      }),
    ),
    HttpApiEndpoint.put('put', '/:name', {
      params: ofName,
      payload: WantedBudget,
      success: BudgetList,
      error: errors,
    }).annotateMerge(
      OpenApi.annotations({
        description:
          'Makes a budget, or changes one; answers how it stands. What its requests have cost in the running period is counted. It holds over restarts, above the configuration.',
      }),
    ),
    HttpApiEndpoint.delete('remove', '/:name', {
      params: ofName,
      success: BudgetList,
      error: errors,
    }).annotateMerge(
      OpenApi.annotations({
        description:
          'Takes a budget out of force, also one of the configuration; answers those that are left. `DELETE /admin/overrides/budgets.NAME` goes back to what the configuration says.',
      }),
    ),
  )
  .middleware(RequestErrors)
  .middleware(Access)
  .prefix('/admin/budgets')
  .annotateMerge(OpenApi.annotations({ description: 'What may be spent, and what was.' }))

export const budgetsLayer = HttpApiBuilder.group(
  HttpApi.make(ADMIN_API).add(budgetsGroup),
  'budgets',
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    const { actions } = yield* Admin
    const clock = yield* Effect.clockWith(Effect.succeed)
    const rows = () => budgetViews(ledger.state, clock.currentTimeMillisUnsafe())
    return handlers.handleAll({
      list: () => Effect.sync(() => ({ data: rows() })),
      put: Effect.fnUntraced(function* ({ params: { name }, payload }) {
        const { by } = yield* Caller
        yield* refusedAsError(actions.setOverrides([{ path: `budgets.${name}`, value: payload }], by))
        return { data: rows().filter(({ budget }) => budget.name === name) }
      }),
      remove: Effect.fnUntraced(function* ({ params: { name } }) {
        const { by } = yield* Caller
        yield* refusedAsError(actions.removeBudget(name, by))
        return { data: rows() }
      }),
    })
  }),
)
