import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { copied, fromJson, toJson, toJsonInSteps } from '#domain/snapshot-json.ts'
import { inOneGo } from '#domain/steps.ts'

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

/** Changes everything in it that can be changed in place. */
const changeAll = (value: unknown): void => {
  if (value === null || typeof value !== 'object') return
  const inner = value instanceof Map ? [...value.values()] : Object.values(value)
  inner.forEach(changeAll)
  if (value instanceof Map) value.set('added', true)
  else if (Array.isArray(value)) value.push('added')
  else Object.assign(value, { added: true })
}

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

  it('is the same text when it is made in steps', () => {
    fc.assert(
      fc.property(states, (state) => {
        expect(inOneGo(toJsonInSteps(state))).toBe(toJson(state))
      }),
      { numRuns: 500 },
    )
    const withoutSome = { here: 1, absent: undefined, list: [undefined, 2], map: new Map([['absent', undefined]]) }
    expect(inOneGo(toJsonInSteps(withoutSome))).toBe(toJson(withoutSome))
  })

  it('lets others in between the steps of a long text', () => {
    const entries = Array.from({ length: 2_000 }, (_, n) => [`key ${n}`, { text: 'x'.repeat(500) }] as const)
    const state = { projections: { one: { entries: new Map(entries) } } }
    const steps = toJsonInSteps(state)
    let turns = 1
    let step = steps.next()
    for (; step.done !== true; step = steps.next()) turns += 1
    expect(step.value).toBe(toJson(state))
    expect(turns).toBeGreaterThanOrEqual(5)
  })

  it('of a copy stays what it was, whatever becomes of the state', () => {
    fc.assert(
      fc.property(states, (state) => {
        const before = toJson(state)
        const copy = copied(state)
        expect(toJson(copy)).toBe(before)
        changeAll(state)
        expect(toJson(copy)).toBe(before)
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
