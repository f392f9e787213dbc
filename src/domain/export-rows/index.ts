/** Every table, by its name. */
import { attemptsTable } from './attempts.ts'
import type { ExportTable } from './column.ts'
import { decisionsTable } from './decisions.ts'
import { requestsTable } from './requests.ts'

export const TABLES = ['requests', 'attempts', 'decisions'] as const
export type TableName = (typeof TABLES)[number]

export const exportTables: { readonly [T in TableName]: ExportTable } = {
  requests: requestsTable,
  attempts: attemptsTable,
  decisions: decisionsTable,
}
