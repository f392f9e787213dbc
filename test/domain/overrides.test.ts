import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { providerId } from '#domain/ids.ts'
import { isMisfit, override, withOverrides } from '#domain/overrides.ts'
import { defaultPolicy, type Policy } from '#domain/policy.ts'
import { OVERRIDES_KEPT, type Overrides, overrides } from '#domain/projections/overrides.ts'
import { provider } from '#test/box.ts'

const policy: Policy = { ...defaultPolicy, providers: [provider('a'), provider('b')] }
const set = (path: string, value: Parameters<typeof override>[2]) => override(policy, path, value)

describe('a setting that is changed at run time', () => {
  it.each([
    ['routing.strategy', 'cost', { strategy: 'cost' }],
    ['routing.weights.cost', 0.9, { weights: { ...defaultPolicy.routing.weights, cost: 0.9 } }],
    ['routing.limitThreshold', 0.5, { limitThreshold: 0.5 }],
    ['routing.exploration', 0.02, { explorationShare: 0.02 }],
    ['routing.maxFallbacks', 1, { maxFallbacks: 1 }],
    ['routing.queue', 2_000, { queueMs: 2_000 }],
    ['routing.shadow.strategy', 'cost', { shadow: { strategy: 'cost' } }],
    ['routing.shadow.weights.cost', 0.9, { shadow: { weights: { cost: 0.9 } } }],
    ['routing.shadow.limitThreshold', 0.5, { shadow: { limitThreshold: 0.5 } }],
    ['routing.shadow.substitutes', 'equal', { shadow: { substitutes: 'equal' } }],
    ['routing.shadow.exploration', 0.1, { shadow: { explorationShare: 0.1 } }],
    ['routing.shadow.maxFallbacks', 0, { shadow: { maxFallbacks: 0 } }],
    ['routing.shadow', false, {}],
  ] as const)('%s = %s is in the policy', (path, value, routing) => {
    expect(set(path, value)).toEqual({ ...policy, routing: { ...policy.routing, ...routing } })
  })

  it('drains and enables a provider, and no other', () => {
    const drained = set('providers.b.enabled', false)
    expect(isMisfit(drained) ? [] : drained.providers.map(({ enabled }) => enabled)).toEqual([true, false])
  })

  it('makes a budget, changes it, and takes it out', () => {
    const daily = { period: 'day', limitNanoUsd: 5_000_000_000, hard: {} }
    const made = set('budgets.daily', daily)
    if (isMisfit(made)) throw new Error(made.message)
    expect(made.budgets).toEqual([{ name: 'daily', ...daily }])
    const changed = override(made, 'budgets.daily', { ...daily, limitNanoUsd: 1 })
    expect(isMisfit(changed) || changed.budgets).toMatchObject([{ name: 'daily', limitNanoUsd: 1 }])
    const gone = override(made, 'budgets.daily', false)
    expect(isMisfit(gone) || gone.budgets).toEqual([])
  })

  it.each([
    ['routing.strategy', 'fastest', 'invalid', 'intelligent, cost'],
    ['routing.weights.cost', -1, 'invalid', 'at least 0'],
    ['routing.limitThreshold', 1.5, 'invalid', 'from 0 to 1'],
    ['routing.colour', 'red', 'notFound', 'routing.colour'],
    ['routing.shadow', true, 'invalid', 'false, which takes it out'],
    ['routing.shadow.strategy', 'fastest', 'invalid', 'intelligent, cost'],
    ['routing.shadow.deadline', 1, 'notFound', 'routing.shadow.deadline'],
    ['providers.b.enabled', 'no', 'invalid', 'true or false'],
    ['providers.x.enabled', true, 'notFound', 'no provider x'],
    ['providers.b.baseUrl', 'http://evil', 'notFound', 'cannot be changed'],
    ['server.port', 1, 'notFound', 'cannot be changed'],
    ['budgets.daily', { period: 'year', limitNanoUsd: 1 }, 'invalid', 'day | week | month'],
    ['budgets.daily', { period: 'day', limitNanoUsd: -1 }, 'invalid', 'limitNanoUsd'],
    ['budgets.a b', { period: 'day', limitNanoUsd: 1 }, 'invalid', 'letters and digits'],
    ['routing.__proto__', 1, 'notFound', '__proto__'],
  ] as const)('%s = %o is refused with what would be right', (path, value, reason, words) => {
    const result = set(path, value)
    expect(isMisfit(result) && result.reason).toBe(reason)
    expect(isMisfit(result) && result.message).toContain(words)
  })
})

describe('what operators have set', () => {
  const fold = (steps: readonly (readonly [path: string, value: string | number | boolean | null])[]): Overrides =>
    steps.reduce(
      (state, [path, value], n) =>
        overrides.evolve(state, {
          event: { _tag: 'SettingOverridden', path, value, by: 'admin' },
          occurredAt: n,
          writer: 'box',
        }),
      overrides.initial(),
    )

  it('holds until it is taken back; then the configuration counts', () => {
    const set = fold([
      ['routing.strategy', 'cost'],
      ['routing.strategy', 'performance'],
      ['providers.b.enabled', false],
    ])
    expect(withOverrides(policy, set).routing.strategy).toBe('performance')
    const back = fold([
      ['routing.strategy', 'cost'],
      ['routing.strategy', null],
    ])
    expect(withOverrides(policy, back)).toEqual(policy)
  })

  it('takes a shadow policy out, and makes another one of what is set after that', () => {
    const configured = { ...policy, routing: { ...policy.routing, shadow: { maxFallbacks: 1 } } }
    const steps = [
      ['routing.shadow.strategy', 'cost'],
      ['routing.shadow', false],
      ['routing.shadow.weights.cost', 2],
    ] as const
    const shadowAfter = (taken: number) => withOverrides(configured, fold(steps.slice(0, taken))).routing.shadow
    expect([0, 1, 2, 3].map(shadowAfter)).toEqual([
      { maxFallbacks: 1 },
      { maxFallbacks: 1, strategy: 'cost' },
      undefined,
      { weights: { cost: 2 } },
    ])
  })

  it('changes nothing where it fits no longer', () => {
    const gone = fold([
      ['providers.c.enabled', false],
      ['routing.strategy', 'cost'],
    ])
    expect(withOverrides(policy, gone)).toEqual({ ...policy, routing: { ...policy.routing, strategy: 'cost' } })
  })

  it('is bounded, and keeps the newest', () => {
    const many = fold(Array.from({ length: OVERRIDES_KEPT + 5 }, (_, n) => [`providers.p${n}.enabled`, false] as const))
    expect(many.size).toBe(OVERRIDES_KEPT)
    expect(many.has(`providers.p${OVERRIDES_KEPT + 4}.enabled`)).toBe(true)
  })

  it('always leads to a policy with the same providers', () => {
    const steps = fc.array(
      fc.tuple(
        fc.constantFrom('routing.strategy', 'routing.maxFallbacks', 'providers.a.enabled', 'budgets.x', 'nothing'),
        fc.constantFrom('cost', 3, true, false, null, -1),
      ),
    )
    fc.assert(
      fc.property(steps, (told) => {
        const next = withOverrides(policy, fold(told))
        expect(next.providers.map(({ id }) => id)).toEqual([providerId('a'), providerId('b')])
      }),
    )
  })
})
