/** What events add to the cells of the books, before it is written. */
import type { CellKey, CostEntry, CostSums } from '#domain/books.ts'
import { addCost } from '#domain/books-query.ts'

/** One entry for each cell. */
export const together = (entries: readonly CostEntry[]): readonly CostEntry[] => {
  const cells = new Map<string, CostEntry>()
  for (const entry of entries) {
    const at = keyText(entry.cell)
    const known = cells.get(at)
    cells.set(at, known === undefined ? entry : { cell: entry.cell, sums: addCost(known.sums, entry.sums) })
  }
  return [...cells.values()]
}

export const negated = (sums: CostSums): CostSums =>
  Object.fromEntries(Object.entries(sums).map(([name, value]) => [name, -value])) as CostSums

const keyText = (cell: CellKey): string =>
  JSON.stringify([
    cell.hour,
    cell.provider,
    cell.model,
    cell.asked,
    cell.session,
    cell.agent,
    cell.parentAgent,
    cell.key,
    cell.project,
  ])
