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
  return holds(a as Members, b as Members) && hasNoMore(a as Members, b as Members)
}

type Members = { readonly [name: string]: unknown }

const asJson = (value: unknown): unknown => (typeof value === 'number' && !Number.isFinite(value) ? null : value)

/** In a list nothing is null, as JSON has it. */
const sameItems = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((item, index) => sameData(item ?? null, b[index] ?? null))

const holds = (a: Members, b: Members): boolean => {
  for (const name in a) if (!sameData(a[name], b[name])) return false
  return true
}

/** All that both have is the same already; what is left is what only `b` has. */
const hasNoMore = (a: Members, b: Members): boolean => {
  for (const name in b) if (b[name] !== undefined && !Object.hasOwn(a, name)) return false
  return true
}
