/**
 * What is read from the log of a world is what was asked in it.
 */
import { describe, expect, it } from 'vitest'
import { figuresOf, observedOutcomes } from '#domain/what-if/outcome.ts'
import { fitProviders } from '#domain/what-if/provider-fit.ts'
import { trafficOf } from '#domain/what-if/traffic.ts'
import { sizesOf } from '#domain/what-if/usage-shape.ts'
import { playWorld } from '#infra/simulator/virtual/play.ts'
import { makeWorld } from '#infra/simulator/virtual/world.ts'
import { logOfWorld } from '#test/what-if-worlds/log-of-world.ts'

describe('the traffic of a log', () => {
  const world = makeWorld(2, { hours: 0.5 })
  const calls = trafficOf(logOfWorld(world, 'intelligent', { explorationShare: 0.1 }))
  const figures = figuresOf(observedOutcomes(calls))
  const truth = playWorld(world, {
    _tag: 'Signalbox',
    name: 'truth',
    strategy: 'intelligent',
    routing: { explorationShare: 0.1 },
  })

  it('has the calls of the client, its retries folded in, and what they cost', () => {
    expect(figures.calls).toBe(truth.turns)
    expect(figures.successShare).toBe(truth.servedShare)
    expect(figures.limited).toBe(truth.refusals429)
    // What broke off is billed by an estimate.
    expect(figures.costUsd / truth.costUsd).toBeCloseTo(1, 1)
    expect(Math.abs(figures.ttftP50Ms - truth.ttftP50Ms)).toBeLessThan(30)
  })

  it('is in the order of the admissions, also within a millisecond', () => {
    const admitted = logOfWorld(world, 'intelligent', { explorationShare: 0.1 }).flatMap(({ event }) =>
      event._tag === 'RequestAdmitted' ? [event.requestId] : [],
    )
    const place = new Map(admitted.map((id, index) => [id, index]))
    const places = calls.map(({ requests: [{ admitted }] }) => place.get(admitted.requestId) ?? -1)
    expect(places).toEqual(places.toSorted((a, b) => a - b))
    const times = calls.map(({ requests: [{ at }] }) => at)
    expect(new Set(times).size).toBeLessThan(times.length)
  })

  it('tells each provider apart by its speed', () => {
    const fits = fitProviders(calls, sizesOf(calls))
    for (const { id, latency } of world.providers) {
      const fit = [...fits.values()].find(({ provider }) => provider === id)
      if (fit === undefined || fit.observed < 30) continue
      const factor = Math.exp(fit.ttft.mean) / latency.median
      expect(factor).toBeGreaterThan(0.4)
      expect(factor).toBeLessThan(2.5)
    }
    expect([...fits.values()].some(({ observed }) => observed >= 30)).toBe(true)
  })
})
