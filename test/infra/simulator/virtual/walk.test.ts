/**
 * The walk of the virtual world against the cascade that it follows: the same small worlds, played by the real one over scripted
 * bytes in the time of the test clock, must lead to the same events at the same moments.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { TestClock } from 'effect/testing'
import type { DomainEvent } from '#domain/events.ts'
import { modelId, type ProviderId, type RequestId, requestId } from '#domain/ids.ts'
import { defaultPolicy, type Policy, type ProviderPolicy } from '#domain/policy.ts'
import type { Usage } from '#domain/usage.ts'
import { type Dice, diceFor } from '#infra/simulator/virtual/dice.ts'
import type { Asked, Exchange } from '#infra/simulator/virtual/exchange.ts'
import { signalbox } from '#infra/simulator/virtual/gateway.ts'
import { makeTimeline, type Wait } from '#infra/simulator/virtual/timeline.ts'
import { walk } from '#infra/simulator/virtual/walk.ts'
import { answers, known, openTestBox, policyOf, provider, wire } from '#test/box.ts'
import type { Move } from '#test/scripted-upstream.ts'

/** What a provider does with one exchange; `ms` are after its start. */
type Doing =
  | { readonly _tag: 'answers'; readonly headersMs: number; readonly firstMs: number; readonly wholeMs: number }
  | { readonly _tag: 'breaks'; readonly headersMs: number; readonly firstMs: number | null; readonly cutMs: number }
  | { readonly _tag: 'says'; readonly status: number; readonly type: string; readonly retryAfterS: number | null }
  | { readonly _tag: 'refused' | 'silent' | 'refusesBeta' }

interface SmallWorld {
  /** With limits that the operator has named, and a queue for those who find no room. */
  readonly isTight: boolean
  readonly doings: { readonly [provider: string]: readonly Doing[] }
  readonly requests: readonly { readonly atMs: number; readonly leavesAfterMs: number | null }[]
}

const STATUSES = [
  [429, 'rate_limit_error'],
  [529, 'overloaded_error'],
  [500, 'api_error'],
  [401, 'authentication_error'],
  [400, 'invalid_request_error'],
  [410, 'not_found_error'],
] as const

const doing = (dice: Dice, isGood: boolean): Doing => {
  // Some are so slow that the client gets its headers before.
  const headersMs = dice.whole(20, dice.chance(0.2) ? 20_000 : 3_000)
  const firstMs = headersMs + dice.whole(10, 4_000)
  if (isGood || dice.chance(0.2))
    return { _tag: 'answers', headersMs, firstMs, wholeMs: firstMs + dice.whole(10, 9_000) }
  if (dice.chance(0.25)) {
    const isEarly = dice.chance(0.5)
    return { _tag: 'breaks', headersMs, firstMs: isEarly ? null : firstMs, cutMs: firstMs + dice.whole(1, 500) }
  }
  if (dice.chance(0.3)) return { _tag: dice.pick(['refused', 'refused', 'silent', 'refusesBeta'] as const) }
  const [status, type] = dice.pick(dice.chance(0.7) ? STATUSES.slice(0, 3) : STATUSES)
  return { _tag: 'says', status, type, retryAfterS: dice.chance(0.5) ? dice.whole(1, 90) : null }
}

const smallWorld = (seed: number): SmallWorld => {
  const dice = diceFor(seed, 77)
  const names = ['p0', 'p1', 'p2'].slice(0, dice.whole(1, 3))
  let atMs = 0
  return {
    isTight: dice.chance(0.5),
    doings: Object.fromEntries(
      names.map((name) => {
        const good = dice.next()
        return [name, Array.from({ length: 200 }, () => doing(dice, dice.chance(good)))]
      }),
    ),
    requests: Array.from({ length: dice.whole(5, 40) }, () => {
      // Odd moments: what two ticks or two requests do at the same one is a matter of fibers.
      atMs += 1 + 2 * dice.whole(5, dice.chance(0.3) ? 30_000 : 2_000)
      return { atMs, leavesAfterMs: dice.chance(0.1) ? 1 + 2 * dice.whole(0, 3_000) : null }
    }),
  }
}

const BETA = 'one-2026-01-01'

const movesOf = (what: Doing): readonly Move[] => {
  const begin = (headersMs: number): readonly Move[] => [
    { connected: true },
    { wait: headersMs },
    { headers: 200, list: [['content-type', 'text/event-stream']] },
    { data: wire.start() },
  ]
  switch (what._tag) {
    case 'answers':
      return [
        ...begin(what.headersMs),
        { wait: what.firstMs - what.headersMs },
        { data: wire.block + wire.delta('x') },
        { wait: what.wholeMs - what.firstMs },
        { data: wire.blockStop + wire.finish + wire.stop },
        { end: true },
      ]
    case 'breaks': {
      const lost: Move = { fail: { _tag: 'Transport', code: 'ECONNRESET', connect: false } }
      if (what.firstMs === null) return [...begin(what.headersMs), { wait: what.cutMs - what.headersMs }, lost]
      return [
        ...begin(what.headersMs),
        { wait: what.firstMs - what.headersMs },
        { data: wire.block + wire.delta('x') },
        { wait: what.cutMs - what.firstMs },
        lost,
      ]
    }
    case 'says':
      return answers.error(
        what.status,
        what.type,
        what.retryAfterS === null ? [] : [['retry-after', String(what.retryAfterS)]],
      )
    case 'refused':
      return answers.refused
    case 'silent':
      return answers.silent
    case 'refusesBeta':
      return answers.refusedBeta(BETA)
  }
}

