/**
 * The arguments of a tool call in fragments: what is certain, when they are whole, and that their number costs nothing.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addArguments,
  allArguments,
  argumentText,
  isComplete,
  takeCertain,
  takeRest,
} from '#domain/dialect/openai/argument-text.ts'
import { isWhole } from '#domain/dialect/openai/tool-call.ts'

const cut = (text: string, at: readonly number[]): readonly string[] => {
  const places = [0, ...at.map((share) => Math.floor(share * text.length)).toSorted((a, b) => a - b), text.length]
  return places.slice(1).map((end, index) => text.slice(places[index], end))
}
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 })

/** What servers send: pieces of an object, all of it so far each time, and things that are no object. */
const fragments = fc.oneof(
  fc
    .tuple(fc.jsonValue(), fc.constantFrom('', ' ', '}', '\n'), cuts)
    .map(([value, end, at]) => cut(JSON.stringify(value) + end, at)),
  fc.tuple(fc.dictionary(fc.string(), fc.jsonValue()), cuts).map(([value, at]) => {
    let so = ''
    return cut(JSON.stringify(value), at).map((piece) => (so += piece))
  }),
  fc.array(fc.constantFrom('{', '}', '{}', '"', '\\', ' ', '{"a":', '1', '{"a":1}', '{"a":1} '), { maxLength: 8 }),
)

describe('arguments in fragments', () => {
  it('are whole when a parser says so, after each of them', () => {
    fc.assert(
      fc.property(fragments, (pieces) => {
        const text = argumentText()
        for (const piece of pieces) {
          addArguments(text, piece)
          expect(isComplete(text)).toBe(isWhole(allArguments(text)))
        }
      }),
    )
  })

  it('are taken piece by piece as all of them at the end', () => {
    fc.assert(
      fc.property(fragments, fc.boolean(), (pieces, isLive) => {
        const text = argumentText()
        let taken = ''
        for (const piece of pieces) {
          addArguments(text, piece)
          if (isLive) taken += takeCertain(text)
        }
        expect(taken + takeRest(text)).toBe(allArguments(text))
      }),
    )
  })

  it.each([
    ['that might be the end, each', 'x}'],
    ['that are none', 'xxxxxxxxxx'],
    ['of white space', '  '],
  ])('by the ten thousand %s, behind a megabyte, cost no more than their own length', (_, piece) => {
    const text = argumentText()
    addArguments(text, `{"a":"${'x'.repeat(1_000_000)}${piece === '  ' ? '"}' : ''}`)
    const before = performance.now()
    let taken = 0
    for (let n = 0; n < 10_000; n++) {
      addArguments(text, piece)
      isComplete(text)
      taken += takeCertain(text).length
    }
    expect(taken).toBe(1_000_000 + 6 + (piece === '  ' ? 2 : 0) + 10_000 * piece.length)
    // To look at the megabyte each time takes a hundred times as long.
    expect(performance.now() - before).toBeLessThan(1_000)
  })
})
