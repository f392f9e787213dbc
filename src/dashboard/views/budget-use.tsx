/**
 * Budgets, with what is used of each.
 */
import type { BudgetView } from '#actors/views/budget-view.ts'
import { fetchBudgets } from '../api/budgets.ts'
import { boxNow } from '../clock.ts'
import { Answered } from '../components/answered.tsx'
import { Meter } from '../components/meter.tsx'
import { duration, usd } from '../format.ts'
import { useAnswer } from '../use-answer.ts'

export const BudgetUse = () => {
  const asked = useAnswer('budgets', fetchBudgets, 'slow')
  const now = boxNow.value
  return (
    <section class="panel" aria-label="Budgets">
      <h2>Budgets</h2>
      <Answered asked={asked} what="budgets">
        {({ data }) =>
          data.length === 0 ? (
            <p class="quiet">None is configured.</p>
          ) : (
            data.map((row) => (
              <Meter
                key={`${row.budget.name}/${row.subject}`}
                label={labelOf(row)}
                share={row.usedShare}
                text={`${usd(row.spentNanoUsd)} of ${usd(row.budget.limitNanoUsd)} a ${row.budget.period}`}
                note={`${usd(row.leftNanoUsd)} left, ${usd(row.reservedNanoUsd)} held back; starts anew in ${duration(row.period.end - now)}.`}
              />
            ))
          )
        }
      </Answered>
    </section>
  )
}

const labelOf = ({ budget, subject }: BudgetView): string =>
  `${budget.name}${subject === '' ? '' : ` (${subject})`}${budget.hard === undefined ? '' : ', hard'}`
