/**
 * Questions as they are typed or written into a file, and the policies that come of them.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { type Wish, wantedPolicy } from '#cli/what-if/wanted-policy.ts'
import { providerId } from '#domain/ids.ts'
import { defaultBreaker, defaultPolicy, defaultTimeouts, type Policy, type ProviderPolicy } from '#domain/policy.ts'
import { scratchFolder } from '#test/signalbox-process.ts'

const price = { input: 3, output: 15, cacheRead: 0.3, cacheWrite5m: 3.75, cacheWrite1h: 6 }
const provider = (id: string): ProviderPolicy => ({
  ...{ id: providerId(id), kind: 'anthropic', enabled: true, priority: 100, models: {}, prices: { '*': price } },
  ...{
    limits: { requestsPerMinute: 100, window: 'fixed' as const },
    breaker: defaultBreaker,
    timeouts: defaultTimeouts,
  },
})
const policy: Policy = { ...defaultPolicy, providers: [provider('green'), provider('blue')] }
const NOTHING: Wish = {
  ...{ whatIf: [], weights: undefined, limitThreshold: undefined, maxFallbacks: undefined, without: [] },
}
const wanted = (...whatIf: readonly string[]) => wantedPolicy(policy, { ...NOTHING, whatIf })
const named = (of: Policy, id: string) => of.providers.find((one) => one.id === id)

describe('a question', () => {
  it('that says nothing is the policy in force', () => {
    expect(wanted().policy).toEqual(policy)
  })

  it.each([
    [['strategy=cost'], { strategy: 'cost' }],
    [['performance'], { strategy: 'performance' }],
    [['routing.maxFallbacks=0', 'fallbackDelay=500 ms'], { maxFallbacks: 0, fallbackDelayMs: 500 }],
    [['weights.cost=0.8'], { weights: { ...policy.routing.weights, cost: 0.8 } }],
    [['queue=2 s', 'deadline=1 min', 'exploration=0.1'], { queueMs: 2_000, deadlineMs: 60_000, explorationShare: 0.1 }],
  ])('%j changes the routing', (said, routing) => {
    expect(wanted(...said).policy).toEqual({ ...policy, routing: { ...policy.routing, ...routing } })
  })

  it('changes a breaker, a time limit, a budget of retries, and leaves the rest', () => {
    const { policy: other, otherLimits } = wanted(
      'providers.blue.breaker.consecutiveFailures=2',
      'providers.blue.breaker.openBase=5 s',
      'providers.blue.timeouts.firstContent=20 s',
      'retryBudget.reserve=1',
    )
    expect(named(other, 'blue')?.breaker).toEqual({ ...defaultBreaker, consecutiveFailures: 2, openBaseMs: 5_000 })
    expect(named(other, 'blue')?.timeouts).toEqual({ ...defaultTimeouts, firstContentMs: 20_000 })
    expect(other.retryBudget).toEqual({ ...policy.retryBudget, reserve: 1 })
    expect(named(other, 'green')).toEqual(named(policy, 'green'))
    expect(otherLimits.size).toBe(0)
  })

  it('changes limits, and names whose', () => {
    const { policy: other, otherLimits } = wanted('providers.blue.limits.inputTokensPerMinute=50000')
    expect(named(other, 'blue')?.limits).toEqual({
      ...{ requestsPerMinute: 100, window: 'fixed', inputTokensPerMinute: 50_000 },
    })
    expect([...otherLimits]).toEqual(['blue'])
  })

  it('adds a provider by what is assumed of it', () => {
    const {
      policy: other,
      added,
      otherLimits,
    } = wanted(
      'providers.spare.like=green',
      'providers.spare.ttft=800 ms',
      'providers.spare.price=0.5',
      'providers.spare.limits.requestsPerMinute=20',
    )
    expect(other.providers.map(({ id }) => id)).toEqual(['green', 'blue', 'spare'])
    expect(named(other, 'spare')).toMatchObject({
      limits: { requestsPerMinute: 20, window: 'fixed' },
      prices: { '*': { input: 1.5, output: 7.5 } },
    })
    expect(added).toEqual([{ id: 'spare', like: 'green', ttftMs: 800, priceFactor: 0.5 }])
    expect(otherLimits.size).toBe(0)
  })

  it('takes a provider out by its flag or by its key', () => {
    const byFlag = wantedPolicy(policy, { ...NOTHING, without: ['blue'] }).policy
    expect(byFlag).toEqual(wanted('providers.blue.enabled=false').policy)
    expect(named(byFlag, 'blue')?.enabled).toBe(false)
  })

  it.effect('is read from a file, to which keys may be added', () =>
    Effect.gen(function* () {
      const file = join(yield* scratchFolder, 'other.yaml')
      writeFileSync(file, 'routing:\n  strategy: cost\nproviders:\n  spare: { like: green, cache: false }\n')
      const { policy: other, added } = wanted(file, 'maxFallbacks=1')
      expect(other.routing).toEqual({ ...policy.routing, strategy: 'cost', maxFallbacks: 1 })
      expect(added).toEqual([{ id: 'spare', like: 'green', hasCache: false, priceFactor: 1 }])
    }),
  )

  it.effect('tells each mistake of a file with its place', () =>
    Effect.gen(function* () {
      const file = join(yield* scratchFolder, 'wrong.yaml')
      writeFileSync(file, 'routing:\n  strategie: cost\nproviders:\n  blue: { breaker: { openBase: soon } }\n')
      expect(() => wanted(file)).toThrow(/2:3.*routing\.strategie.*strategy[\s\S]*4:22.*openBase.*duration/)
    }),
  )

  it.each([
    ['strategy=cheap', /routing\.strategy/],
    ['cheap', /neither KEY=VALUE/],
    ['providers.red.enabled=false', /No provider is named red/],
    ['providers.spare.like=red', /No provider is named red: green, blue/],
    ['providers.blue.ttft=1 s', /only what is added is assumed/],
    ['limitThreshold=2', /from 0 to 1/],
    ['nowhere.yaml', /cannot be read \(ENOENT\)/],
  ])('is refused as %j', (said, why) => {
    expect(() => wanted(said)).toThrow(why)
  })

  it('is refused when it says the same key twice', () => {
    expect(() => wanted('strategy=cost', 'strategy=performance')).toThrow(/set twice/)
  })
})
