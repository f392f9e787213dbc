/**
 * Server-sent events, however the bytes are cut.
 */
import { describe, expect, it } from '@effect/vitest'
import fc from 'fast-check'
import { makeEventParser } from '../../src/dashboard/sse.ts'

const parseAll = (pieces: readonly string[]) => {
  const parse = makeEventParser()
  return pieces.flatMap((piece) => parse(piece))
}

describe('the event parser', () => {
  it('reads ids and data, and takes comments and retry for nothing', () => {
    const text = 'retry: 2000\n: from 3\n\nid: 4\ndata: {"a":1}\n\n: heartbeat\n\nid: 5\r\ndata: x\r\ndata: y\r\n\r\n'
    expect(parseAll([text])).toEqual([
      { id: '4', data: '{"a":1}' },
      { id: '5', data: 'x\ny' },
    ])
  })

  it('keeps what is not complete until it is', () => {
    const parse = makeEventParser()
    expect(parse('id: 1\ndata: half')).toEqual([])
    expect(parse(' and half\n')).toEqual([])
    expect(parse('\n')).toEqual([{ id: '1', data: 'half and half' }])
  })

  it('reads the same events wherever the text is cut', () => {
    const events = fc.array(fc.record({ id: fc.nat(), data: fc.string({ unit: 'grapheme-ascii' }) }))
    fc.assert(
      fc.property(events, fc.array(fc.nat()), (all, cuts) => {
        const text = all.map(({ id, data }) => `id: ${id}\ndata: ${data}\n\n: heartbeat\n\n`).join('')
        const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).toSorted((a, b) => a - b), text.length]
        const pieces = places.slice(1).map((end, index) => text.slice(places[index], end))
        expect(parseAll(pieces)).toEqual(all.map(({ id, data }) => ({ id: String(id), data })))
      }),
    )
  })
})
