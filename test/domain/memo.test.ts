import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memo } from '#domain/memo.ts'

describe('a memo', () => {
  it('answers as the function does, whatever is asked in which order', () => {
    const answer = (name: string) => (name.length > 2 ? undefined : `${name}!`)
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 4 })), fc.integer({ min: 1, max: 5 }), (names, kept) => {
        const remembered = memo(kept, answer)
        expect(names.map(remembered)).toEqual(names.map(answer))
      }),
    )
  })

  it('asks once for a name, also when the answer is that there is none', () => {
    const asked: string[] = []
    const remembered = memo(2, (name) => void asked.push(name))
    for (const name of ['a', 'b', 'a', 'b']) remembered(name)
    expect(asked).toEqual(['a', 'b'])
  })

  it('keeps no more names than it was told', () => {
    const asked: string[] = []
    const remembered = memo(2, (name) => void asked.push(name))
    for (const name of ['a', 'b', 'c', 'a']) remembered(name)
    expect(asked).toEqual(['a', 'b', 'c', 'a'])
  })
})
