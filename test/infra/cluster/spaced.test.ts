import { describe, expect, it } from '@effect/vitest'
import { Clock, Effect } from 'effect'
import { TestClock } from 'effect/testing'
import fc from 'fast-check'
import { backOffMs } from '#infra/cluster/postgres-listen.ts'
import { spaced } from '#infra/cluster/spaced.ts'

describe('sending what matters only in its newest version', () => {
  it.effect('sends the first at once, then at its intervals the last that came, and nothing twice', () =>
    Effect.gen(function* () {
      const sent: (readonly [at: number, value: string])[] = []
      const send = yield* spaced(100, (value: string) =>
        Effect.map(Clock.currentTimeMillis, (at) => void sent.push([at, value])),
      )
      send('a')
      yield* TestClock.adjust(10)
      send('b')
      send('c')
      yield* TestClock.adjust(300)
      send('d')
      yield* TestClock.adjust(30)
      send('e')
      yield* TestClock.adjust(300)
      expect(sent).toEqual([
        [0, 'a'],
        [100, 'c'],
        [310, 'd'],
        [410, 'e'],
      ])
    }),
  )

  it.effect('goes on after a value that it cannot send because of a bug', () =>
    Effect.gen(function* () {
      const sent: string[] = []
      const send = yield* spaced(100, (value: string) =>
        value === 'bad' ? Effect.die(new Error('a bug')) : Effect.sync(() => void sent.push(value)),
      )
      send('bad')
      yield* TestClock.adjust(100)
      send('good')
      yield* TestClock.adjust(100)
      expect(sent).toEqual(['good'])
    }),
  )
})

describe('the delay before listening again', () => {
  it('doubles up to half a minute, and is never the same for all', () => {
    expect([0, 1, 2, 3].map((failures) => backOffMs(failures, 0))).toEqual([200, 400, 800, 1_600])
    const draws = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(fc.nat(2_000), draws, (failures, draw) => {
        const longest = backOffMs(failures, 0)
        expect(longest).toBeLessThanOrEqual(30_000)
        expect(backOffMs(failures, draw)).toBeCloseTo(longest * (1 - draw / 2))
      }),
    )
  })
})
