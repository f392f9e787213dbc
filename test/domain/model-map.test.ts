import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { modelId, providerId } from '#domain/ids.ts'
import { resolveModel } from '#domain/model-map.ts'
import { defaultBreaker, defaultTimeouts, type ProviderPolicy } from '#domain/policy.ts'

const providerWith = (models: ProviderPolicy['models']): ProviderPolicy => ({
  id: providerId('vertex'),
  kind: 'vertex',
  enabled: true,
  priority: 0,
  models,
  breaker: defaultBreaker,
  timeouts: defaultTimeouts,
})
const resolve = (models: ProviderPolicy['models'], asked: string) => resolveModel(providerWith(models), modelId(asked))

describe('a model map', () => {
  it('leaves every model its name when it is empty', () => {
    expect(resolve({}, 'claude-sonnet-5-5')).toBe('claude-sonnet-5-5')
  })

  it('does not offer a model that no pattern matches', () => {
    expect(resolve({ 'claude-*': 'x' }, 'gpt-4.1')).toBeUndefined()
    expect(resolve({ 'claude-opus': 'x' }, 'claude-opus-5')).toBeUndefined()
  })

  it.each([
    [{ '*': 'any', 'claude-*': 'claude', 'claude-haiku-*': 'haiku' }, 'claude-haiku-4-5', 'haiku'],
    [{ '*': 'any', 'claude-*': 'claude', 'claude-haiku-*': 'haiku' }, 'claude-opus-5', 'claude'],
    [{ '*': 'any', 'claude-*': 'claude', 'claude-haiku-*': 'haiku' }, 'gpt', 'any'],
    [{ 'claude-x*': 'wild', 'claude-x': 'exact' }, 'claude-x', 'exact'],
    [{ 'a*': 'first', '*a': 'second' }, 'aa', 'first'],
  ])('takes the pattern with the most literal characters: %o, %s', (models, asked, expected) => {
    expect(resolve(models, asked)).toBe(expected)
  })

  it.each([
    [{ 'claude-*': 'anthropic/claude-*' }, 'claude-opus-5', 'anthropic/claude-opus-5'],
    [{ 'claude-*-5-*': '*:*' }, 'claude-sonnet-5-5', 'sonnet:5'],
    [{ '*': 'fixed' }, 'claude-opus-5', 'fixed'],
    [{ 'claude-*': 'x-*' }, 'claude-', 'x-'],
    [{ 'claude-opus-5': 'glob-*' }, 'claude-opus-5', 'glob-*'],
    [{ 'a*b*c': '<*|*>' }, 'a1b2b3c', '<1|2b3>'],
  ])('puts into the target what the wildcards stood for: %o, %s', (models, asked, expected) => {
    expect(resolve(models, asked)).toBe(expected)
  })

  it('does not let the ends of a pattern overlap', () => {
    expect(resolve({ 'aba*aba': 'x' }, 'aba')).toBeUndefined()
    expect(resolve({ 'aba*aba': 'x' }, 'ababa')).toBeUndefined()
    expect(resolve({ 'aba*aba': 'x*' }, 'abaaba')).toBe('x')
  })

  it('reads the mark of the long context as no part of the name', () => {
    expect(resolve({}, 'claude-opus-5[1m]')).toBe('claude-opus-5')
    expect(resolve({ 'claude-opus-*': 'opus-*' }, 'claude-opus-5[1m]')).toBe('opus-5')
    expect(resolve({}, 'claude[1m]-opus')).toBe('claude[1m]-opus')
  })

  it('takes characters that mean something elsewhere for themselves', () => {
    expect(resolve({ 'a.c': 'x' }, 'abc')).toBeUndefined()
    expect(resolve({ 'qwen3:(30b)+?': 'x' }, 'qwen3:(30b)+?')).toBe('x')
  })

  it('matches what a regular expression matches', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 })
    const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 })
    fc.assert(
      fc.property(pattern, name, (glob, asked) => {
        const expression = new RegExp(`^${glob.replaceAll('*', '.*')}$`)
        expect(resolve({ [glob]: 'x' }, asked) !== undefined).toBe(expression.test(asked))
      }),
      { numRuns: 1_000 },
    )
  })

  it('gives back the name when the target repeats the pattern', () => {
    const part = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 4 })
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), part, (parts, filling) => {
        const glob = parts.join('*')
        const asked = parts.join(filling)
        expect(resolve({ [glob]: glob }, asked)).toBe(asked)
      }),
    )
  })
})
