/**
 * The ledger of warm caches, beside a plain model of it: a list of all turns, searched anew for every question.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ModelId, modelId, type ProviderId, providerId } from '#domain/ids.ts'
import {
  CONVERSATIONS_KEPT,
  LONG_LIFETIME_MS,
  PREFIXES_KEPT,
  SHORT_LIFETIME_MS,
  type Turn,
  warmCaches,
  warmTokens,
} from '#domain/projections/warm-caches.ts'
import type { Usage } from '#domain/usage.ts'
import { admitted, failed, fold, MODEL, type Moment, PROVIDER, policyOf, started, succeeded } from '#test/attempts.ts'
import { EPOCH, MODELS, PROVIDERS } from '#test/generators.ts'

const OTHER = PROVIDERS[1]!
const MAIN: Turn = { sessionId: 's', tools: 12, messages: 3 }

interface Told {
  readonly turn?: Turn
  readonly provider?: ProviderId
  readonly model?: ModelId
  readonly lastsMs?: number
}
/** One turn that is answered in full; `usage` is what its answer tells. */
const answered = (n: number, startedAt: number, usage: Partial<Usage>, told: Told = {}): readonly Moment[] => {
  const { turn = MAIN, lastsMs = 1_000, ...pair } = told
  return [
    [startedAt, admitted(n, turn)],
    [startedAt, started(n, pair)],
    [startedAt + lastsMs, succeeded(n, { ...pair, usage })],
  ]
}
const warm = (moments: readonly Moment[], afterMs: number, told: Told = {}) =>
  warmTokens(
    fold(warmCaches, moments),
    told.turn ?? MAIN,
    told.provider ?? PROVIDER,
    told.model ?? MODEL,
    EPOCH + afterMs,
  )

