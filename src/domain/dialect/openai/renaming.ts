/**
 * Names made legal for a server, one to one: legal names stay as they are, others become a name that depends on the old
 * one alone, so that the same history gives the same bytes turn after turn (prompt caches compare prefixes).
 */
export interface Renaming {
  /** The server's name for the client's. */
  readonly out: (name: string) => string
  /** One more name for the same client's name: for a tool call id that a client used twice in one message. */
  readonly another: (name: string) => string
  /** The server's name → the client's, of names that were changed. */
  readonly changed: ReadonlyMap<string, string>
}

/**
 * @param names every name of the request; the legal ones are taken before any is made up.
 * @param make a legal name; `attempt` counts up from 0 until the result is free.
 */
export const renaming = (
  names: Iterable<string>,
  legal: RegExp,
  make: (name: string, attempt: number) => string,
): Renaming => {
  const out = new Map<string, string>()
  const changed = new Map<string, string>()
  const taken = new Set<string>()
  const another = (name: string): string => {
    let attempt = 0
    let made = make(name, attempt)
    while (taken.has(made)) {
      attempt++
      made = make(name, attempt)
    }
    taken.add(made)
    changed.set(made, name)
    return made
  }
  const all = new Set(names)
  for (const name of all) {
    if (!legal.test(name)) continue
    out.set(name, name)
    taken.add(name)
  }
  for (const name of all) if (!out.has(name)) out.set(name, another(name))
  return { out: (name) => out.get(name) ?? name, another, changed }
}
