/**
 * What one run came to: the figures of the table.
 */
import { costOf } from '#domain/pricing.ts'
import type { Turn } from './client.ts'
import { billedAt, type Exchange } from './exchange.ts'
import { priceAt, type TrueProvider } from './true-provider.ts'

export interface Figures {
  /** Calls of the client, with its retries; those that a person gave up are not among them. */
  readonly turns: number
  readonly servedShare: number
  /** Of the turns in which at every request at least one provider was well (no outage, room in its limits). */
  readonly servedWhenHealthyShare: number
  readonly healthyTurns: number
  /** Turns that were served without a retry of the client. */
  readonly firstTryShare: number
  readonly refusals429: number
  readonly attempts: number
  readonly requests: number
  /** From the client's first request to the first content of the answer it got, ms. */
  readonly ttftP50Ms: number
  readonly ttftP95Ms: number
  readonly costUsd: number
  /** Per 1,000 turns that were served, so that who serves less is not cheaper for it. */
  readonly costPer1000Usd: number
  /** Of the main loop's answers, those that came from another provider than the one before. */
  readonly switchShare: number
  readonly servedBy: { readonly [provider: string]: number }
  readonly costBy: { readonly [provider: string]: number }
  readonly refusedBy: { readonly [provider: string]: number }
}

export interface Tally {
  readonly closed: (truth: TrueProvider, exchange: Exchange, at: number) => void
  readonly ended: (turn: Turn, isHealthy: boolean) => void
  readonly figures: () => Figures
}

export const makeTally = (): Tally => {
  const ttfts: number[] = []
  const lastOf = new Map<string, string>()
  const servedBy: Record<string, number> = {}
  const costBy: Record<string, number> = {}
  const refusedBy: Record<string, number> = {}
  const add = (to: Record<string, number>, key: string, by: number): void => {
    to[key] = (to[key] ?? 0) + by
  }
  let turns = 0
  let served = 0
  let healthy = 0
  let servedHealthy = 0
  let firstTry = 0
  let attempts = 0
  let requests = 0
  let nano = 0
  let follows = 0
  let switches = 0

  return {
    closed: (truth, exchange, at) => {
      attempts += 1
      if (exchange.end._tag === 'Failed' && exchange.end.reason._tag === 'RateLimited') add(refusedBy, truth.id, 1)
      const usage = billedAt(exchange, at)
      const cost = usage === undefined ? 0 : (costOf(priceAt(truth, at), usage) ?? 0)
      nano += cost
      add(costBy, truth.id, cost / 1e9)
    },
    ended: (turn, isHealthy) => {
      requests += turn.requests.length
      const last = turn.requests.at(-1)
      if (last === undefined || last._tag === 'Left') return
      turns += 1
      if (isHealthy) healthy += 1
      if (last._tag !== 'Answered') return
      served += 1
      if (isHealthy) servedHealthy += 1
      if (turn.requests.length === 1) firstTry += 1
      add(servedBy, last.provider, 1)
      ttfts.push(last.firstContentAt - turn.askedAt)
      if (!turn.call.isCached) return
      const conversation = `${turn.call.session} ${turn.call.agent ?? ''}`
      const before = lastOf.get(conversation)
      lastOf.set(conversation, last.provider)
      if (before === undefined) return
      follows += 1
      if (before !== last.provider) switches += 1
    },
    figures: () => {
      ttfts.sort((a, b) => a - b)
      return {
        turns,
        servedShare: served / turns,
        servedWhenHealthyShare: healthy === 0 ? 1 : servedHealthy / healthy,
        healthyTurns: healthy,
        firstTryShare: firstTry / turns,
        refusals429: Object.values(refusedBy).reduce((sum, one) => sum + one, 0),
        attempts,
        requests,
        ttftP50Ms: quantile(ttfts, 0.5),
        ttftP95Ms: quantile(ttfts, 0.95),
        costUsd: nano / 1e9,
        costPer1000Usd: served === 0 ? Number.NaN : nano / 1e6 / served,
        switchShare: follows === 0 ? 0 : switches / follows,
        servedBy,
        costBy,
        refusedBy,
      }
    },
  }
}

/** Of sorted values. */
const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
