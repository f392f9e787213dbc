/** The texts of the books, by their numbers and back, for the reading connection. */
import type { Database } from 'better-sqlite3'

export interface Names {
  /** Undefined: never seen. */
  readonly idOf: (name: string) => number | undefined
  readonly nameOf: (id: number) => string
}

/** A text never gets another number, so what is known stays true; so many are kept. */
const KEPT = 20_000

export const makeNames = (database: Database): Names => {
  const byId = database.prepare<[number], string>('SELECT name FROM names WHERE id = ?').pluck()
  const byName = database.prepare<[string], number>('SELECT id FROM names WHERE name = ?').pluck()
  const known = new Map<number, string>()
  return {
    idOf: (name) => byName.get(name),
    nameOf: (id) => {
      const found = known.get(id) ?? byId.get(id)
      // Damage that verify reports; reading goes on.
      if (found === undefined) return `unknown name ${id}`
      if (known.size >= KEPT) known.clear()
      known.set(id, found)
      return found
    },
  }
}
