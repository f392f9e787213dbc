/**
 * Virtual hours and weeks in which nothing comes twice: every request is of another session, agent, project, key and model, providers fail
 * in every way, alerts come and go. What the box keeps of it all stops growing.
 */
import { describe, expect, it } from 'vitest'
import { applyDecision, decide, type GatewayState, initialState, trackStream } from '#actors/gateway-state.ts'
import type { DomainEvent, Fact } from '#domain/events.ts'
import { BUDGET_SUBJECTS, defaultPolicy, type Policy } from '#domain/policy.ts'
import { streamOf } from '#domain/recorded-event.ts'
import { toJson } from '#domain/snapshot-json.ts'
import { policyOf, provider } from '#test/box.ts'
import { aroundIt, requestOf } from './unlike.ts'

const HOUR_MS = 3_600_000
/** Of a state that is as full as it gets, with two providers: what a snapshot takes, and the memory of the box beside its requests. */
const MOST_BYTES = 3_000_000
const STARTS_AT = Date.UTC(2026, 10, 25)

const policy: Policy = policyOf(
  [
    provider('flaky', { limits: { requestsPerMinute: 1e6, requestsPerDay: 1e9, tokensPerMinute: 1e9 } }),
    provider('steady'),
  ],
  {
    routing: { ...defaultPolicy.routing, shadow: { strategy: 'cost' } },
    budgets: BUDGET_SUBJECTS.map((each) => ({ name: each, period: 'day', limitNanoUsd: 1e12, each, hard: {} })),
  },
)

const tell = (state: GatewayState, event: DomainEvent, at: number): void => {
  const note = (one: DomainEvent): void => trackStream(state, streamOf(one), undefined, one)
  note(event)
  for (const decision of decide(state, event as Fact, at, 'box')) {
    applyDecision(state, decision, at, 'box')
    note(decision)
  }
}

/** Bytes of each part of the state. */
const sizes = (state: GatewayState): ReadonlyMap<string, number> =>
  new Map(
    Object.entries({ ...state.projections, machines: state.machines, streams: state.streams }).map(([name, part]) => [
      name,
      toJson(part).length,
    ]),
  )

const play = (requests: number, everyMs: number): readonly ReadonlyMap<string, number>[] => {
  const state = initialState()
  tell(state, { _tag: 'PolicyChanged', version: 1, policy }, STARTS_AT)
  const seen: ReadonlyMap<string, number>[] = []
  for (let n = 1; n <= requests; n++) {
    const at = STARTS_AT + n * everyMs
    for (const event of requestOf(n, at)) tell(state, event, at)
    if (n % 10 === 0) for (const event of aroundIt(n)) tell(state, event, at)
    if (n % (requests / 8) === 0) seen.push(sizes(state))
  }
  return seen
}

describe('what the box keeps of a life in which nothing comes twice', () => {
  it.each([
    ['eight hours, a request every three and a half seconds', 8_400, 3_500],
    // Hours and days come to their end too, and what is kept by them.
    ['twenty-five weeks, a request every half an hour', 8_400, HOUR_MS / 2],
  ])('stops growing: %s', { timeout: 180_000 }, (_name, requests, everyMs) => {
    const seen = play(requests, everyMs)
    const [before, after] = [seen.at(-2), seen.at(-1)]
    expect(after?.size).toBeGreaterThan(20)
    const growing = [...(after ?? [])].flatMap(([name, bytes]) => {
      const was = before?.get(name) ?? 0
      return bytes > was * 1.02 + 500 ? [`${name}: from ${was} to ${bytes} bytes in the last eighth`] : []
    })
    expect(growing).toEqual([])
    const whole = [...(after ?? [])].reduce((sum, [, bytes]) => sum + bytes, 0)
    expect(whole).toBeLessThan(MOST_BYTES)
  })
})
