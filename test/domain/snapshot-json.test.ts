import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromJson, toJson } from '#domain/snapshot-json.ts'

/** Values as projection states hold them: JSON and maps, nested in each other. */
const states = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.string(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    // JSON.parse cannot make an own `__proto__` of a literal, and no state is keyed so.
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__' && key !== '$map'),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true },
    ),
    fc
      .array(fc.tuple(fc.oneof(fc.string(), fc.integer()), tie('value')), { maxLength: 4 })
      .map((entries) => new Map(entries)),
  ),
})).value

describe('the JSON of snapshots', () => {
  it('brings back every state as it was', () => {
    fc.assert(
      fc.property(states, (state) => {
        expect(fromJson(toJson(state))).toEqual(state)
        expect(toJson(fromJson(toJson(state)))).toBe(toJson(state))
      }),
      { numRuns: 500 },
    )
  })

  it('keeps the order of maps, and numbers as keys', () => {
    const state = new Map<string | number, unknown>([
      [2, 'two'],
      ['1', new Map([['inner', []]])],
      [1, null],
    ])
    expect([...(fromJson(toJson(state)) as typeof state)]).toEqual([...state])
  })

  it('is the same text for the same state, and another for a map in another order', () => {
    const entries = [
      ['a', 1],
      ['b', 2],
    ] as const
    expect(toJson(new Map(entries))).toBe(toJson(new Map(entries)))
    expect(toJson(new Map(entries))).not.toBe(toJson(new Map(entries.toReversed())))
  })
})
