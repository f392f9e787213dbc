import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import {
  CURRENT_CLAUDE_MODELS,
  canonicalName,
  EFFORTS,
  parseClaudeModel,
  type Spelling,
  sameModel,
  spellFor,
  thinkingRules,
} from '#domain/claude-models.ts'

const SPELLINGS: readonly Spelling[] = ['api', 'vertex', 'openrouter', 'bedrock-mantle']
const rulesOf = (name: string) => {
  const claude = parseClaudeModel(name)
  if (claude === undefined) throw new Error(`${name} is no Claude model`)
  return thinkingRules(claude)
}

describe('a name of a Claude model', () => {
  it.each([
    ['claude-opus-4-5-20251101', { family: 'opus', major: 4, minor: 5, date: '20251101' }],
    ['claude-opus-4-5@20251101', { family: 'opus', major: 4, minor: 5, date: '20251101' }],
    ['claude-opus-4-20250514', { family: 'opus', major: 4, minor: 0, date: '20250514' }],
    ['claude-opus-4-0', { family: 'opus', major: 4, minor: 0 }],
    ['claude-sonnet-5', { family: 'sonnet', major: 5, minor: 0 }],
    ['claude-fable-5-2', { family: 'fable', major: 5, minor: 2 }],
    ['claude-opus-10-12', { family: 'opus', major: 10, minor: 12 }],
    ['anthropic/claude-opus-5.5', { family: 'opus', major: 5, minor: 5 }],
    ['anthropic/claude-opus-5-fast', { family: 'opus', major: 5, minor: 0 }],
    ['anthropic/claude-haiku-5.5:free', { family: 'haiku', major: 5, minor: 5 }],
    ['anthropic/claude-haiku-5.5:batch', { family: 'haiku', major: 5, minor: 5 }],
    ['anthropic/claude-3.5-haiku', { family: 'haiku', major: 3, minor: 5 }],
    ['anthropic.claude-opus-5-5', { family: 'opus', major: 5, minor: 5 }],
    ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', { family: 'sonnet', major: 4, minor: 5, date: '20250929' }],
    ['global.anthropic.claude-opus-4-6-v1', { family: 'opus', major: 4, minor: 6 }],
    ['claude-3-5-haiku-20241022', { family: 'haiku', major: 3, minor: 5, date: '20241022' }],
    ['claude-3-opus-20240229', { family: 'opus', major: 3, minor: 0, date: '20240229' }],
    ['claude-opus-4-6[1m]', { family: 'opus', major: 4, minor: 6 }],
  ])('%s is read', (name, model) => {
    expect(parseClaudeModel(name)).toEqual(model)
  })

  it('that moves with the newest of its family is read as the newest one known', () => {
    expect(parseClaudeModel('~anthropic/claude-opus-latest')).toEqual({ family: 'opus', major: 5, minor: 5 })
    expect(parseClaudeModel('~anthropic/claude-haiku-latest')).toEqual({ family: 'haiku', major: 5, minor: 5 })
    expect(parseClaudeModel('~anthropic/claude-poet-latest')).toBeUndefined()
  })

  it.each([
    'gpt-5',
    'openai/gpt-4.1',
    'my-claude-opus-5-5',
    'claude-',
    'claude-opus',
    'claude-2.1',
    'claude-instant-1.2',
    'claude-code-20250219',
    'opus-5-5',
    'openai/claude-opus-5-5',
    `claude-opus-5-5${':a'.repeat(100_000)}`,
    '',
  ])('is not %.40s', (name) => {
    expect(parseClaudeModel(name)).toBeUndefined()
    for (const spelling of SPELLINGS) expect(spellFor(spelling, name)).toBeUndefined()
  })

  it.each([
    ['claude-opus-4-5-20251101', 'claude-opus-4-5', true],
    ['claude-opus-4-5@20251101', 'anthropic/claude-opus-4.5', true],
    ['claude-opus-5-5[1m]', 'us.anthropic.claude-opus-5-5', true],
    ['claude-opus-4-0', 'claude-opus-4-20250514', true],
    ['claude-opus-5', 'claude-opus-5-5', false],
    ['claude-opus-5-5', 'claude-sonnet-5-5', false],
    ['gpt-5', 'gpt-5', true],
    ['gpt-5', 'claude-opus-5', false],
  ])('%s and %s: the same model? %s', (a, b, expected) => {
    expect(sameModel(a, b)).toBe(expected)
    expect(sameModel(b, a)).toBe(expected)
  })
})

