import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { modelId, providerId } from '#domain/ids.ts'
import { REQUEST_KINDS, type RouteRule } from '#domain/policy.ts'
import { requestKind } from '#domain/request-kind.ts'
import { ruleFor } from '#domain/routing/rules.ts'
import { admitted } from '#test/attempts.ts'
import { requests } from '#test/generators.ts'

const request = admitted(1, { model: modelId('claude-haiku-5-5'), tools: 12 })

describe('the rule of a request', () => {
  it.each<readonly [string, Omit<RouteRule, 'name'>, boolean]>([
    ['with no condition', {}, true],
    ['for its kind', { kind: 'main' }, true],
    ['for another kind', { kind: 'background' }, false],
    ['for its model', { model: 'claude-haiku-5-5' }, true],
    ['for a pattern that stands for its model', { model: '*haiku*' }, true],
    ['for another model', { model: 'claude-opus-*' }, false],
    ['for its kind and its model', { kind: 'main', model: '*haiku*' }, true],
    ['for its kind and another model', { kind: 'main', model: '*opus*' }, false],
  ])('%s', (_, rule, fits) => {
    expect(ruleFor([{ name: 'one', ...rule }], request)?.name).toBe(fits ? 'one' : undefined)
  })

  it('is the first that fits, in the operator’s order', () => {
    const rules = [
      { name: 'titles', kind: 'background' as const },
      { name: 'small', model: '*haiku*' },
      { name: 'rest', only: [providerId('a')] },
    ]
    expect(ruleFor(rules, request)?.name).toBe('small')
    expect(ruleFor(rules, { ...request, tools: 0 })?.name).toBe('titles')
    expect(ruleFor(rules, { ...request, model: modelId('claude-opus-5-5') })?.name).toBe('rest')
    expect(ruleFor([], request)).toBeUndefined()
  })

  it('is one of three rules that name the three kinds, whatever the request', () => {
    const rules = REQUEST_KINDS.map((kind) => ({ name: kind, kind }))
    fc.assert(
      fc.property(requests, (any) => {
        expect(ruleFor(rules, any)?.name).toBe(requestKind(any))
      }),
    )
  })
})
