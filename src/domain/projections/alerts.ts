/**
 * The memory of the alerts: what is raised since when, which news the channels have and have not taken, and what an operator
 * wants to hear nothing of. It outlives restarts, so nothing is raised twice and no news is lost.
 */
import type { DomainEvent } from '#domain/events.ts'
import type { AlertRaised } from '#domain/operator-facts.ts'
import type { AlertKind } from '#domain/policy.ts'
import type { Projection } from '#domain/projections/projection.ts'

/** An alert that stands. `raisedAt`: epoch ms. */
export interface RaisedAlert {
  readonly alertId: string
  readonly kind: AlertKind
  readonly subject: string
  readonly severity: AlertRaised['severity']
  /** As it was when it was raised, in the unit of the kind. */
  readonly value: number
  readonly threshold: number
  readonly raisedAt: number
}

/** What a channel is told: an alert was raised, or cleared, at `at` (epoch ms), with the value of that moment. */
export interface AlertNews extends RaisedAlert {
  readonly change: 'raised' | 'cleared'
  readonly at: number
}

interface KeptNews extends AlertNews {
  /** Channels that took it. */
  readonly takenBy: readonly string[]
}

/** Nothing is told until then (epoch ms; null: ever) of alerts of this kind about this subject; null: any. */
export interface Silence {
  readonly kind: AlertKind | null
  readonly subject: string | null
  readonly until: number | null
}

export interface Alerts {
  /** By alertId, the oldest first. */
  readonly raised: Map<string, RaisedAlert>
  /** Oldest first. */
  readonly news: readonly KeptNews[]
  /** Since when (epoch ms) a channel takes part. */
  readonly channels: Map<string, number>
  /** By JSON of [kind, subject]. */
  readonly silences: Map<string, Silence>
}

/** Nothing is raised beyond; see alertChanges. */
export const RAISED_KEPT = 500
/** Some days of an unquiet box; what is older and was never taken is lost. */
export const NEWS_KEPT = 300
export const CHANNELS_KEPT = 50
export const SILENCES_KEPT = 100
/** Older news is no news, unless its alert still stands. */
export const NEWS_AGE_MS = 86_400_000

export const alerts: Projection<Alerts> = {
  name: 'alerts',
  version: 1,
  hears: ['AlertRaised', 'AlertCleared', 'AlertDelivered', 'AlertsSilenced'],
  initial: () => ({ raised: new Map(), news: [], channels: new Map(), silences: new Map() }),
  evolve: (state, { event, occurredAt: at }) => {
    switch (event._tag) {
      case 'AlertRaised': {
        if (state.raised.has(event.alertId)) return state
        const { _tag, ...about } = event
        const alert: RaisedAlert = { ...about, raisedAt: at }
        state.raised.set(event.alertId, alert)
        dropOldest(state.raised, RAISED_KEPT)
        return withNews(state, { ...alert, change: 'raised', at })
      }
      case 'AlertCleared': {
        const alert = state.raised.get(event.alertId)
        if (alert === undefined) return state
        state.raised.delete(event.alertId)
        return withNews(state, { ...alert, value: event.value, change: 'cleared', at })
      }
      case 'AlertDelivered': {
        if (!state.channels.has(event.channel)) state.channels.set(event.channel, at)
        dropOldest(state.channels, CHANNELS_KEPT)
        return { ...state, news: state.news.map((news) => takenWith(news, event)) }
      }
      case 'AlertsSilenced': {
        const { kind = null, subject = null, until } = event
        const key = JSON.stringify([kind, subject])
        for (const [other, silence] of state.silences) if (isOver(silence, at)) state.silences.delete(other)
        state.silences.delete(key)
        if (until > at) state.silences.set(key, { kind, subject, until })
        dropOldest(state.silences, SILENCES_KEPT)
        return state
      }
      default:
        return state
    }
  },
}

const withNews = (state: Alerts, news: AlertNews): Alerts => ({
  ...state,
  news: [...state.news, { ...news, takenBy: [] }].slice(-NEWS_KEPT),
})

const takenWith = (news: KeptNews, delivered: Extract<DomainEvent, { readonly _tag: 'AlertDelivered' }>): KeptNews => {
  const { channel } = delivered
  if (news.takenBy.includes(channel) || news.takenBy.length >= CHANNELS_KEPT) return news
  const took = delivered.news.some(
    (one) => one.alertId === news.alertId && one.at === news.at && one.change === news.change,
  )
  return took ? { ...news, takenBy: [...news.takenBy, channel] } : news
}

const dropOldest = <A>(entries: Map<string, A>, keep: number): void => {
  const [oldest] = entries.keys()
  if (oldest !== undefined && entries.size > keep) entries.delete(oldest)
}

/**
 * What a channel has yet to be told at `at` (epoch ms), the oldest first: what happened since it takes part, and what was raised
 * before and still stands. What is silenced waits, and grows old, until the silence is over.
 *
 * @param silences of the configuration, beside those of the log
 */
export const pendingNews = (
  state: Alerts,
  channel: string,
  at: number,
  silences: readonly Silence[] = [],
): readonly AlertNews[] => {
  const since = state.channels.get(channel) ?? at
  return state.news
    .filter((news) => {
      if (news.takenBy.includes(channel)) return false
      const stands = news.change === 'raised' && state.raised.get(news.alertId)?.raisedAt === news.at
      const isNew = news.at >= since && news.at > at - NEWS_AGE_MS
      return (stands || isNew) && !isSilenced(state, news, at, silences)
    })
    .map(({ takenBy: _, ...news }) => news)
}

/** Whether an operator wants to hear nothing of it at `at` (epoch ms). */
export const isSilenced = (
  { silences: recorded }: Alerts,
  alert: Pick<RaisedAlert, 'kind' | 'subject'>,
  at: number,
  configured: readonly Silence[] = [],
): boolean => [...recorded.values(), ...configured].some((silence) => !isOver(silence, at) && covers(silence, alert))

const isOver = ({ until }: Silence, at: number): boolean => until !== null && until <= at

/** `vertex` covers `vertex/requests/day` too. */
const covers = ({ kind, subject }: Silence, alert: Pick<RaisedAlert, 'kind' | 'subject'>): boolean =>
  (kind === null || kind === alert.kind) &&
  (subject === null || subject === alert.subject || alert.subject.startsWith(`${subject}/`))
