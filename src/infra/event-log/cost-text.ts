/**
 * A report of costs on its way from the reading thread to the main one: arrays in JSON, because names of fields would be most of
 * the text, and parsing it would hold streams up.
 */
import type { CostReport } from '#domain/books-query.ts'
import { sumsAt, sumValues } from '#infra/event-log/books-schema.ts'

type Packed = readonly [
  groups: number,
  total: readonly number[],
  rows: readonly (readonly [key: CostReport['rows'][number]['key'], sums: readonly number[]])[],
]

export const packCosts = ({ rows, groups, total }: CostReport): string => {
  const packed: Packed = [groups, sumValues(total), rows.map(({ key, sums }) => [key, sumValues(sums)])]
  return JSON.stringify(packed)
}

export const unpackCosts = (text: string): CostReport => {
  const [groups, total, rows]: Packed = JSON.parse(text)
  return { groups, total: sumsAt(total, 0), rows: rows.map(([key, sums]) => ({ key, sums: sumsAt(sums, 0) })) }
}
