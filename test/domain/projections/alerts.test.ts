/** What is raised, what which channel has been told, and what nobody wants to hear. */
import { describe, expect, it } from 'vitest'
import type { DomainEvent } from '#domain/events.ts'
import {
  type Alerts,
  alerts,
  CHANNELS_KEPT,
  isSilenced,
  NEWS_AGE_MS,
  NEWS_KEPT,
  pendingNews,
  RAISED_KEPT,
  SILENCES_KEPT,
} from '#domain/projections/alerts.ts'
import { EPOCH } from '#test/generators.ts'

const fold = (events: readonly (readonly [number, DomainEvent])[], from: Alerts = alerts.initial()): Alerts =>
  events.reduce((state, [occurredAt, event]) => alerts.evolve(state, { event, occurredAt, writer: 'box' }), from)

const raised = (subject: string, kind: 'providerDown' | 'latency' = 'providerDown'): DomainEvent => ({
  _tag: 'AlertRaised',
  ...{ alertId: `${kind}:${subject}`, kind, subject, severity: 'warning', value: 2, threshold: 1 },
})
const cleared = (subject: string): DomainEvent => ({
  _tag: 'AlertCleared',
  alertId: `providerDown:${subject}`,
  value: 0,
})
const joins = (channel = 'ops'): DomainEvent => ({ _tag: 'AlertDelivered', channel, news: [] })
const took = (subject: string, at: number, change: 'raised' | 'cleared', channel = 'ops'): DomainEvent => ({
  _tag: 'AlertDelivered',
  channel,
  news: [{ alertId: `providerDown:${subject}`, at, change }],
})

/** What a channel is yet to be told, briefly. */
const pending = (state: Alerts, at: number, channel = 'ops') =>
  pendingNews(state, channel, at).map(({ subject, change }) => `${subject} ${change}`)

describe('the memory of alerts', () => {
  it('knows what stands, since when and with which value', () => {
    const state = fold([
      [1, raised('a')],
      [2, raised('b')],
      [3, raised('a')],
      [4, cleared('b')],
      [5, cleared('b')],
    ])
    expect([...state.raised.values()]).toEqual([
      {
        ...{ alertId: 'providerDown:a', kind: 'providerDown', subject: 'a', severity: 'warning' },
        ...{ value: 2, threshold: 1, raisedAt: 1 },
      },
    ])
    expect(state.news.map(({ at, change, value }) => [at, change, value])).toEqual([
      [1, 'raised', 2],
      [2, 'raised', 2],
      [4, 'cleared', 0],
    ])
  })

  it('is bounded, however much happens', () => {
    const many = Array.from({ length: 700 }, (_, n): readonly (readonly [number, DomainEvent])[] => [
      [n, raised(`p${n}`)],
      [n, joins(`c${n}`)],
      [n, { _tag: 'AlertsSilenced', subject: `p${n}`, until: 1e6, by: 'admin' }],
    ]).flat()
    const { raised: stand, news, channels, silences } = fold(many)
    expect([stand.size, news.length, channels.size, silences.size]).toEqual([
      RAISED_KEPT,
      NEWS_KEPT,
      CHANNELS_KEPT,
      SILENCES_KEPT,
    ])
  })
})

describe('pending news', () => {
  it('is what a channel has not taken, the oldest first, each channel for itself', () => {
    const state = fold([
      [0, joins('ops')],
      [0, joins('pager')],
      [1, raised('a')],
      [2, cleared('a')],
      [3, raised('a')],
      [4, took('a', 1, 'raised')],
    ])
    expect(pending(state, 5)).toEqual(['a cleared', 'a raised'])
    expect(pending(state, 5, 'pager')).toEqual(['a raised', 'a cleared', 'a raised'])
    const more = fold(
      [
        [6, took('a', 2, 'cleared')],
        [6, took('a', 3, 'raised')],
      ],
      state,
    )
    expect(pending(more, 7)).toEqual([])
  })

  it('of a new channel is what stands when it comes, and what happens from then on', () => {
    const state = fold([
      [1, raised('a')],
      [2, raised('b')],
      [3, cleared('b')],
      [4, joins()],
      [5, raised('c')],
      [6, cleared('c')],
    ])
    expect(pending(state, 7)).toEqual(['a raised', 'c raised', 'c cleared'])
    expect(pending(state, 7, 'unheard-of')).toEqual(['a raised'])
  })

  it('is dropped when it is a day old, unless its alert still stands', () => {
    const state = fold([
      [0, joins()],
      [1, raised('a')],
      [1, raised('b')],
      [2, cleared('b')],
    ])
    expect(pending(state, NEWS_AGE_MS)).toEqual(['a raised', 'b raised', 'b cleared'])
    expect(pending(state, NEWS_AGE_MS + 2)).toEqual(['a raised'])
  })
})

describe('a silence', () => {
  const silenced = (more: object): DomainEvent => ({ _tag: 'AlertsSilenced', until: 100, by: 'admin', ...more })
  const down = { kind: 'providerDown', subject: 'a' } as const

  it.each([
    [{}, true],
    [{ kind: 'providerDown' }, true],
    [{ kind: 'latency' }, false],
    [{ subject: 'a' }, true],
    [{ subject: 'b' }, false],
    [{ kind: 'providerDown', subject: 'a' }, true],
    [{ kind: 'providerDown', subject: 'ab' }, false],
  ])('%o covers the outage of a: %s', (which, covered) => {
    expect(isSilenced(fold([[1, silenced(which)]]), down, 50)).toBe(covered)
  })

  it('of a provider covers its parts', () => {
    const state = fold([[1, silenced({ subject: 'a' })]])
    expect(isSilenced(state, { kind: 'limitForecast', subject: 'a/requests/day' }, 50)).toBe(true)
    expect(isSilenced(state, { kind: 'limitForecast', subject: 'ab/requests/day' }, 50)).toBe(false)
  })

  it('holds news back until it is over', () => {
    const state = fold([
      [0, joins()],
      [1, silenced({ subject: 'a' })],
      [2, raised('a')],
      [2, raised('b')],
    ])
    expect(pending(state, 99)).toEqual(['b raised'])
    expect(pending(state, 100)).toEqual(['a raised', 'b raised'])
  })

  it('ends at once when it is set to a time that is past', () => {
    const state = fold([
      [1, silenced({ subject: 'a' })],
      [2, silenced({ subject: 'a', until: 2 })],
    ])
    expect(isSilenced(state, down, 3)).toBe(false)
    expect(state.silences.size).toBe(0)
  })

  it('of the configuration counts too, for ever if it says no end', () => {
    const configured = [{ kind: null, subject: 'a', until: null }]
    expect(isSilenced(alerts.initial(), down, EPOCH, configured)).toBe(true)
    expect(isSilenced(alerts.initial(), { ...down, subject: 'b' }, EPOCH, configured)).toBe(false)
  })
})
