/**
 * What a provider's attempts tell of its limits: sizes that headers named, what refusals suggest, how much was let in.
 */
import type { LoggedAttempt } from '#domain/what-if/traffic.ts'

export interface Rates {
  /** Per minute; Infinity: nothing tells of a limit. */
  readonly requests: number
  readonly input: number
  readonly output: number
}

export interface LimitTraces {
  /** Sizes that headers told; undefined where none did. */
  readonly toldLimits: Partial<Rates>
  /** Sizes that refusals suggest. */
  readonly guessedLimits: Rates
  /** Most requests of a minute that were let in. */
  readonly mostRequests: number
}

/** Tokens of the prompt that were not in the cache. */
interface Observed {
  readonly attempt: LoggedAttempt
  readonly fresh: number
}

const MINUTE_MS = 60_000

/** @param observed in the order of their beginnings */
export const limitTraces = (observed: readonly Observed[]): LimitTraces => {
  const told: { requests?: number; input?: number; output?: number } = {}
  for (const { attempt } of observed)
    for (const { limit, window, size } of attempt.limits)
      if (window === 'minute' && size !== undefined && limit !== 'tokens') told[limit] = size
  const most = { requests: 0, input: 0, output: 0 }
  const refusedAt: Rates[] = []
  let first = 0
  const used = { requests: 0, input: 0, output: 0 }
  const take = ({ attempt, fresh }: Observed, sign: 1 | -1): void => {
    if (attempt.reason?._tag === 'RateLimited') return
    used.requests += sign
    used.input += sign * fresh
    used.output += sign * (attempt.usage?.outputTokens ?? 0)
  }
  for (const one of observed) {
    for (let old = observed[first]; old !== undefined && old.attempt.startedAt <= one.attempt.startedAt - MINUTE_MS; ) {
      take(old, -1)
      first += 1
      old = observed[first]
    }
    if (one.attempt.reason?._tag === 'RateLimited') {
      refusedAt.push({ requests: used.requests + 1, input: used.input + one.fresh, output: used.output })
    }
    take(one, 1)
    if (one.attempt.reason === null) {
      most.requests = Math.max(most.requests, used.requests)
      most.input = Math.max(most.input, used.input)
      most.output = Math.max(most.output, used.output)
    }
  }
  return { toldLimits: told, mostRequests: most.requests, guessedLimits: guess(refusedAt, most) }
}

/** The limit by which most refusals can be explained: at which their use came nearest to the most that was let through. */
const guess = (refusedAt: readonly Rates[], most: Rates): Rates => {
  const open: Rates = {
    requests: Number.POSITIVE_INFINITY,
    input: Number.POSITIVE_INFINITY,
    output: Number.POSITIVE_INFINITY,
  }
  if (refusedAt.length === 0) return open
  const votes = refusedAt.map((use) => {
    const names = ['requests', 'input', 'output'] as const
    return names.toSorted((a, b) => use[b] / Math.max(1, most[b]) - use[a] / Math.max(1, most[a]))[0] ?? 'input'
  })
  const counts = Map.groupBy(votes, (name) => name)
  const [name] = [...counts].toSorted(([, a], [, b]) => b.length - a.length)[0] ?? ['input' as const]
  const uses = refusedAt.map((use) => use[name]).toSorted((a, b) => a - b)
  return { ...open, [name]: Math.max(1, uses[Math.floor(uses.length / 2)] ?? 1) }
}
