/** The texts of the books, by their numbers and back, for questions. */
import type { Asking, Dialect } from '#infra/event-log/asking.ts'

export interface Names {
  /** Undefined: never seen. */
  readonly idOf: (name: string) => Asking<number | undefined>
  /** The texts of these numbers. */
  readonly of: (ids: Iterable<number>) => Asking<(id: number) => string>
}

/** A text never gets another number, so what is known stays true; so many are kept. */
const KEPT = 20_000

export const makeNames = ({ table, toText, fromText }: Dialect): Names => {
  const known = new Map<number, string>()
  return {
    *idOf(name) {
      const [row] = yield { sql: `SELECT id FROM ${table('names')} WHERE name = ?`, parameters: [toText(name)] }
      return row === undefined ? undefined : Number(row[0])
    },
    *of(ids) {
      const wanted = new Set(ids)
      const unknown = [...wanted].filter((id) => !known.has(id))
      if (unknown.length > 0) {
        if (known.size + unknown.length > KEPT) known.clear()
        // Numbers that the database has just told.
        const rows = yield {
          sql: `SELECT id, name FROM ${table('names')} WHERE id IN (${[...wanted].filter((id) => !known.has(id)).join(', ')})`,
          parameters: [],
        }
        for (const [id, name] of rows) known.set(Number(id), fromText(String(name)))
      }
      const found = new Map([...wanted].map((id) => [id, known.get(id)]))
      // A number without its text is damage; reading goes on.
      return (id) => found.get(id) ?? `unknown name ${id}`
    },
  }
}