/** As wire.start and wire.finish have it. */
const usage = (outputTokens: number): Usage => ({
  inputTokens: 10,
  outputTokens,
  cacheReadTokens: 5,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
})
/** Of the answers in test/support/box.ts. */
const SAYS_MS = 10
const NEVER = Number.POSITIVE_INFINITY

const exchangeOf = (what: Doing, { at, without }: Asked<null>): Exchange => {
  const nothing = { connectedAt: at, headersAt: NEVER, firstContentAt: NEVER, endsAt: NEVER, limits: [] }
  switch (what._tag) {
    case 'answers':
      return {
        ...nothing,
        headersAt: at + what.headersMs,
        firstContentAt: at + what.firstMs,
        endsAt: at + what.wholeMs,
        end: { _tag: 'Answered', usage: usage(7) },
      }
    case 'breaks':
      return {
        ...nothing,
        headersAt: at + what.headersMs,
        firstContentAt: what.firstMs === null ? NEVER : at + what.firstMs,
        endsAt: at + what.cutMs,
        end: { _tag: 'Failed', reason: { _tag: 'Transport', code: 'ECONNRESET', connect: false }, usage: usage(1) },
      }
    case 'says': {
      const { status, retryAfterS } = what
      const until = retryAfterS === null ? {} : { until: at + SAYS_MS + retryAfterS * 1_000 }
      const reason = ((): Extract<Exchange['end'], { readonly _tag: 'Failed' }>['reason'] => {
        switch (status) {
          case 429:
            return { _tag: 'RateLimited', status, ...until }
          case 529:
            return { _tag: 'Overloaded', status, ...until }
          case 500:
            return { _tag: 'ServerError', status, ...until }
          case 401:
            return { _tag: 'CredentialRefused', status, whose: 'gateway' }
          case 410:
            return { _tag: 'Retired', status }
          default:
            return { _tag: 'InvalidRequest', status }
        }
      })()
      return {
        ...nothing,
        headersAt: at + SAYS_MS,
        endsAt: at + SAYS_MS,
        end: { _tag: 'Failed', reason, spoken: { status, retryAfterS } },
      }
    }
    case 'refused':
      return {
        ...nothing,
        connectedAt: NEVER,
        endsAt: at,
        end: { _tag: 'Failed', reason: { _tag: 'Transport', code: 'ECONNREFUSED', connect: true } },
      }
    case 'silent':
      return { ...nothing, end: { _tag: 'Failed', reason: { _tag: 'Unknown' } } }
    case 'refusesBeta': {
      const features = [`beta:${BETA}`]
      expect(without.every((feature) => features.includes(feature))).toBe(true)
      return {
        ...nothing,
        headersAt: at + SAYS_MS,
        endsAt: at + SAYS_MS,
        end: {
          _tag: 'Failed',
          reason: { _tag: 'FeatureRefused', status: 400, features },
          spoken: { status: 400, retryAfterS: null },
        },
      }
    }
  }
}

interface Happened {
  readonly at: number
  readonly event: DomainEvent
}

/** What a walk cannot know: bytes, and the provider's words. */
const comparable = ({ at, event }: Happened): object => {
  if (event._tag !== 'AttemptSucceeded') return { at, ...event }
  const { responseBytes: _bytes, stopReason: _reason, ...rest } = event
  return { at, ...rest }
}

const lastsMs = ({ requests }: SmallWorld): number => (requests.at(-1)?.atMs ?? 0) + 900_000

const playReally = Effect.fnUntraced(function* (world: SmallWorld) {
  const box = yield* openTestBox(
    Object.fromEntries(
      Object.entries(world.doings).map(([name, all]) => [name, (n: number) => movesOf(all[n] as Doing)]),
    ),
    routingIn(world),
    limitsIn(world),
  )
  const leaving = (sent: { readonly leave: Effect.Effect<void> }, afterMs: number) =>
    Effect.forkScoped(Effect.andThen(Effect.sleep(afterMs), sent.leave))
  yield* Effect.forkScoped(
    Effect.gen(function* () {
      let now = 0
      for (const { atMs, leavesAfterMs } of world.requests) {
        yield* Effect.sleep(atMs - now)
        now = atMs
        const sent = yield* box.send()
        if (leavesAfterMs !== null) yield* leaving(sent, leavesAfterMs)
      }
    }),
  )
  yield* TestClock.adjust(lastsMs(world))
  return known(yield* box.events).map(({ event, occurredAt }) => ({ at: occurredAt, event }))
})

