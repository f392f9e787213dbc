/**
 * How the last quarter of an hour went, in steps of ten seconds: what alerts look at, of the box and of each provider. The box
 * counts requests, as clients met them; a provider counts attempts, as it did.
 */
import type { DomainEvent } from '#domain/events.ts'
import { countsAgainst } from '#domain/failure.ts'
import { providersOf } from '#domain/policy.ts'
import { FOLLOWED, follow, type OpenRequests } from '#domain/projections/open-attempts.ts'
import type { Projection } from '#domain/projections/projection.ts'
import { bucketAt, type TimeBucket } from '#domain/projections/time-buckets.ts'

export interface OutcomeCounts {
  good: number
  /** Not those for which the request, the client, or a limit before the answer is to blame. */
  bad: number
  /** Requests taken in, attempts started. */
  started: number
  /** Tokens of prompts, without and with those that were read from a cache; of answers. */
  freshTokens: number
  promptTokens: number
  outputTokens: number
  /** Streamed answers by the time to their first content, one count for each of `TTFT_BOUNDS_MS` and one for what took longer. */
  readonly ttft: number[]
}

/** `slot`: ten seconds each, since the epoch. */
export interface OutcomeBucket extends OutcomeCounts, TimeBucket {}

export interface RecentOutcomes {
  /** By provider; `BOX` is the box. Oldest bucket first; those without anything are absent. */
  readonly of: Map<string, OutcomeBucket[]>
  readonly open: OpenRequests<{ readonly stream: boolean }>
}

/** No provider has this name. */
export const BOX = ''
export const SLOT_MS = 10_000
export const SLOTS_KEPT = 90
export const TTFT_BOUNDS_MS = [250, 500, 1_000, 2_000, 3_000, 5_000, 8_000, 13_000, 20_000, 30_000, 60_000, 120_000]
/** Far above any configuration. */
export const PROVIDERS_KEPT = 200

export const recentOutcomes: Projection<RecentOutcomes> = {
  name: 'recentOutcomes',
  version: 2,
  hears: ['PolicyChanged', ...FOLLOWED],
  initial: () => ({ of: new Map(), open: new Map() }),
  evolve: (state, occurred) => {
    const { event, occurredAt: at } = occurred
    const ended = follow(state.open, occurred, ({ stream }) => ({ stream }))
    switch (event._tag) {
      case 'PolicyChanged': {
        const named: ReadonlySet<string> = providersOf(event.policy)
        for (const id of state.of.keys()) if (id !== BOX && !named.has(id)) state.of.delete(id)
        break
      }
      case 'RequestAdmitted':
        count(state, BOX, at, (box) => {
          box.started += 1
        })
        break
      case 'AttemptStarted':
        count(state, event.provider, at, (provider) => {
          provider.started += 1
        })
        break
      case 'AttemptSucceeded':
        for (const whose of [BOX, event.provider]) {
          count(state, whose, at, (counts) => {
            counts.good += 1
            addTokens(counts, event.usage)
            // Of an answer that comes in one piece nobody sees when it began.
            if (ended?.asked.stream === true) addTtft(counts, event.ttftMs)
          })
        }
        break
      case 'AttemptFailed': {
        const isBad = isProvidersFault(event)
        if (!isBad && event.usage === undefined) break
        count(state, event.provider, at, (provider) => {
          if (isBad) provider.bad += 1
          if (event.usage !== undefined) addTokens(provider, event.usage)
        })
        break
      }
      case 'RequestFailed': {
        const blame = countsAgainst(event.reason)
        if (blame === 'request' || blame === 'client') break
        count(state, BOX, at, (box) => {
          box.bad += 1
        })
        break
      }
    }
    return state
  },
}

const isProvidersFault = ({ reason, stage }: Extract<DomainEvent, { readonly _tag: 'AttemptFailed' }>): boolean => {
  const blame = countsAgainst(reason)
  // A limit before the answer is a schedule; one that breaks an answer off is a failure that the client sees.
  return blame === 'provider' || blame === 'account' || (blame === 'limit' && stage === 'S2')
}

const addTokens = (counts: OutcomeCounts, usage: Extract<DomainEvent, { _tag: 'AttemptSucceeded' }>['usage']): void => {
  const fresh = usage.inputTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens
  counts.freshTokens += fresh
  counts.promptTokens += fresh + usage.cacheReadTokens
  counts.outputTokens += usage.outputTokens
}

const addTtft = ({ ttft }: OutcomeCounts, ms: number): void => {
  const longer = TTFT_BOUNDS_MS.findIndex((bound) => ms <= bound)
  const index = longer < 0 ? TTFT_BOUNDS_MS.length : longer
  ttft[index] = (ttft[index] ?? 0) + 1
}

const count = ({ of }: RecentOutcomes, whose: string, at: number, add: (counts: OutcomeCounts) => void): void => {
  const known = of.get(whose)
  const buckets = known ?? []
  const bucket = bucketAt(buckets, Math.floor(at / SLOT_MS), SLOTS_KEPT, (slot) => ({ slot, ...nothing() }))
  if (bucket === undefined) return
  add(bucket)
  if (known !== undefined) return
  of.set(whose, buckets)
  if (of.size > PROVIDERS_KEPT) forgetOne(of, whose)
}

/** The provider of which nothing was counted for longest. */
const forgetOne = (of: RecentOutcomes['of'], newcomer: string): void => {
  let oldest: { readonly id: string; readonly slot: number } | undefined
  for (const [id, buckets] of of) {
    const slot = buckets.at(-1)?.slot ?? 0
    if (id !== BOX && id !== newcomer && (oldest === undefined || slot < oldest.slot)) oldest = { id, slot }
  }
  if (oldest !== undefined) of.delete(oldest.id)
}

const NO_TTFT: readonly number[] = [...TTFT_BOUNDS_MS, Number.POSITIVE_INFINITY].map(() => 0)

const nothing = (): OutcomeCounts => ({
  good: 0,
  bad: 0,
  started: 0,
  freshTokens: 0,
  promptTokens: 0,
  outputTokens: 0,
  ttft: NO_TTFT.slice(),
})

/** The sums of the last `windowMs` before `at` (epoch ms), to within a step; at most a quarter of an hour. */
export const outcomesWithin = (state: RecentOutcomes, whose: string, at: number, windowMs: number): OutcomeCounts => {
  const newest = Math.floor(at / SLOT_MS)
  const oldest = Math.floor((at - windowMs) / SLOT_MS)
  const sum = nothing()
  for (const bucket of state.of.get(whose) ?? []) {
    if (bucket.slot <= oldest || bucket.slot > newest) continue
    sum.good += bucket.good
    sum.bad += bucket.bad
    sum.started += bucket.started
    sum.freshTokens += bucket.freshTokens
    sum.promptTokens += bucket.promptTokens
    sum.outputTokens += bucket.outputTokens
    for (const [index, answers] of bucket.ttft.entries()) sum.ttft[index] = (sum.ttft[index] ?? 0) + answers
  }
  return sum
}
