/**
 * What a log tells of a provider's failures and of its speed, and what it does not.
 */
import { describe, expect, it } from 'vitest'
import { providerId } from '#domain/ids.ts'
import { seeded } from '#domain/what-if/intervals.ts'
import { fitProviders } from '#domain/what-if/provider-fit.ts'
import { sizesOf } from '#domain/what-if/usage-shape.ts'
import { callsAt } from '#test/what-if-worlds/logged-calls.ts'

const green = providerId('green')
const fitOf = (ttfts: readonly (number | null)[]) => {
  const calls = callsAt(green, ttfts)
  const fit = fitProviders(calls, sizesOf(calls)).get(green)
  if (fit === undefined) throw new Error('green was asked')
  return fit
}
/** Epoch ms of the nth call. */
const at = (n: number): number => 1_000_000 + n * 60_000

describe('the failures of a provider', () => {
  const outage = fitOf(Array.from({ length: 200 }, (_, n) => (n >= 100 && n < 120 ? null : 500)))

  it('are near to each other in an outage, which is a share of the time', () => {
    expect(outage.failures.at(at(110)).level).toBeGreaterThan(0.7)
    expect(outage.failures.at(at(50)).level).toBeLessThan(0.02)
    // 19 of 199 minutes, and a usual hour.
    expect(outage.downShare).toBeCloseTo((19 + 0.02 * 60) / (199 + 60), 3)
  })

  it('that come alone are a share of the requests, and no outage', () => {
    const { failures, downShare } = fitOf(Array.from({ length: 200 }, (_, n) => (n % 20 === 10 ? null : 500)))
    expect(failures.mean).toBeCloseTo((10 + 0.5) / 250, 3)
    expect(downShare).toBeLessThan(0.01)
  })

  it('do not make who was only asked in an outage down for ever', () => {
    const { downShare, failures } = fitOf(Array.from({ length: 8 }, () => null))
    expect(downShare).toBeLessThan(0.2)
    expect(failures.at(at(500)).level).toBeLessThan(0.05)
  })
})

describe('the speed of a provider', () => {
  const noisy = (level: (n: number) => number) => {
    const chance = seeded(3)
    return fitOf(Array.from({ length: 300 }, (_, n) => Math.round(level(n) * Math.exp(0.4 * (chance() - 0.5)))))
  }

  it('follows what drifts', () => {
    const { ttft } = noisy((n) => (n < 150 ? 500 : 1_500))
    expect(Math.exp(ttft.at(at(75)).level)).toBeLessThan(650)
    expect(Math.exp(ttft.at(at(225)).level)).toBeGreaterThan(1_200)
  })

  it('is the mean where it never drifts: what is seen of a few minutes is noise', () => {
    const { ttft } = noisy(() => 800)
    for (let n = 0; n < 300; n += 25) expect(Math.exp(ttft.at(at(n)).level - ttft.mean)).toBeCloseTo(1, 1)
  })
})
