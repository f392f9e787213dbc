/**
 * Bytes that come in pieces of a size that a stranger chooses.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, keepPiece } from '#domain/concat-bytes.ts'

const keptOf = (pieces: Iterable<Uint8Array>): readonly Uint8Array[] => {
  const kept: Uint8Array[] = []
  for (const piece of pieces) keepPiece(kept, piece)
  return kept
}

describe('pieces that are kept', () => {
  it('are the bytes that came, in their order, however they are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (pieces) => {
        expect(Buffer.from(concatBytes(keptOf(pieces)))).toEqual(Buffer.concat(pieces))
      }),
    )
  })

  it.each([
    ['of a byte each', () => 1],
    ['that shrink', (n: number) => 100 - (n % 100)],
    ['that grow', (n: number) => 1 + (n % 100)],
  ] as const)('%s are few', (_, sizeOf) => {
    const sizes = Array.from({ length: 200_000 }, (_unused, n) => sizeOf(n))
    const kept = keptOf(sizes.map((size) => new Uint8Array(size)))
    const total = sizes.reduce((sum, size) => sum + size, 0)
    expect(kept.reduce((sum, { length }) => sum + length, 0)).toBe(total)
    expect(kept.length).toBeLessThan(20 + total / 8_192)
  })

  it('are not copied when they are large', () => {
    const [first, second] = [new Uint8Array(20_000), new Uint8Array(30_000)]
    const kept = keptOf([first, second])
    expect(kept[0]).toBe(first)
    expect(kept[1]).toBe(second)
  })
})
