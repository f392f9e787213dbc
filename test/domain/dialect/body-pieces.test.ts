/** Request bodies cut so that the next turn repeats the pieces. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes } from '#domain/concat-bytes.ts'
import { piecesOf } from '#domain/dialect/body-pieces.ts'

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const textsOf = (body: Uint8Array): readonly string[] => piecesOf(body).map((piece) => new TextDecoder().decode(piece))

const long = 'long '.repeat(60)
const marked = { cache_control: { type: 'ephemeral' } }

describe('the pieces of a body', () => {
  it('are the body when they are joined, whatever it is', () => {
    const any = fc.oneof(
      fc.json().map((text) => new TextEncoder().encode(text)),
      fc.uint8Array({ maxLength: 200 }),
      fc
        .record({ system: fc.jsonValue(), tools: fc.jsonValue(), messages: fc.array(fc.jsonValue()), x: fc.string() })
        .map(bytes),
    )
    fc.assert(
      fc.property(any, (body) => {
        const pieces = piecesOf(body)
        expect(Buffer.from(concatBytes(pieces))).toEqual(Buffer.from(body))
        expect(pieces.every((piece) => piece.length > 0)).toBe(true)
      }),
    )
  })

  it('lie around every system block, tool and message, a comma with what follows it', () => {
    const body = bytes({ model: 'm', system: ['a', 'b'], tools: [{ name: 't' }], messages: [1, 2, 3] })
    expect(textsOf(body)).toEqual([
      '{"model":"m","system":[',
      '"a"',
      ',"b"',
      '],"tools":[',
      '{"name":"t"}',
      '],"messages":[',
      '1',
      ',2',
      ',3',
      ']}',
    ])
  })

  it('have a long text of a message for themselves, whether it is marked for the cache or not', () => {
    const asText = textsOf(bytes({ messages: [{ role: 'user', content: long }] }))
    const asBlock = textsOf(bytes({ messages: [{ role: 'user', content: [{ type: 'text', text: long, ...marked }] }] }))
    expect(asText).toContain(JSON.stringify(long))
    expect(asBlock).toContain(JSON.stringify(long))
  })

  it('are one for a body that is made of crumbs', () => {
    const body = bytes({ messages: Array.from({ length: 30_000 }, () => 1) })
    expect(piecesOf(body)).toHaveLength(1)
  })
})
