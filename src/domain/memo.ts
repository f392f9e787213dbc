/**
 * A function of a name that remembers its answers. Names come from outside, so only so many are kept: when there are more,
 * all are forgotten, which costs one look each and no book-keeping.
 */
export const memo = <A>(kept: number, answer: (name: string) => A): ((name: string) => A) => {
  const known = new Map<string, { readonly answer: A }>()
  return (name) => {
    const found = known.get(name)
    if (found !== undefined) return found.answer
    if (known.size >= kept) known.clear()
    const fresh = { answer: answer(name) }
    known.set(name, fresh)
    return fresh.answer
  }
}
