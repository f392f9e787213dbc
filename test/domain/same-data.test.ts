/**
 * Equality of data is that of its JSON, members in any order.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sameData } from '#domain/same-data.ts'

/** JSON with its members in the order of their names. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )

const data = fc.anything({ withNullPrototype: false, maxDepth: 4 }).filter((value) => value !== undefined)

describe('the same data', () => {
  it('is what has the same JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(sameData(a, b)).toBe(canonical(a) === canonical(b))
      }),
    )
  })

  it('is what came back from JSON, whatever its members were and in whichever order they are', () => {
    fc.assert(
      fc.property(data, (value) => {
        const text = JSON.stringify(value)
        fc.pre(text !== undefined)
        expect(sameData(value, JSON.parse(text))).toBe(true)
        expect(sameData(JSON.parse(text), value)).toBe(true)
      }),
    )
  })

  it('is not what differs in one place', () => {
    expect(sameData({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] })).toBe(false)
    expect(sameData({ a: 1 }, { a: 1, b: 2 })).toBe(false)
    expect(sameData({ a: 1, b: 2 }, { a: 1 })).toBe(false)
    expect(sameData([1], [1, 2])).toBe(false)
    expect(sameData([], {})).toBe(false)
    expect(sameData({ a: 0 }, { a: null })).toBe(false)
  })

  it('takes a member that is undefined for none', () => {
    expect(sameData({ a: 1, b: undefined }, { a: 1 })).toBe(true)
    expect(sameData({ a: 1 }, { b: undefined, a: 1 })).toBe(true)
    expect(sameData({ a: undefined }, { a: null })).toBe(false)
  })
})
