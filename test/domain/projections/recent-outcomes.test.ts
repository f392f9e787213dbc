/** How the last minutes went, of the box and of each provider; and since when a provider has been down. */
import { describe, expect, it } from 'vitest'
import type { DomainEvent } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'
import { modelId, providerId } from '#domain/ids.ts'
import { outages } from '#domain/projections/outages.ts'
import { BOX, outcomesWithin, PROVIDERS_KEPT, recentOutcomes, SLOTS_KEPT } from '#domain/projections/recent-outcomes.ts'
import { policyOf, provider } from '#test/box.ts'
import { allReasons, EPOCH, requestNamed, served } from '#test/generators.ts'

const A = providerId('a')
const model = modelId('claude-sonnet-5-5')
const MINUTE = 60_000

type Told = readonly (readonly [number, DomainEvent])[]
const fold = (events: Told) =>
  events.reduce(
    (state, [occurredAt, event]) => recentOutcomes.evolve(state, { event, occurredAt, writer: 'box' }),
    recentOutcomes.initial(),
  )

const request = (n: number, stream = true) => {
  const named = { requestId: requestNamed(n), attempt: 1, provider: A, model }
  return {
    admitted: {
      _tag: 'RequestAdmitted',
      ...{ requestId: named.requestId, model, stream, bodyBytes: 1, messages: 1, tools: 0, images: 0, draw: 0 },
    },
    started: { _tag: 'AttemptStarted', ...named },
    succeeded: (ttftMs: number): DomainEvent => ({
      _tag: 'AttemptSucceeded',
      ...named,
      ...served,
      ttftMs,
      durationMs: ttftMs,
    }),
    failed: (reason: FailureReason, stage: 'S0' | 'S2' = 'S0'): DomainEvent => ({
      _tag: 'AttemptFailed',
      ...{ ...named, reason, stage, durationMs: 1, draw: 0 },
    }),
    lost: (reason: FailureReason): DomainEvent => ({
      _tag: 'RequestFailed',
      requestId: named.requestId,
      attempts: 1,
      status: 529,
      reason,
    }),
  } as const
}

