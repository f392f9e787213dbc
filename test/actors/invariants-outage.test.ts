import fc from 'fast-check'
import { expect, it } from 'vitest'
import { playInVirtualTime } from '#test/worlds/check-seed.ts'
import { broken } from '#test/worlds/invariants.ts'
import { outages } from '#test/worlds/world.ts'

const MINUTE_MS = 60_000

it('in a total outage extra attempts are at most 20 % of the requests + 10 in any minute', { timeout: 120_000 }, () =>
  fc.assert(
    fc.asyncProperty(outages, async (world) => {
      const played = await playInVirtualTime(world)
      const timesOf = (wanted: 'requests' | 'extra') =>
        played.rows.flatMap(({ event, occurredAt }) =>
          (wanted === 'requests' && event._tag === 'RequestAdmitted') ||
          (wanted === 'extra' && event._tag === 'AttemptStarted' && event.attempt > 1)
            ? [occurredAt]
            : [],
        )
      const within = (times: readonly number[], from: number) =>
        times.filter((at) => at >= from && at < from + MINUTE_MS).length
      const [requests, extra] = [timesOf('requests'), timesOf('extra')]
      for (const from of extra) {
        expect(within(extra, from)).toBeLessThanOrEqual(0.2 * within(requests, from) + 10)
      }
      expect(requests).toHaveLength(world.arrivals.length)
      expect(broken(played)).toEqual([])
    }),
    { numRuns: 12, endOnFailure: true },
  ),
)

it('a box whose providers are all known to be out asks one of them, the last resort, and answers at once', async () => {
  const [world] = fc.sample(outages, { seed: 7, numRuns: 1 })
  if (world === undefined) throw new Error('no world')
  const played = await playInVirtualTime({
    ...world,
    temper: 'default',
    fallbackDelayMs: 0,
    providers: world.providers.map((one) => ({
      ...one,
      epochs: [{ forMs: 1_000_000, behaviours: [{ _tag: 'refused' }] }],
    })),
    arrivals: Array.from({ length: 30 }, () => ({ afterMs: 100, stream: true, leavesAfterMs: null, slow: false })),
  })
  const last = played.requests.at(-1)
  expect(last?.seen.status).toBe(529)
  expect(Object.fromEntries(last?.seen.headers ?? [])['retry-after']).toMatch(/^\d+$/)
  expect((last?.seen.endedAt ?? 0) - (last?.at ?? 0)).toBeLessThan(1_000)
  const asked = played.rows.filter(
    ({ event, correlation }) => event._tag === 'AttemptStarted' && correlation === last?.id,
  )
  expect(asked.map(({ event }) => 'lastResort' in event && event.lastResort)).toEqual([true])
})
