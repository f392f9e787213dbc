import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fnvHash } from '#domain/dialect/fnv-hash.ts'

/** As the definition says it, in whole numbers of any size. */
const byDefinition = (text: string): string => {
  let hash = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  }
  return hash.toString(16).padStart(16, '0')
}

describe('the hash of a name', () => {
  it('is FNV-1a with 64 bits', () => {
    // From the reference implementation's test vectors.
    expect(fnvHash('')).toBe('cbf29ce484222325')
    expect(fnvHash('a')).toBe('af63dc4c8601ec8c')
    expect(fnvHash('foobar')).toBe('85944171f73967e8')
  })

  it('is that of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(fnvHash(text)).toBe(byDefinition(text))
      }),
      { numRuns: 200 },
    )
  })
})
