/**
 * JSON of strangers: what it costs to read is bounded, what it says is not changed.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hasMoreValues, MOST_VALUES, parseTold } from '#domain/dialect/told-json.ts'

/** Beginnings of lists and objects, members, and items behind the first. */
const valuesIn = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 0
  const inside = Object.values(value)
  const names = Array.isArray(value) ? 0 : inside.length
  return 1 + names + Math.max(0, inside.length - 1) + inside.reduce((sum: number, one) => sum + valuesIn(one), 0)
}

describe('the values of a JSON text', () => {
  it('are counted, and what stands in strings is not', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value)
        const count = valuesIn(JSON.parse(text))
        const padded = `${text}${' '.repeat(count + 1)}`
        expect(hasMoreValues(padded, count)).toBe(false)
        if (count > 0) expect(hasMoreValues(padded, count - 1)).toBe(true)
      }),
    )
  })

  it.each(['"[[[[[[', '"\\"[[[[[[', '"\\\\', '[', '"', '\\'])('are counted in %s too, which is none', (text) => {
    expect(hasMoreValues(text.padEnd(20), 3)).toBe(false)
  })
})

describe('JSON that is told', () => {
  it('is what it is, as long as it is of this world', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value)
        expect(parseTold(text)).toEqual(JSON.parse(text))
      }),
    )
    const long = JSON.stringify({ text: '[,'.repeat(2 * MOST_VALUES) })
    expect(parseTold(long)).toEqual(JSON.parse(long))
  })

  it.each([
    ['lists in lists', '['.repeat(2 * MOST_VALUES)],
    ['lists in lists, few as they are,', '['.repeat(600) + ']'.repeat(600)],
    ['lists beside lists', `[${'[],'.repeat(MOST_VALUES)}1]`],
    ['objects beside objects', `[${'{},'.repeat(MOST_VALUES)}1]`],
    ['members', `{${'"a":1,'.repeat(MOST_VALUES)}"a":1}`],
    ['nothing but half of it', '{"a":'],
  ])('is not read when it has more %s than anybody needs', (_, text) => {
    expect(parseTold(text)).toBeUndefined()
  })
})
