/** The shadow policy, as the configuration says it, and as it comes into the policy. */
import { describe, expect, it } from 'vitest'
import { defaultPolicy } from '#domain/policy.ts'
import { diffConfig } from '#infra/config/diff-config.ts'
import { toPolicy } from '#infra/config/to-policy.ts'
import { place } from './place.ts'

const files = (routing: string, more = '') =>
  place({ 'signalbox.yaml': `{ providers: { a: { kind: anthropic } }, routing: { ${routing} } ${more} }` })
const environment = { ANTHROPIC_API_KEY: 'x' }

describe('routing.shadow', () => {
  it('is part of the policy with what it names, and nothing else', () => {
    const config = files('shadow: { strategy: cost, weights: { cost: 2 }, exploration: 0.1, maxFallbacks: 1 }').good({
      environment,
    })
    expect(toPolicy(config).routing).toEqual({
      ...defaultPolicy.routing,
      shadow: { strategy: 'cost', weights: { cost: 2 }, explorationShare: 0.1, maxFallbacks: 1 },
    })
  })

  it('is off when nothing is said', () => {
    expect(toPolicy(files('strategy: cost').good({ environment })).routing).not.toHaveProperty('shadow')
  })

  it('can be set by variables, and a reload names what changed', () => {
    const at = files('strategy: cost')
    const [before, after] = [
      at.good({ environment }),
      at.good({ environment: { ...environment, SIGNALBOX_ROUTING__SHADOW__LIMIT_THRESHOLD: '0.9' } }),
    ]
    expect(after.routing.shadow).toEqual({ limitThreshold: 0.9 })
    expect(diffConfig(before, after)).toEqual(['routing.shadow'])
  })

  it.each([
    ['shadow: {}', '', 'routing.shadow: names nothing that it would do otherwise'],
    [
      'shadow: { strategy: cost }',
      ', features: { strategies: { cost: false } }',
      'routing.shadow.strategy: cost is switched off by features.strategies.cost',
    ],
    ['shadow: { strategie: cost }', '', 'did you mean strategy?'],
    ['shadow: { limitThreshold: 2 }', '', 'a number from 0 to 1'],
    ['shadow: { deadline: 1 s }', '', 'routing.shadow.deadline'],
  ])('%s%s is refused', (routing, more, words) => {
    expect(files(routing, more).problems({ environment })).toEqual([expect.stringContaining(words)])
  })
})
