/**
 * Asks the system for a name once at a time. It resolves names in threads, of which Node has four for everything: a name whose server is
 * silent holds one for 10 to 20 s (resolv.conf: 5 s, twice, for each server), and with one for each connection that waits, nobody else's
 * name would be resolved.
 */
import type { LookupAddress, LookupAllOptions } from 'node:dns'

/** Finds all addresses of a name; tests have one of their own. */
export type LookupAll = (
  name: string,
  options: LookupAllOptions,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/** Who asks while an answer is under way gets that one. */
export const askOnce = (find: LookupAll): LookupAll => {
  const underWay = new Map<string, Parameters<LookupAll>[2][]>()
  return (name, options, done) => {
    const question = JSON.stringify([name, options.family, options.hints, options.order])
    const others = underWay.get(question)
    if (others !== undefined) {
      others.push(done)
      return
    }
    const asking = [done]
    underWay.set(question, asking)
    find(name, options, (error, addresses) => {
      underWay.delete(question)
      for (const answer of asking) answer(error, addresses)
    })
  }
}