describe('recent outcomes', () => {
  it('count requests of the box and attempts of a provider', () => {
    const [one, two] = [request(1), request(2)]
    const state = fold([
      [EPOCH, one.admitted],
      [EPOCH, one.started],
      [EPOCH, one.failed({ _tag: 'Overloaded' })],
      [EPOCH, one.started],
      [EPOCH, one.succeeded(400)],
      [EPOCH, two.admitted],
      [EPOCH, two.started],
      [EPOCH, two.failed({ _tag: 'Overloaded' })],
      [EPOCH, two.lost({ _tag: 'Overloaded' })],
    ])
    expect(outcomesWithin(state, BOX, EPOCH, MINUTE)).toMatchObject({ started: 2, good: 1, bad: 1 })
    expect(outcomesWithin(state, A, EPOCH, MINUTE)).toMatchObject({
      ...{ started: 3, good: 1, bad: 2 },
      ...{ freshTokens: 10, promptTokens: 13, outputTokens: 2 },
    })
  })

  it.each(allReasons)('hold %o against a provider only if it is to blame', (reason) => {
    const bad = outcomesWithin(fold([[EPOCH, request(1).failed(reason)]]), A, EPOCH, MINUTE).bad
    const blamed = ['Overloaded', 'ServerError', 'Transport', 'QuotaExhausted', 'Retired', 'MalformedOutput', 'Unknown']
    const isBlamed =
      blamed.includes(reason._tag) ||
      (reason._tag === 'Timeout' && reason.phase !== 'deadline') ||
      (reason._tag === 'CredentialRefused' && reason.whose === 'gateway')
    expect(bad).toBe(isBlamed ? 1 : 0)
  })

  it('hold a limit against a provider when it breaks an answer off, and a lost request against the box', () => {
    const limited: FailureReason = { _tag: 'RateLimited' }
    const state = fold([
      [EPOCH, request(1).failed(limited, 'S2')],
      [EPOCH, request(1).lost(limited)],
      [EPOCH, request(2).lost({ _tag: 'InvalidRequest' })],
      [EPOCH, request(3).lost({ _tag: 'BudgetExceeded', budget: 'daily' })],
    ])
    expect(outcomesWithin(state, A, EPOCH, MINUTE).bad).toBe(1)
    expect(outcomesWithin(state, BOX, EPOCH, MINUTE).bad).toBe(1)
  })

  it('time streamed answers only, in classes', () => {
    const [streamed, slow, whole] = [request(1), request(2), request(3, false)]
    const state = fold([
      [EPOCH, streamed.admitted],
      [EPOCH, streamed.started],
      [EPOCH, streamed.succeeded(250)],
      [EPOCH, slow.admitted],
      [EPOCH, slow.started],
      [EPOCH, slow.succeeded(500_000)],
      [EPOCH, whole.admitted],
      [EPOCH, whole.started],
      [EPOCH, whole.succeeded(9_000)],
    ])
    const { ttft } = outcomesWithin(state, A, EPOCH, MINUTE)
    expect([ttft[0], ttft.at(-1), ttft.reduce((sum, count) => sum + count)]).toEqual([1, 1, 2])
  })

  it('forget what is older than the window, and keep a quarter of an hour', () => {
    const state = fold(
      Array.from({ length: 120 }, (_, n) => [EPOCH + n * 10_000, request(n).lost({ _tag: 'Unknown' })] as const),
    )
    const now = EPOCH + 119 * 10_000
    expect(state.of.get(BOX)).toHaveLength(SLOTS_KEPT)
    expect(outcomesWithin(state, BOX, now, MINUTE).bad).toBe(6)
    expect(outcomesWithin(state, BOX, now + MINUTE, MINUTE).bad).toBe(0)
    // After the clock was set back, what lies ahead does not count.
    expect(outcomesWithin(state, BOX, now - MINUTE, MINUTE).bad).toBe(6)
  })

  it('forget a provider that the policy does not name any more, and not the box', () => {
    const state = fold([
      [EPOCH, request(1).failed({ _tag: 'Unknown' })],
      [EPOCH, request(1).lost({ _tag: 'Unknown' })],
      [EPOCH, { _tag: 'PolicyChanged', version: 2, policy: policyOf([provider('b')]) }],
    ])
    expect([...state.of.keys()]).toEqual([BOX])
  })

  it('are kept of so many providers; of more, the one that was quiet for longest is forgotten, and never the box', () => {
    const startedAt = (id: string, minute: number): Told[number] => {
      const event: DomainEvent = {
        _tag: 'AttemptStarted',
        requestId: requestNamed(1),
        attempt: 1,
        provider: providerId(id),
        model,
      }
      return [EPOCH + minute * MINUTE, event]
    }
    const many = Array.from({ length: PROVIDERS_KEPT - 1 }, (_, n) => startedAt(`p${n}`, n / 100))
    const full = fold([[EPOCH - MINUTE, request(1).admitted as DomainEvent], ...many])
    expect(full.of.size).toBe(PROVIDERS_KEPT)
    const busy = [startedAt('p0', 3), startedAt('late', 4)].reduce(
      (state, [occurredAt, event]) => recentOutcomes.evolve(state, { event, occurredAt, writer: 'box' }),
      full,
    )
    expect(busy.of.size).toBe(PROVIDERS_KEPT)
    expect([busy.of.has(BOX), busy.of.has('p0'), busy.of.has('p1'), busy.of.has('late')]).toEqual([
      true,
      true,
      false,
      true,
    ])
  })
})

describe('an outage', () => {
  const foldOutages = (events: Told) =>
    events.reduce(
      (state, [occurredAt, event]) => outages.evolve(state, { event, occurredAt, writer: 'box' }),
      outages.initial(),
    )
  const opened = (id = A): DomainEvent => ({
    _tag: 'CircuitOpened',
    provider: id,
    ...{ until: EPOCH, because: { _tag: 'ServerError' }, trip: 'consecutive', level: 1 },
  })

  it('lasts from the first opening of the circuit, through probes that fail', () => {
    const state = foldOutages([
      [1, opened()],
      [2, { _tag: 'CircuitHalfOpened', provider: A }],
      [3, opened()],
    ])
    expect([...state]).toEqual([[A, 1]])
  })

  it.each<DomainEvent>([
    { _tag: 'CircuitClosed', provider: A, rampUntil: EPOCH },
    { _tag: 'BreakerReset', provider: A, by: 'admin 127.0.0.1' },
    { _tag: 'ProviderThrottled', provider: A, until: EPOCH, because: { _tag: 'RateLimited' }, level: 1 },
    { _tag: 'ProviderRetired', provider: A, because: { _tag: 'Retired' } },
    { _tag: 'PolicyChanged', version: 2, policy: policyOf([provider('b')]) },
  ])('ends with $_tag', (event) => {
    expect(
      foldOutages([
        [1, opened()],
        [2, event],
      ]).size,
    ).toBe(0)
  })

  it('is remembered of many providers, but not of any number', () => {
    const many = Array.from({ length: 300 }, (_, n) => [n, opened(providerId(`p${n}`))] as const)
    expect(foldOutages(many).size).toBe(200)
  })
})