describe('a warm cache', () => {
  it('holds what was read and what was written, not the rest of the prompt', () => {
    const usage = { inputTokens: 7, cacheReadTokens: 40_000, cacheWrite5mTokens: 2_000, cacheWrite1hTokens: 500 }
    expect(warm(answered(1, 0, usage), 1_000)).toBe(42_500)
  })

  it('lives for five minutes from the start of the request that wrote it', () => {
    const moments = answered(1, 0, { cacheWrite5mTokens: 9 }, { lastsMs: 60_000 })
    expect(warm(moments, SHORT_LIFETIME_MS - 1)).toBe(9)
    expect(warm(moments, SHORT_LIFETIME_MS)).toBe(0)
  })

  it('lives for an hour where that was paid for, and again when it is only read', () => {
    const written = answered(1, 0, { cacheWrite1hTokens: 9 })
    expect(warm(written, LONG_LIFETIME_MS - 1)).toBe(9)
    expect(warm(written, LONG_LIFETIME_MS)).toBe(0)
    const read = [...written, ...answered(2, 1_000_000, { cacheReadTokens: 9 })]
    expect(warm(read, 1_000_000 + LONG_LIFETIME_MS - 1)).toBe(9)
    expect(warm(read, 1_000_000 + LONG_LIFETIME_MS)).toBe(0)
    // What is read when the hour is over was written by somebody else, nobody knows for how long.
    const late = [...written, ...answered(2, LONG_LIFETIME_MS, { cacheReadTokens: 9 })]
    expect(warm(late, LONG_LIFETIME_MS + SHORT_LIFETIME_MS)).toBe(0)
  })

  it('is renewed by a read', () => {
    const moments = [...answered(1, 0, { cacheWrite5mTokens: 9 }), ...answered(2, 200_000, { cacheReadTokens: 9 })]
    expect(warm(moments, 200_000 + SHORT_LIFETIME_MS - 1)).toBe(9)
  })

  it('is cold when the answer itself took longer than it lives', () => {
    const moments = answered(1, 0, { cacheWrite5mTokens: 9 }, { lastsMs: SHORT_LIFETIME_MS })
    expect(fold(warmCaches, moments).conversations.size).toBe(0)
  })

  it('is that of one provider, model, session and agent', () => {
    const moments = answered(1, 0, { cacheWrite5mTokens: 9 })
    expect(warm(moments, 1_000)).toBe(9)
    expect(warm(moments, 1_000, { provider: OTHER })).toBe(0)
    expect(warm(moments, 1_000, { model: MODELS[1]! })).toBe(0)
    expect(warm(moments, 1_000, { turn: { ...MAIN, sessionId: 'other' } })).toBe(0)
    expect(warm(moments, 1_000, { turn: { ...MAIN, agentId: 'a' } })).toBe(0)
  })

  it('is not that of the calls in the background, which share the session and nothing else', () => {
    const title: Turn = { sessionId: 's', tools: 0, messages: 1 }
    const moments = [
      ...answered(1, 0, { cacheWrite5mTokens: 9 }),
      ...answered(2, 10, { cacheWrite5mTokens: 2 }, { turn: title }),
    ]
    expect(warm(moments, 2_000)).toBe(9)
    expect(warm(moments, 2_000, { turn: title })).toBe(2)
  })

  it('serves nothing to a history that became shorter', () => {
    const moments = answered(1, 0, { cacheWrite5mTokens: 9 })
    expect(warm(moments, 1_000, { turn: { ...MAIN, messages: 2 } })).toBe(0)
    expect(warm(moments, 1_000, { turn: { ...MAIN, messages: 4 } })).toBe(9)
  })

  it('is not touched by an answer that neither read nor wrote', () => {
    const moments = [...answered(1, 0, { cacheWrite5mTokens: 9 }), ...answered(2, 10, { inputTokens: 300 })]
    expect(warm(moments, SHORT_LIFETIME_MS - 1)).toBe(9)
  })

  it('is written also by an attempt that failed after it told its usage', () => {
    const usage = { inputTokens: 1, outputTokens: 0, cacheReadTokens: 0, cacheWrite5mTokens: 9, cacheWrite1hTokens: 0 }
    const begun: readonly Moment[] = [
      [0, admitted(1, MAIN)],
      [0, started(1)],
    ]
    const reason = { _tag: 'Transport', code: 'ECONNRESET', connect: false } as const
    expect(warm([...begun, [1_000, failed(1, reason, { stage: 'S2', usage })]], 2_000)).toBe(9)
    expect(warm([...begun, [1_000, failed(1, reason)]], 2_000)).toBe(0)
  })

  it('is not known of requests without a session', () => {
    const turn: Turn = { tools: 12, messages: 3 }
    const moments = answered(1, 0, { cacheWrite5mTokens: 9 }, { turn })
    expect(warm(moments, 1_000, { turn })).toBe(0)
    expect(fold(warmCaches, moments).conversations.size).toBe(0)
  })

  it('ends with its provider', () => {
    const moments = [
      ...answered(1, 0, { cacheWrite5mTokens: 9 }),
      ...answered(2, 10, { cacheWrite5mTokens: 8 }, { provider: OTHER }),
      [2_000, policyOf(OTHER)] as const,
    ]
    expect([warm(moments, 2_000), warm(moments, 2_000, { provider: OTHER })]).toEqual([0, 8])
    expect(fold(warmCaches, [...moments, [2_000, policyOf(PROVIDER)]]).conversations.size).toBe(0)
  })
})

describe('the ledger of warm caches', () => {
  it('says what the last turn of each conversation left, in any sequence of turns, gaps and providers', () => {
    fc.assert(
      fc.property(turns, fc.nat(5_400_000), (all, later) => {
        let now = 0
        const past: Past[] = []
        const moments = all.flatMap((one, n) => {
          now += one.gapMs
          const startedAt = now
          now += one.lastsMs
          past.push({ ...one, startedAt, endedAt: now })
          return answered(n, startedAt, one.usage, one)
        })
        const state = fold(warmCaches, moments)
        const end = now + later
        for (const { turn } of all) {
          for (const provider of [PROVIDER, OTHER]) {
            for (const model of MODELS) {
              const expected = reference(past, turn, provider, model)
              const holds = (at: number, tokens: number) =>
                expect(warmTokens(state, turn, provider, model, EPOCH + at)).toBe(tokens)
              holds(end, expected !== undefined && end < expected.expiresAt ? expected.tokens : 0)
              // Exactly until it expires, when it is still warm now.
              if (expected === undefined || expected.expiresAt <= now) continue
              holds(expected.expiresAt - 1, expected.tokens)
              holds(expected.expiresAt, 0)
            }
          }
        }
      }),
    )
  })

  it('keeps two thousand conversations: the one that was not heard of for longest is forgotten', () => {
    const turnOf = (n: number): Turn => ({ ...MAIN, sessionId: `s${n}` })
    const moments = Array.from({ length: CONVERSATIONS_KEPT + 1 }, (_, n) =>
      answered(n, n, { cacheWrite5mTokens: 9 }, { turn: turnOf(n) }),
    )
    const again = answered(9_999, CONVERSATIONS_KEPT, { cacheReadTokens: 9 }, { turn: turnOf(0) })
    const state = fold(warmCaches, [...moments.slice(0, -1), again, ...moments.slice(-1)].flat())
    expect(state.conversations.size).toBe(CONVERSATIONS_KEPT)
    const left = [0, 1, 2].map((n) => warmTokens(state, turnOf(n), PROVIDER, MODEL, EPOCH + 10_000))
    expect(left).toEqual([9, 0, 9])
  })

  it('keeps eight caches of a conversation, the newest', () => {
    const providers = Array.from({ length: PREFIXES_KEPT + 1 }, (_, n) => providerId(`p${n}`))
    const moments = providers.flatMap((provider, n) => answered(n, n, { cacheWrite5mTokens: 9 }, { provider }))
    const left = providers.map((provider) => warm(moments, 5_000, { provider }))
    expect(left).toEqual([0, ...Array.from({ length: PREFIXES_KEPT }, () => 9)])
  })

  it('goes by the name that was asked for, whatever the answer calls itself', () => {
    const moments: readonly Moment[] = [
      [0, admitted(1, MAIN)],
      [0, started(1)],
      [1_000, succeeded(1, { model: modelId('another-name'), usage: { cacheWrite5mTokens: 9 } })],
    ]
    expect(warm(moments, 1_000)).toBe(9)
  })
})

