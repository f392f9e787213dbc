import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { eventData, eventName } from '#domain/dialect/sse-fields.ts'
import { cutFrames, frameCutter } from '#domain/dialect/sse-frames.ts'
import { recordedStreams } from './recorded-streams.ts'

/** The standard's algorithm, field by field. */
const reference = (frame: string): { readonly event: string; readonly data: string } => {
  let event = ''
  const data: string[] = []
  for (const line of frame.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)) {
    if (line === '' || line.startsWith(':')) continue
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') event = value
    if (field === 'data') data.push(value)
  }
  return { event, data: data.join('\n') }
}

const name = fc.constantFrom('message_start', 'ping', 'content_block_delta', 'x', '', ' two words ')
const eventLine = fc
  .tuple(fc.constantFrom('event:', 'event: ', 'event:  '), name)
  .map(([field, value]) => field + value)
const otherLine = fc.oneof(
  fc.constantFrom(
    ': comment',
    ':',
    ':event: no',
    'data',
    'dataset: no',
    'eventual: no',
    'events',
    ' event: no',
    'id: 7',
    'retry: 1',
    'x',
  ),
  fc
    .tuple(fc.constantFrom('data:', 'data: '), fc.string({ unit: 'grapheme' }))
    .map(([field, value]) => field + value.replaceAll(/[\r\n]/g, '')),
)
const lineEnd = fc.constantFrom('\n', '\r\n', '\r')
/** A frame with two event lines at most, in any place. */
const frames = fc
  .tuple(
    fc.array(fc.tuple(eventLine, fc.nat(6)), { maxLength: 2 }),
    fc.array(otherLine, { maxLength: 6 }),
    lineEnd,
    fc.constantFrom('', '\uFEFF'),
  )
  .map(([events, others, end, bom]) => {
    const lines = [...others]
    for (const [event, place] of events) lines.splice(place, 0, event)
    return bom + [...lines, '', ''].join(end)
  })

describe('the fields of a frame', () => {
  it('are what the standard reads', () => {
    fc.assert(
      fc.property(frames, (text) => {
        const frame = Buffer.from(text)
        expect({ event: eventName(frame), data: eventData(frame) }).toEqual(reference(text))
      }),
      { numRuns: 1000 },
    )
  })

  it('are read from every frame of the recorded streams', () => {
    let read = 0
    for (const { bytes } of recordedStreams()) {
      cutFrames(frameCutter(), bytes, (frame) => {
        read++
        expect({ event: eventName(frame), data: eventData(frame) }).toEqual(reference(Buffer.from(frame).toString()))
      })
    }
    expect(read).toBeGreaterThan(400)
  })

  it.each([
    ['data: {}\n\n', '{}'],
    ['data:{}\n\n', '{}'],
    ['data:\n\n', ''],
    ['data:  a: 1 \n\n', ' a: 1 '],
    ['data: \uFEFF{}\n\n', '\uFEFF{}'],
    ['data: {}\r\n\r\n', '{}'],
    ['data: {}\r\n\n', '{}'],
    ['data: {}\nx', '{}'],
    ['data: {}', '{}'],
  ])('are one line of data in %j', (text, data) => {
    const frame = Buffer.from(text)
    expect([eventName(frame), eventData(frame)]).toEqual(['', data])
  })

  it('joins several data lines with a line feed', () => {
    expect(eventData(Buffer.from('data: {\ndata: "a":1}\n\n'))).toBe('{\n"a":1}')
  })
})
