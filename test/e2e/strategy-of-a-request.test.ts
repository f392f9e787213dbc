/**
 * A request that asks for another strategy than the configuration's, over a real socket.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { header, send } from './http-client.ts'

const asking = (strategy?: string) => ({
  headers: [
    ['content-type', 'application/json'] as const,
    ...(strategy === undefined ? [] : [['x-signalbox-strategy', strategy] as const]),
  ],
  body: callBody(),
})

/** USD per million tokens. */
const pricesOf = (input: number) => ({
  '*': { input, output: 5 * input, cacheRead: input / 10, cacheWrite5m: 1.25 * input, cacheWrite1h: 2 * input },
})

/** The first in the order is dear; the other costs a tenth. */
const setUp = (allowed: readonly ('cost' | 'priority')[]) =>
  Effect.gen(function* () {
    const { dear, cheap } = yield* startProviders({ dear: {}, cheap: {} })
    const box = yield* startBox({
      providers: {
        dear: { url: dear.url, policy: { prices: pricesOf(10) } },
        cheap: { url: cheap.url, policy: { prices: pricesOf(1) } },
      },
      server: { strategies: () => allowed },
    })
    const servedBy = (strategy?: string) =>
      Effect.map(send(box.port, asking(strategy)), (answer) => header(answer, 'x-signalbox-provider'))
    return { cheap, box, servedBy }
  })

describe('x-signalbox-strategy', () => {
  it.live('chooses for this request alone, and is not forwarded', () =>
    Effect.gen(function* () {
      const { cheap, box, servedBy } = yield* setUp(['cost', 'priority'])
      expect(yield* servedBy()).toBe('dear')
      expect(yield* servedBy('cost')).toBe('cheap')
      expect(yield* servedBy()).toBe('dear')
      expect(Object.keys(cheap.requests[0]?.headers ?? {})).not.toContain('x-signalbox-strategy')
      const admitted = (yield* box.events).flatMap(({ event }) => (event._tag === 'RequestAdmitted' ? [event] : []))
      expect(admitted.map((event) => event.strategy)).toEqual([undefined, 'cost', undefined])
      expect(yield* box.replayDifference).toBeUndefined()
    }),
  )

  it.live.each(['cheapest', 'availability', ''])('refuses "%s", and names those that there are', (strategy) =>
    Effect.gen(function* () {
      const { box } = yield* setUp(['cost', 'priority'])
      const answer = yield* send(box.port, asking(strategy))
      expect(answer.status).toBe(400)
      const { error } = JSON.parse(answer.body.toString())
      expect(error.type).toBe('invalid_request_error')
      expect(error.message).toContain('there are cost, priority')
    }),
  )
})
