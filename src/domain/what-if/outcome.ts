/**
 * What became of each call under one policy, as observed or as estimated, and the figures of many.
 */
import type { ProviderId } from '#domain/ids.ts'
import type { LoggedCall } from '#domain/what-if/traffic.ts'

export interface Outcome {
  readonly key: number
  readonly session: string
  /** Epoch ms. */
  readonly at: number
  readonly costNanoUsd: number
  /** The person gave it up: it counts neither as served nor as not served. */
  readonly isLeft: boolean
  readonly isServed: boolean
  /** From the client's first request to the first content of the answer that it got; null: it got none. */
  readonly ttftMs: number | null
  /** Refusals for a limit, by providers. */
  readonly limited: number
  /** Who served it. */
  readonly provider: ProviderId | null
  /** Whom its first route named first. */
  readonly firstChoice: ProviderId | null
  /** Another provider than that of the conversation's call before; null: there was none. */
  readonly isSwitch: boolean | null
  /** Attempts whose end is an estimate; of these, at providers of which too little is known. */
  readonly modelled: number
  readonly unsupported: number
  /** Attempts at providers that are an assumption. */
  readonly assumed: number
}

/** What the log says became of its calls. */
export const observedOutcomes = (calls: readonly LoggedCall[]): readonly Outcome[] => {
  const before = new Map<string, ProviderId>()
  return calls.map(({ key, session, conversation, requests }) => {
    const attempts = requests.flatMap((request) => request.attempts)
    const [first] = requests
    const last = requests.at(-1) ?? first
    const served = last.end === 'answered' ? attempts.at(-1) : undefined
    const came = before.get(conversation)
    if (served !== undefined) before.set(conversation, served.provider)
    return {
      key,
      session,
      at: first.at,
      costNanoUsd: attempts.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0),
      isLeft: last.end === 'left',
      isServed: served !== undefined,
      ttftMs: served === undefined ? null : served.startedAt + (served.ttftMs ?? 0) - first.at,
      limited: attempts.filter(({ reason }) => reason?._tag === 'RateLimited').length,
      provider: served?.provider ?? null,
      firstChoice: first.firstChoice,
      isSwitch: served === undefined || came === undefined ? null : came !== served.provider,
      modelled: 0,
      unsupported: 0,
      assumed: 0,
    }
  })
}

export interface Figures {
  readonly calls: number
  readonly costUsd: number
  readonly successShare: number
  readonly limited: number
  readonly ttftP50Ms: number
  readonly ttftP95Ms: number
  readonly switchShare: number
  /** Of the calls that were served, by provider. */
  readonly shareBy: ReadonlyMap<ProviderId, number>
}

export const figuresOf = (outcomes: readonly Outcome[]): Figures => {
  const counted = outcomes.filter(({ isLeft }) => !isLeft)
  const served = counted.filter(({ isServed }) => isServed)
  const ttfts = Float64Array.from(served, ({ ttftMs }) => ttftMs ?? 0).toSorted()
  const follows = served.filter(({ isSwitch }) => isSwitch !== null)
  const shareBy = new Map<ProviderId, number>()
  for (const { provider } of served)
    if (provider !== null) shareBy.set(provider, (shareBy.get(provider) ?? 0) + 1 / served.length)
  return {
    calls: counted.length,
    costUsd: outcomes.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0) / 1e9,
    successShare: counted.length === 0 ? 1 : served.length / counted.length,
    limited: outcomes.reduce((sum, { limited }) => sum + limited, 0),
    ttftP50Ms: quantile(ttfts, 0.5),
    ttftP95Ms: quantile(ttfts, 0.95),
    switchShare: follows.length === 0 ? 0 : follows.filter(({ isSwitch }) => isSwitch === true).length / follows.length,
    shareBy,
  }
}

/** Of ascending values; 0 of none. */
export const quantile = (sorted: ArrayLike<number>, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
