import { Schema } from 'effect'
import { describe, expect, it } from 'vitest'
import { addUsage, noUsage, Usage } from '#domain/usage.ts'

const one: Usage = {
  inputTokens: 1,
  outputTokens: 2,
  cacheReadTokens: 3,
  cacheWrite5mTokens: 4,
  cacheWrite1hTokens: 5,
}

describe('usage', () => {
  it('is summed by its counts; what belongs to one attempt has no sum', () => {
    const more: Usage = { ...one, speed: 'fast', geo: 'us', tier: 'batch', webSearches: 2, iterations: [one] }
    expect(addUsage(one, more)).toEqual({
      inputTokens: 2,
      outputTokens: 4,
      cacheReadTokens: 6,
      cacheWrite5mTokens: 8,
      cacheWrite1hTokens: 10,
      webSearches: 2,
    })
    expect(addUsage(more, more).webSearches).toBe(4)
    expect(addUsage(one, noUsage)).toEqual(one)
    expect(addUsage({ ...one, webSearches: 0 }, one)).not.toHaveProperty('webSearches')
  })

  it('is read from logs that know nothing of what was added later', () => {
    expect(Schema.decodeUnknownSync(Usage)(one, { onExcessProperty: 'error' })).toEqual(one)
  })
})
