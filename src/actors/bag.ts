/**
 * What is under way, each for a while: what a `Set` would hold, but for the garbage collector. When V8 renews the table of a set,
 * the old one leads to the new one. A table that has grown old would keep all that was ever in a later one, each with its whole
 * request, until the next full collection: of what survived the small ones under load, that was a quarter.
 */

/** In no order. */
export interface Bag<A> extends Iterable<A> {
  readonly size: number
  /** To be called once for each. */
  readonly add: (one: A) => void
  /** What is not there (any more) is no error. */
  readonly delete: (one: A) => void
  readonly has: (one: A) => boolean
}

export const makeBag = <A>(): Bag<A> => {
  const all: A[] = []
  return {
    get size() {
      return all.length
    },
    add: (one) => void all.push(one),
    delete: (one) => {
      const at = all.indexOf(one)
      if (at === -1) return
      const last = all.pop()
      if (last !== undefined && at < all.length) all[at] = last
    },
    has: (one) => all.includes(one),
    /** Those of this moment, whoever comes or goes meanwhile. */
    [Symbol.iterator]: () => all.slice()[Symbol.iterator](),
  }
}
