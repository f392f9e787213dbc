import fc from 'fast-check'
import { expect, it } from 'vitest'
import { addMembers } from '#domain/dialect/add-members.ts'

const added = (body: string, members: object): string =>
  new TextDecoder().decode(addMembers(new TextEncoder().encode(body), members as never))

it('adds members before the others, whose bytes stay', () => {
  expect(added('{ "model" : "m" }', { provider: { order: ['anthropic'] } })).toBe(
    '{"provider":{"order":["anthropic"]}, "model" : "m" }',
  )
  expect(added(' {} ', { a: 1 })).toBe(' {"a":1} ')
})

it('leaves what the client has said itself, and then the very array', () => {
  const body = new TextEncoder().encode('{"provider":null,"é":1}')
  expect(addMembers(body, { provider: {} })).toBe(body)
  expect(added('{"\\u0061":1}', { a: 2, b: 3 })).toBe('{"b":3,"\\u0061":1}')
})

it('means the same as adding to the parsed object', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.dictionary(fc.string(), fc.jsonValue()),
      (body, more) => {
        fc.pre(!JSON.stringify([body, more]).includes('__proto__'))
        expect(JSON.parse(added(JSON.stringify(body), more))).toEqual(JSON.parse(JSON.stringify({ ...more, ...body })))
      },
    ),
  )
})
