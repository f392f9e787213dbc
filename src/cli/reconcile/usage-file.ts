/**
 * A provider's export of what was used: a table (CSV), or rows as JSON.
 */
import { readFile } from 'node:fs/promises'
import { Data, Effect } from 'effect'
import { type NamedRow, parseCsv } from '#domain/ledger-entries/csv.ts'
import { type ProviderUsage, readProviderUsage, USAGE_FORMATS } from '#domain/ledger-entries/provider-usage.ts'

/** The file cannot be read, or is none that is known; the message says what would be one. */
export class UsageFileError extends Data.TaggedError('UsageFileError')<{ readonly message: string }> {}

export const readUsageFile = (path: string): Effect.Effect<ProviderUsage, UsageFileError> =>
  Effect.gen(function* () {
    const text = yield* Effect.tryPromise({
      try: () => readFile(path, 'utf8'),
      catch: (error) => {
        const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
        return new UsageFileError({ message: `${path} cannot be read (${code}).` })
      },
    })
    const usage = readProviderUsage(rowsOf(text))
    if (usage !== undefined) return usage
    const known = USAGE_FORMATS.map(({ name, day, model }) => `${name} (with ${day[0]} and ${model[0]})`).join(', ')
    return yield* new UsageFileError({ message: `${path} has the columns of none that is known: ${known}.` })
  })

/** JSON is a list of rows, or has one under `data`. */
const rowsOf = (text: string): readonly NamedRow[] => {
  try {
    const json: unknown = JSON.parse(text)
    const rows = isRow(json) && Array.isArray(json.data) ? json.data : json
    return Array.isArray(rows) ? rows.filter(isRow) : []
  } catch {
    // Then it is a table.
    return parseCsv(text)
  }
}

const isRow = (value: unknown): value is NamedRow => typeof value === 'object' && value !== null
