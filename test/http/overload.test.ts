/**
 * What a box takes on at a time, as a decision and as a door that counts.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Capacity, capacityOf, makeIntake, OVERLOADS, overloadOf, type Place } from '#http/overload.ts'

const GIBIBYTE = 1024 ** 3

describe('what fits into the memory', () => {
  it.each([
    ['a container of 1 GiB', GIBIBYTE, { requests: 2_684, bodyBytes: GIBIBYTE / 8 }],
    ['a laptop of 16 GiB', 16 * GIBIBYTE, { requests: 4_000, bodyBytes: GIBIBYTE }],
    ['next to nothing', 1_000_000, { requests: 100, bodyBytes: 125_000 }],
  ])('of %s', (_name, memory, capacity) => expect(capacityOf(memory)).toEqual(capacity))
})

describe('a request', () => {
  const capacity: Capacity = { requests: 10, bodyBytes: 1_000 }
  it.each([
    ['has room', { requests: 9, bodyBytes: 900 }, 100, undefined],
    ['finds as many requests as there may be', { requests: 10, bodyBytes: 0 }, 1, 'requests'],
    ['finds no room for its body', { requests: 9, bodyBytes: 900 }, 101, 'bodies'],
    ['hears of the requests first', { requests: 10, bodyBytes: 1_000 }, 1, 'requests'],
  ] as const)('%s', (_name, load, bytes, overload) => expect(overloadOf(load, capacity, bytes)).toBe(overload))
})

/** What happens at the door. `who` points into the places that are taken. */
const step = fc.oneof(
  fc.record({ _tag: fc.constant('Enter' as const), announced: fc.option(fc.nat(200), { nil: undefined }) }),
  fc.record({ _tag: fc.constant('Settle' as const), who: fc.nat(), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({ _tag: fc.constant('Leave' as const), who: fc.nat() }),
)
const BODY_LIMIT = 100

describe('the door', () => {
  it('never lets more in than there may be, counts what is in, and refuses only what has no room', () => {
    fc.assert(
      fc.property(
        fc.record({ requests: fc.integer({ min: 1, max: 8 }), bodyBytes: fc.nat(400) }),
        fc.array(step, { maxLength: 60 }),
        (limits, steps) => {
          const intake = makeIntake(limits, BODY_LIMIT)
          const capacity = { ...limits, bodyBytes: Math.max(limits.bodyBytes, BODY_LIMIT) }
          const inside: { place: Place; held: number }[] = []
          let refused = 0
          for (const one of steps) {
            const before = { requests: inside.length, bodyBytes: inside.reduce((sum, { held }) => sum + held, 0) }
            if (one._tag === 'Enter') {
              const held = Math.min(one.announced ?? BODY_LIMIT, BODY_LIMIT)
              const entry = intake.enter(one.announced, false)
              expect(entry._tag === 'Refused' ? entry.overload : undefined).toBe(overloadOf(before, capacity, held))
              if (entry._tag === 'Taken') inside.push({ place: entry.place, held })
              else refused += 1
            } else if (inside.length > 0) {
              const index = one.who % inside.length
              const [taken] = inside.slice(index)
              if (taken === undefined) continue
              if (one._tag === 'Leave') {
                taken.place.leave()
                inside.splice(index, 1)
              } else {
                // A body has what was announced, or, where nothing was, at most the limit.
                const actual = Math.floor(taken.held * one.share)
                taken.place.settle(actual)
                taken.held = actual
              }
            }
            const { requests, bodyBytes, refused: byReason } = intake.counts()
            expect({ requests, bodyBytes }).toEqual({
              requests: inside.length,
              bodyBytes: inside.reduce((sum, { held }) => sum + held, 0),
            })
            expect(requests).toBeLessThanOrEqual(capacity.requests)
            expect(bodyBytes).toBeLessThanOrEqual(capacity.bodyBytes)
            expect(OVERLOADS.reduce((sum, reason) => sum + byReason[reason], 0)).toBe(refused)
          }
        },
      ),
    )
  })

  it('has room for the largest body there may be, when nobody else is in', () => {
    expect(makeIntake({ requests: 1, bodyBytes: 0 }, BODY_LIMIT).enter(undefined, false)._tag).toBe('Taken')
  })

  it('takes nothing that is to be recorded while the log overflows', () => {
    const intake = makeIntake({ requests: 9, bodyBytes: 9 }, BODY_LIMIT)
    expect(intake.enter(1, true)).toMatchObject({ _tag: 'Refused', overload: 'log' })
    expect(intake.counts()).toMatchObject({ requests: 0, refused: { log: 1 } })
  })

  it('asks to come again at different times, by headers that Claude Code waits by', () => {
    const intake = makeIntake({ requests: 0, bodyBytes: 0 }, BODY_LIMIT)
    const answers = Array.from({ length: 8 }, () => intake.enter(1, false)).map((entry) =>
      entry._tag === 'Refused' ? entry.answer : undefined,
    )
    for (const answer of answers) expect(answer).toMatchObject({ status: 529, type: 'overloaded_error' })
    const headers = answers.map((answer) => Object.fromEntries(answer?.headers ?? []))
    expect(headers.map((all) => all['retry-after']).toSorted()).toEqual(['1', '1', '2', '2', '3', '3', '4', '4'])
    expect(new Set(headers.map((all) => all['x-should-retry']))).toEqual(new Set(['true']))
  })
})
