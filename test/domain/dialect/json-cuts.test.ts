import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { editBytes, itemsAt, latin1, memberAt, membersAt, removals, rootAt } from '#domain/dialect/json-cuts.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (array: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(array)
const indents = fc.constantFrom(undefined, 1, '\t')
const objects = fc.dictionary(fc.string(), fc.jsonValue())

describe('places in a JSON text', () => {
  it('are those of all members, with their names', () => {
    fc.assert(
      fc.property(objects, indents, (value, indent) => {
        const source = JSON.stringify(value, null, indent)
        const read = latin1(bytes(source))
        const members = membersAt(read, rootAt(read))
        expect(members.map((one) => JSON.parse(text(bytes(source).subarray(one.value.start, one.value.end))))).toEqual(
          Object.values(JSON.parse(source)),
        )
        expect(members.map((one) => JSON.parse(text(bytes(source).subarray(one.start, one.nameEnd))))).toEqual(
          Object.keys(JSON.parse(source)),
        )
      }),
    )
  })

  it('are found behind a byte order mark, and not where there is no object', () => {
    const read = latin1(bytes('\uFEFF \n{"a":1}'))
    expect(read.slice(memberAt(read, rootAt(read), 'a')?.start)).toBe('1}')
    for (const other of ['[{"a":1}]', '"{}"', '', '  ']) expect(membersAt(other, rootAt(other))).toEqual([])
    expect(itemsAt('{"a":[1]}', 0)).toEqual([])
  })

  it('have unescaped names, and of a repeated one the last counts', () => {
    const read = '{"\\u0061":1,"a":2,"b\\"":3}'
    expect(membersAt(read, 0).map((member) => member.name)).toEqual(['a', 'a', 'b"'])
    expect(memberAt(read, 0, 'a')).toEqual({ start: 16, end: 17 })
  })

  it('end where the text is no JSON any more', () => {
    expect(itemsAt('[1}', 0)).toEqual([{ start: 1, end: 2 }])
    expect(itemsAt('[}', 0).length).toBeLessThanOrEqual(1)
    expect(itemsAt('[1 2]', 0)).toEqual([{ start: 1, end: 2 }])
    expect(membersAt('{"\\x":1,"b":2}', 0).map(({ name }) => name)).toEqual(['\\x', 'b'])
  })
})

describe('cuts in a JSON text', () => {
  it('take out any members or items and leave the others', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.func(fc.boolean()), indents, (items, isGone, indent) => {
        const gone = new Set(items.flatMap((_, index) => (isGone(index) ? [index] : [])))
        const kept = (_: unknown, index: number): boolean => !gone.has(index)
        const list = JSON.stringify(items, null, indent)
        const read = latin1(bytes(list))
        expect(JSON.parse(text(editBytes(bytes(list), removals(itemsAt(read, 0), gone))))).toEqual(
          JSON.parse(list).filter(kept),
        )
        const object = JSON.stringify(Object.fromEntries(items.map((item, index) => [`k${index}`, item])), null, indent)
        const members = membersAt(latin1(bytes(object)), 0)
        expect(JSON.parse(text(editBytes(bytes(object), removals(members, gone))))).toEqual(
          Object.fromEntries(Object.entries(JSON.parse(object)).filter(kept)),
        )
      }),
    )
  })

  it('count once when one lies in another, and let an insertion stand before a cut at its place', () => {
    const edits = [
      { start: 3, end: 4, text: 'x' },
      { start: 2, end: 6, text: '' },
      { start: 2, end: 2, text: '+' },
      { start: 2, end: 3, text: 'y' },
      { start: 7, end: 8, text: 'z' },
    ]
    expect(text(editBytes(bytes('0123456789'), edits))).toBe('01+6z89')
  })
})
