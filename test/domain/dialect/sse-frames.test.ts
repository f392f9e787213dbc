import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { cutFrames, frameCutter, MAX_FRAME_BYTES, unfinished } from '#domain/dialect/sse-frames.ts'
import { recordedStreams } from './recorded-streams.ts'

interface Cut {
  readonly frames: readonly Buffer[]
  readonly rest: Buffer
}

const cut = (chunks: readonly Uint8Array[]): Cut => {
  const cutter = frameCutter()
  const frames: Buffer[] = []
  for (const chunk of chunks) {
    let last = 0
    const fits = cutFrames(cutter, chunk, (frame, end) => {
      // The offset says where in this chunk the frame ended.
      if (end < last || end > chunk.length) throw new Error(`frame end ${end} after ${last} in ${chunk.length} bytes`)
      last = end
      frames.push(Buffer.from(frame))
    })
    if (!fits) throw new Error('too large')
  }
  const rest = Buffer.concat(cutter.pieces)
  if (unfinished(cutter) !== rest.length) throw new Error('the size of the rest is wrong')
  return { frames, rest }
}

/** One, two, three … bytes at a time. */
const inPieces = (bytes: Buffer, size: number): readonly Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))

/**
 * Line by line, after the standard's own words. A CR at the very end of the input may be half of a CRLF, so what it would
 * end is not ended yet.
 */
const reference = (bytes: Buffer): Cut => {
  const text = bytes.toString('latin1')
  const frames: Buffer[] = []
  let from = 0
  for (const match of text.matchAll(/([^\r\n]*)(\r\n|\n|\r)/g)) {
    const end = match.index + match[0].length
    if (match[1] === '' && !(match[2] === '\r' && end === text.length)) {
      frames.push(bytes.subarray(from, end))
      from = end
    }
  }
  return { frames, rest: bytes.subarray(from) }
}

const pieces = fc.constantFrom(
  '\n',
  '\r',
  '\r\n',
  '\n\n',
  '\r\r',
  '\r\n\r\n',
  'a',
  ':',
  ': note',
  'data: {"é":1}',
  'data:x',
)
const streams = fc
  .tuple(
    fc.constantFrom('', '\uFEFF'),
    fc.array(fc.oneof(pieces, fc.constantFrom('event: ping', 'id: 1', '\u{1F600}')), { maxLength: 30 }),
  )
  .map(([bom, parts]) => Buffer.from(bom + parts.join('')))
const sizes = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 20 })

const chunked = (bytes: Buffer, widths: readonly number[]): readonly Buffer[] => {
  const chunks: Buffer[] = []
  let from = 0
  for (let i = 0; from < bytes.length; i++) {
    // A width of zero is an empty chunk, but not for ever.
    const width = i < 40 ? (widths[i % widths.length] ?? 1) : 1
    chunks.push(bytes.subarray(from, from + width))
    from += width
  }
  return chunks
}

describe('cutting a stream into frames', () => {
  it('cuts at blank lines, as the standard says, and keeps every byte', () => {
    fc.assert(
      fc.property(streams, (bytes) => {
        const whole = cut([bytes])
        expect(whole).toEqual(reference(bytes))
        expect(Buffer.concat([...whole.frames, whole.rest])).toEqual(bytes)
      }),
      { numRuns: 500 },
    )
  })

  it('does not care where the chunks break', () => {
    fc.assert(
      fc.property(streams, sizes, (bytes, widths) => {
        expect(cut(chunked(bytes, widths))).toEqual(cut([bytes]))
      }),
      { numRuns: 500 },
    )
  })

  const recorded = recordedStreams()

  it('has streams to work on', () => {
    expect(recorded.length).toBeGreaterThan(30)
  })

  it.each(recorded)('cuts $name the same at every byte boundary', ({ bytes }) => {
    const whole = cut([bytes])
    expect(whole).toEqual(reference(bytes))
    const crlf = Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1')
    const wholeCrlf = cut([crlf])
    expect(wholeCrlf.frames.length).toBe(whole.frames.length)
    const same = (a: Cut, b: Cut): boolean =>
      a.frames.length === b.frames.length &&
      a.frames.every((frame, i) => frame.equals(b.frames[i] ?? Buffer.alloc(0))) &&
      a.rest.equals(b.rest)
    const differing: number[] = []
    for (let at = 1; at < bytes.length; at++) {
      if (!same(cut([bytes.subarray(0, at), bytes.subarray(at)]), whole)) differing.push(at)
      if (!same(cut([crlf.subarray(0, at), crlf.subarray(at)]), wholeCrlf)) differing.push(-at)
    }
    expect(differing).toEqual([])
    for (const size of [1, 2, 3]) {
      expect(same(cut(inPieces(bytes, size)), whole)).toBe(true)
      expect(same(cut(inPieces(crlf, size)), wholeCrlf)).toBe(true)
    }
  })

  it('takes a CRLF that is split over two chunks for one line end', () => {
    expect(cut([Buffer.from('data: a\r'), Buffer.from('\n\r'), Buffer.from('\ndata: b\r\n')])).toEqual({
      frames: [Buffer.from('data: a\r\n\r\n')],
      rest: Buffer.from('data: b\r\n'),
    })
  })

  it('refuses a frame above the limit, however it comes', () => {
    const cutter = frameCutter()
    const megabyte = Buffer.alloc(1024 * 1024, 'a')
    const frames: number[] = []
    const feed = (chunk: Uint8Array) => cutFrames(cutter, chunk, (frame) => frames.push(frame.length))
    for (let i = 0; i < MAX_FRAME_BYTES / megabyte.length; i++) expect(feed(megabyte)).toBe(true)
    expect(feed(Buffer.from('a'))).toBe(false)
    expect(frames).toEqual([])
  })

  it('lets a long stream of small frames pass, and starts to count anew after each', () => {
    const cutter = frameCutter()
    let count = 0
    const chunk = Buffer.from(`data: ${'a'.repeat(1024)}\n\n`.repeat(1024))
    for (let i = 0; i < 25; i++) expect(cutFrames(cutter, chunk, () => count++)).toBe(true)
    expect(count).toBe(25 * 1024)
    expect(unfinished(cutter)).toBe(0)
  })
})