// ---- the model -----------------------------------------------------------------------------------------------------

interface AnyTurn {
  readonly turn: Turn
  readonly provider: ProviderId
  readonly model: ModelId
  readonly gapMs: number
  readonly lastsMs: number
  readonly usage: Partial<Usage>
}
interface Past extends AnyTurn {
  readonly startedAt: number
  readonly endedAt: number
}

const sizes = fc.constantFrom(0, 0, 1_000, 20_000)
const turns: fc.Arbitrary<readonly AnyTurn[]> = fc.array(
  fc.record({
    turn: fc.record(
      {
        sessionId: fc.constantFrom('s1', 's2'),
        agentId: fc.constantFrom('a1', 'a2'),
        tools: fc.constantFrom(0, 12),
        messages: fc.integer({ min: 1, max: 6 }),
      },
      { requiredKeys: ['tools', 'messages'] },
    ),
    provider: fc.constantFrom(PROVIDER, OTHER),
    model: fc.constantFrom(...MODELS),
    gapMs: fc.constantFrom(0, 1_000, 100_000, 290_000, 299_999, 300_000, 1_000_000, 3_600_000),
    lastsMs: fc.constantFrom(1, 1_000, 100_000, 400_000),
    usage: fc.record({
      inputTokens: sizes,
      cacheReadTokens: sizes,
      cacheWrite5mTokens: sizes,
      cacheWrite1hTokens: fc.constantFrom(0, 0, 0, 1_000),
    }),
  }),
  { minLength: 1, maxLength: 25 },
)

const together = (a: Turn, b: Turn): boolean =>
  a.sessionId === b.sessionId && a.agentId === b.agentId && (a.agentId !== undefined || a.tools === b.tools)

/** The last turn that touched this cache tells the tokens; how long it lives depends on those before it that are reads. */
const reference = (past: readonly Past[], turn: Turn, provider: ProviderId, model: ModelId) => {
  if (turn.sessionId === undefined) return undefined
  const own = past.filter(
    (one) => one.provider === provider && one.model === model && together(one.turn, turn) && touched(one) > 0,
  )
  const last = own.at(-1)
  if (last === undefined || turn.messages < last.turn.messages) return undefined
  return { tokens: touched(last), expiresAt: last.startedAt + lifetime(own) }
}

const touched = ({ usage }: Past): number =>
  (usage.cacheReadTokens ?? 0) + (usage.cacheWrite5mTokens ?? 0) + (usage.cacheWrite1hTokens ?? 0)

const lifetime = (own: readonly Past[]): number => {
  const last = own.at(-1)!
  const before = own.slice(0, -1)
  if ((last.usage.cacheWrite1hTokens ?? 0) > 0) return 3_600_000
  if ((last.usage.cacheWrite5mTokens ?? 0) > 0 || before.length === 0) return 300_000
  const kept = lifetime(before)
  return last.startedAt < before.at(-1)!.startedAt + kept ? kept : 300_000
}
