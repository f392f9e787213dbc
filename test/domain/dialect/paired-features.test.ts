import { describe, expect, it } from '@effect/vitest'
import { closure, matchesBeta, PAIRED_FEATURES } from '#domain/dialect/paired-features.ts'

describe('what must go together', () => {
  it.each(PAIRED_FEATURES.map((pair) => [pair.betas.join(), pair] as const))('%s and its fields', (_name, pair) => {
    const all = [...pair.betas.map((beta) => `beta:${beta}`), ...pair.fields.map((field) => `field:${field}`)]
    for (const beta of pair.betas) expect(closure([`beta:${beta}2026-01-01`])).toEqual(expect.arrayContaining(all))
    for (const field of pair.fields) expect(closure([`field:${field}`])).toEqual(expect.arrayContaining(all))
  })

  it('is what was asked for, when nothing belongs to it', () => {
    expect(closure([])).toEqual([])
    expect(closure(['beta:context-1m-2025-08-07', 'field:inference_geo', 'field:cache_control'])).toEqual([
      'beta:context-1m-2025-08-07',
      'field:inference_geo',
      'field:cache_control',
    ])
  })

  it('goes with all that it holds, but does not take along what it lies in', () => {
    const config = closure(['field:output_config'])
    expect(config).toEqual(expect.arrayContaining(['beta:effort-', 'beta:structured-outputs-', 'beta:task-budgets-']))
    expect(closure(['field:output_config.effort'])).not.toContain('field:output_config')
    expect(closure(['beta:effort-2025-11-24'])).toEqual([
      'beta:effort-2025-11-24',
      'beta:effort-',
      'field:output_config.effort',
    ])
    expect(closure(['field:thinking'])).toEqual(
      expect.arrayContaining(['beta:thinking-display-updates-', 'beta:thinking-binding-controls-']),
    )
    expect(closure(['field:output'])).toEqual(['field:output'])
  })

  it('tells the two compactions apart', () => {
    expect(closure(['field:context_management'])).not.toContain('field:compaction')
    expect(closure(['beta:compact-2026-09-04'])).toContain('field:compaction')
    expect(closure(['beta:compact-2026-01-12'])).toContain('field:context_management.edits.*:compact_')
  })

  it('takes a kind of thinking for a field', () => {
    expect(closure(['thinking:adaptive'])).toEqual(['field:thinking:adaptive'])
  })

  it('has no feature twice, and each field in one pair', () => {
    const fields = PAIRED_FEATURES.flatMap((pair) => pair.fields)
    expect(new Set(fields).size).toBe(fields.length)
    const everything = closure(PAIRED_FEATURES.flatMap((pair) => pair.betas.map((beta) => `beta:${beta}`)))
    expect(new Set(everything).size).toBe(everything.length)
  })
})

describe('a beta value', () => {
  it.each([
    ['beta:effort-2025-11-24', 'effort-2025-11-24', true],
    ['beta:effort-', 'effort-2025-11-24', true],
    ['beta:effort-2025-11-24', 'effort-2026-11-24', false],
    ['beta:effort', 'effort-2025-11-24', false],
    ['field:effort-', 'effort-2025-11-24', false],
  ])('%s is %s: %s', (feature, value, expected) => {
    expect(matchesBeta(feature, value)).toBe(expected)
  })
})
