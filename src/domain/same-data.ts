/**
 * Equality of plain data, as its JSON would tell it, without making the JSON: a replay compares every decision that way.
 */

/** Equal whatever the order of members. A member that is undefined is the same as none; numbers that JSON cannot say are null. */
export const sameData = (a: unknown, b: unknown): boolean => {
  if (a === b) return true
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return asJson(a) === asJson(b)
  const isList = Array.isArray(a)
  if (isList !== Array.isArray(b)) return false
  if (isList) return sameItems(a, b as readonly unknown[])
  return sameMembers(a as Members, b as Members)
}

type Members = { readonly [name: string]: unknown }

const asJson = (value: unknown): unknown => (typeof value === 'number' && !Number.isFinite(value) ? null : value)

/** In a list nothing is null, as JSON has it. */
const sameItems = (a: readonly unknown[], b: readonly unknown[]): boolean => {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (!sameData(a[index] ?? null, b[index] ?? null)) return false
  return true
}

/** What is in the first is the same in the second, which has as many members: then it has no others. */
const sameMembers = (a: Members, b: Members): boolean => {
  let more = 0
  for (const name in a) {
    if (!sameData(a[name], b[name])) return false
    if (a[name] !== undefined) more -= 1
  }
  for (const name in b) if (b[name] !== undefined) more += 1
  return more === 0
}
