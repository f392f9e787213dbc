/**
 * The valid names nearest to a mistaken one: case, `-` and `_` do not count, a swap of neighbours counts as one mistake.
 * All names at the smallest distance are returned, none when even the nearest is too far to be meant.
 */
export const nearest = (name: string, candidates: Iterable<string>): readonly string[] => {
  const wanted = plain(name)
  let best: string[] = []
  let least = Math.max(1, Math.min(4, Math.floor(wanted.length / 3)))
  for (const candidate of candidates) {
    const far = distance(wanted, plain(candidate))
    if (far < least) best = []
    if (far <= least) {
      best.push(candidate)
      least = far
    }
  }
  return best
}

const plain = (name: string): string => name.toLowerCase().replaceAll(/[-_]/g, '')

/** Edits between two words (optimal string alignment: insert, delete, replace, swap neighbours). */
const distance = (a: string, b: string): number => {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let least = Math.min(replaced, at(last, j) + 1, at(row, j - 1) + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, at(before, j - 2) + 1)
      }
      row.push(least)
    }
    before = last
    last = row
  }
  return at(last, b.length)
}

const at = (row: readonly number[], index: number): number => row[index] ?? Number.POSITIVE_INFINITY
