/**
 * Wrong tokens and keys, counted per remote address. What counts are different ones: a forgotten tab that sends its old token again and
 * again guesses nothing, and must not lock its operator out.
 */

import { addressGroup } from '#http/address-group.ts'

/** Wrong ones within the window after which an address hears 429. */
export const MOST_GUESSES = 10
export const WINDOW_MS = 60_000
/** Addresses that are remembered; the oldest goes first. */
const ADDRESSES_KEPT = 1_000

interface Guesses {
  readonly since: number
  readonly digests: Set<string>
}

export interface FailedAttempts {
  /** Epoch ms until which an address is refused, whatever it sends; undefined: it may try. */
  readonly blockedUntil: (address: string, now: number) => number | undefined
  /** `digest` tells one wrong token from another. */
  readonly count: (address: string, digest: string, now: number) => void
}

export const makeFailedAttempts = (): FailedAttempts => {
  const byAddress = new Map<string, Guesses>()
  const recent = (address: string, now: number): Guesses | undefined => {
    const guesses = byAddress.get(address)
    if (guesses === undefined || now - guesses.since < WINDOW_MS) return guesses
    byAddress.delete(address)
    return undefined
  }
  return {
    blockedUntil: (address, now) => {
      const guesses = recent(addressGroup(address), now)
      return guesses !== undefined && guesses.digests.size >= MOST_GUESSES ? guesses.since + WINDOW_MS : undefined
    },
    count: (from, digest, now) => {
      const address = addressGroup(from)
      const guesses = recent(address, now) ?? { since: now, digests: new Set() }
      guesses.digests.add(digest)
      byAddress.set(address, guesses)
      const [oldest] = byAddress.keys()
      if (oldest !== undefined && byAddress.size > ADDRESSES_KEPT) byAddress.delete(oldest)
    },
  }
}