describe('spelling a model', () => {
  it.each([
    // api, Google Cloud, OpenRouter, Bedrock
    ['claude-opus-5-5', 'claude-opus-5-5', 'claude-opus-5-5', 'anthropic/claude-opus-5.5', 'anthropic.claude-opus-5-5'],
    ['claude-sonnet-5', 'claude-sonnet-5', 'claude-sonnet-5', 'anthropic/claude-sonnet-5', 'anthropic.claude-sonnet-5'],
    ['claude-sonnet-4-6', 'claude-sonnet-4-6', 'claude-sonnet-4-6', 'anthropic/claude-sonnet-4.6', undefined],
    ['claude-opus-4-5', 'claude-opus-4-5', 'claude-opus-4-5@20251101', 'anthropic/claude-opus-4.5', undefined],
    [
      'anthropic/claude-haiku-4.5',
      'claude-haiku-4-5',
      'claude-haiku-4-5@20251001',
      'anthropic/claude-haiku-4.5',
      'anthropic.claude-haiku-4-5',
    ],
    ['claude-opus-4-1', 'claude-opus-4-1-20250805', 'claude-opus-4-1@20250805', 'anthropic/claude-opus-4.1', undefined],
    [
      'claude-opus-4-20250514',
      'claude-opus-4-20250514',
      'claude-opus-4@20250514',
      'anthropic/claude-opus-4',
      undefined,
    ],
    [
      'claude-sonnet-4@20250514',
      'claude-sonnet-4-20250514',
      'claude-sonnet-4@20250514',
      'anthropic/claude-sonnet-4',
      undefined,
    ],
    [
      'claude-3-5-haiku',
      'claude-3-5-haiku-20241022',
      'claude-3-5-haiku@20241022',
      'anthropic/claude-3.5-haiku',
      undefined,
    ],
    [
      'claude-3-7-sonnet-20250219',
      'claude-3-7-sonnet-20250219',
      'claude-3-7-sonnet@20250219',
      'anthropic/claude-3.7-sonnet',
      undefined,
    ],
    ['claude-3-7-sonnet', 'claude-3-7-sonnet', undefined, 'anthropic/claude-3.7-sonnet', undefined],
  ])('%s', (name, api, vertex, openrouter, mantle) => {
    expect(SPELLINGS.map((spelling) => spellFor(spelling, name))).toEqual([api, vertex, openrouter, mantle])
    expect(canonicalName(name)).toBe(api)
  })

  const versions = fc.tuple(
    fc.constantFrom('opus', 'sonnet', 'haiku', 'fable', 'mythos', 'poet'),
    fc.integer({ min: 3, max: 12 }),
    fc.integer({ min: 0, max: 12 }),
    fc.option(fc.constantFrom('20250514', '20270101')),
    fc.constantFrom('', '[1m]'),
  )
  const names = versions.map(([family, major, minor, date, mark]) => {
    const version = minor === 0 ? `${major}` : `${major}-${minor % 10}`
    const core = major > 3 ? `${family}-${version}` : `${version}-${family}`
    return `claude-${core}${date === null ? '' : `-${date}`}${mark}`
  })

  it('keeps the model, whatever the way', () => {
    let spelled = 0
    fc.assert(
      fc.property(names, fc.constantFrom(...SPELLINGS), fc.constantFrom(...SPELLINGS), (name, first, second) => {
        const there = spellFor(first, name)
        if (there === undefined) return
        expect(sameModel(there, name)).toBe(true)
        const on = spellFor(second, there)
        if (on !== undefined) expect(sameModel(on, name)).toBe(true)
        expect(spellFor(first, there)).toBe(there)
        spelled++
      }),
    )
    expect(spelled).toBeGreaterThan(30)
  })
})

describe('what a generation accepts', () => {
  it.each([
    // adaptive, enabled, disabled; the highest effort; the longest answer
    ['claude-fable-5-1', true, false, false, 'max', 128_000],
    ['claude-mythos-5', true, false, false, 'max', 128_000],
    ['claude-opus-5-5', true, false, false, 'max', 128_000],
    ['claude-opus-5', true, false, true, 'max', 128_000],
    ['claude-sonnet-5-5', true, false, true, 'max', 128_000],
    ['claude-opus-4-7', true, false, true, 'max', 128_000],
    ['claude-opus-4-6', true, true, true, 'max', 128_000],
    ['claude-sonnet-4-5', false, true, true, undefined, 64_000],
    ['claude-opus-4-1', false, true, true, undefined, 32_000],
    ['claude-sonnet-4', false, true, true, undefined, 64_000],
    ['claude-3-7-sonnet', false, true, true, undefined, 64_000],
    ['claude-3-5-haiku', false, false, false, undefined, 8_192],
    ['claude-3-opus', false, false, false, undefined, 4_096],
  ])('%s', (name, adaptive, enabled, disabled, highest, maxOutputTokens) => {
    const rules = rulesOf(name)
    expect(rules).toMatchObject({ adaptive, enabled, disabled, maxOutputTokens })
    expect(rules.efforts.at(-1)).toBe(highest)
  })

  it('has an effort of a message’s own and `xhigh` from 4.7 on', () => {
    expect(rulesOf('claude-opus-4-7')).toMatchObject({ messageEffort: true, efforts: EFFORTS })
    expect(rulesOf('claude-opus-4-6')).toMatchObject({
      messageEffort: false,
      efforts: ['low', 'medium', 'high', 'max'],
    })
  })
})

describe('the list of models', () => {
  it('has names that Anthropic’s API knows, each once', () => {
    const ids = CURRENT_CLAUDE_MODELS.map((model) => model.id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) expect(canonicalName(id)).toBe(id)
  })

  it('tells what Claude Code shows', () => {
    const shown = new Map(CURRENT_CLAUDE_MODELS.map((model) => [model.id, model]))
    expect(shown.get('claude-opus-5-5')).toEqual({
      id: 'claude-opus-5-5',
      displayName: 'Claude Opus 5.5',
      maxInputTokens: 1_000_000,
      maxOutputTokens: 128_000,
      retired: false,
    })
    expect(shown.get('claude-sonnet-5')).toMatchObject({ displayName: 'Claude Sonnet 5' })
    expect(shown.get('claude-3-5-haiku-20241022')).toMatchObject({ maxInputTokens: 200_000, retired: true })
  })
})
