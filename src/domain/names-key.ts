/**
 * What entries are kept under that belong to several names, as `["vertex","claude-opus-5-5"]`. Keys are asked for at every event
 * and for every candidate, of the same few names, so they are remembered: a look for each name, and no text is made.
 */

/** JSON of the names. */
export const namesKey = (names: readonly string[]): string => {
  let branch = root
  for (const name of names) branch = branchOf(branch, name)
  branch.key ??= JSON.stringify(names)
  return branch.key
}

/** What is known of a beginning: its own key, and the beginnings that are one name longer. */
interface Branch {
  key?: string
  next?: Map<string, Branch>
}

const root: Branch = {}

/** Names may come from outside. When there are more, all are forgotten, which costs one text each. */
const NAMES_KEPT = 300

const branchOf = (branch: Branch, name: string): Branch => {
  branch.next ??= new Map()
  const known = branch.next.get(name)
  if (known !== undefined) return known
  if (branch.next.size >= NAMES_KEPT) branch.next.clear()
  const fresh: Branch = {}
  branch.next.set(name, fresh)
  return fresh
}
