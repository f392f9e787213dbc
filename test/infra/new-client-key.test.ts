/**
 * New client keys: their form, and that no two are the same.
 */
import { createHash } from 'node:crypto'
import { Redacted } from 'effect'
import { describe, expect, it } from 'vitest'
import { newClientKey } from '#infra/new-client-key.ts'

const SAMPLES = 2_000

describe('a new client key', () => {
  const keys = Array.from({ length: SAMPLES }, newClientKey)

  it('is sbx_ and 32 base-62 characters, with an id and its digest beside', () => {
    for (const { keyId, secret, digest } of keys.slice(0, 50)) {
      expect(Redacted.value(secret)).toMatch(/^sbx_[0-9A-Za-z]{32}$/)
      expect(keyId).toMatch(/^key_[0-9A-Za-z]{8}$/)
      expect(digest).toBe(createHash('sha256').update(Redacted.value(secret)).digest('hex'))
      expect(`${secret} ${JSON.stringify({ secret })}`).not.toContain(Redacted.value(secret))
    }
  })

  it('is never the same, and draws on the whole alphabet evenly', () => {
    expect(new Set(keys.map(({ secret }) => Redacted.value(secret))).size).toBe(SAMPLES)
    const counts = new Map<string, number>()
    for (const { secret } of keys) {
      for (const character of Redacted.value(secret).slice(4)) counts.set(character, (counts.get(character) ?? 0) + 1)
    }
    const expected = (SAMPLES * 32) / 62
    expect(counts.size).toBe(62)
    // Five standard deviations: an alphabet that is not drawn on evenly (256 mod 62) is 25 % off.
    for (const count of counts.values()) expect(Math.abs(count - expected)).toBeLessThan(5 * Math.sqrt(expected))
  })
})