/** The draws of the real run, which both get. */
const drawsOf = (happened: readonly Happened[]): ReadonlyMap<string, number> =>
  new Map(
    happened.flatMap(({ event }) => {
      if (event._tag === 'RequestAdmitted') return [[`${event.requestId} 0`, event.draw] as const]
      return event._tag === 'AttemptFailed' ? [[`${event.requestId} ${event.attempt}`, event.draw] as const] : []
    }),
  )

const playVirtually = (world: SmallWorld, really: readonly Happened[]): readonly Happened[] => {
  const draws = drawsOf(really)
  const sizes = new Map<RequestId, number>(
    really.flatMap(({ event }) =>
      event._tag === 'RequestAdmitted' ? [[event.requestId, event.bodyBytes] as const] : [],
    ),
  )
  const timeline = makeTimeline(0)
  const happened: Happened[] = []
  const counts = new Map<ProviderId, number>()
  const gateway = signalbox({
    name: 'priority',
    policy: policyOf(
      Object.keys(world.doings).map((id) => provider(id, limitsIn(world))),
      routingIn(world),
    ),
    timeline,
    witness: {
      after: (fact, at, _state, decisions) => {
        for (const event of [fact, ...decisions]) happened.push({ at, event })
      },
    },
  })
  const until = lastsMs(world)
  for (const [index, { atMs, leavesAfterMs }] of world.requests.entries()) {
    const id = requestId(`req_${String(index + 1).padStart(4, '0')}`)
    const one = function* (): Generator<Wait, void, void> {
      yield atMs
      yield* walk({
        gateway,
        timeline,
        call: null,
        issued: 0,
        startedAt: 0,
        leavesAt: leavesAfterMs === null ? NEVER : atMs + leavesAfterMs,
        draw: (attempt) => draws.get(`${id} ${attempt}`) ?? 0.5,
        admitted: {
          requestId: id,
          model: modelId('claude-sonnet-5-5'),
          stream: true,
          bodyBytes: sizes.get(id) ?? 0,
          messages: 1,
          tools: 0,
          images: 0,
        },
        backend: {
          open: (asked) => {
            const n = counts.get(asked.provider) ?? 0
            counts.set(asked.provider, n + 1)
            return exchangeOf(world.doings[asked.provider]?.[n] as Doing, asked)
          },
          close: () => {},
        },
      })
    }
    timeline.start(one())
  }
  timeline.start(
    (function* (): Generator<Wait, void, void> {
      yield until
    })(),
  )
  timeline.run()
  return happened.filter(({ at }) => at <= until)
}

const limitsIn = ({ isTight }: SmallWorld): Partial<ProviderPolicy> =>
  isTight ? { limits: { requestsPerMinute: 6, maxConcurrent: 3 } } : {}
const routingIn = ({ isTight }: SmallWorld): Partial<Policy> => ({
  routing: { ...defaultPolicy.routing, ...(isTight ? { queueMs: 9_000 } : {}) },
})

const OF_THE_BOX = new Set(['BoxStarted', 'PolicyChanged'])

describe('the virtual walk', () => {
  for (let seed = 1; seed <= 40; seed++) {
    it.effect(`leads to the events of the real cascade in small world ${seed}`, () =>
      Effect.gen(function* () {
        const world = smallWorld(seed)
        const really = (yield* playReally(world)).filter(({ event }) => !OF_THE_BOX.has(event._tag))
        const virtually = playVirtually(world, really).filter(({ event }) => !OF_THE_BOX.has(event._tag))
        expect(virtually.map(comparable)).toEqual(really.map(comparable))
      }),
    )
  }

  it.effect('is compared in worlds where everything happens', () =>
    Effect.gen(function* () {
      const seen = new Set<string>()
      for (let seed = 1; seed <= 40; seed++) {
        const world = smallWorld(seed)
        const happened = playVirtually(world, [])
        for (const { event } of happened) {
          seen.add(event._tag)
          if (event._tag === 'AttemptFailed') seen.add(`${event.reason._tag} in ${event.stage}`)
          if (event._tag === 'RouteChosen' && event.queue !== undefined) seen.add('queue')
          if (event._tag === 'AttemptStarted' && event.probe !== undefined) seen.add('probe')
        }
      }
      const wanted = [
        ...[
          'AttemptSucceeded',
          'RequestFailed',
          'RequestCancelled',
          'CapabilityLearned',
          'CooldownElapsed',
          'probe',
          'queue',
        ],
        ...['ProviderThrottled', 'ProviderRecovered', 'CircuitOpened', 'CircuitHalfOpened', 'ProviderRetired'],
        ...[
          'RateLimited in S0',
          'Overloaded in S0',
          'Transport in S0',
          'Transport in S1',
          'Transport in S2',
          'Timeout in S1',
        ],
      ]
      expect(wanted.filter((what) => !seen.has(what))).toEqual([])
    }),
  )
})
