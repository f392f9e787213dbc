import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attemptTraceparent, isSampled, readTraceparent, spanIdOf, traceOf } from '#domain/trace-context.ts'
import { requestNamed } from '#test/generators.ts'

/** The example of the standard. */
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

const hex = (length: number) =>
  fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`)).filter((text) => !/^0+$/.test(text))
const ids = fc.nat().map(requestNamed)

describe('a traceparent', () => {
  it('of the standard’s own example is taken as it is', () => {
    expect(readTraceparent(`00-${TRACE}-${SPAN}-01`)).toBe(`00-${TRACE}-${SPAN}-01`)
  })

  it('of a later version is taken for what this one knows of it', () => {
    expect(readTraceparent(`cc-${TRACE}-${SPAN}-01`)).toBe(`00-${TRACE}-${SPAN}-01`)
    expect(readTraceparent(`cc-${TRACE}-${SPAN}-01-what-the-future-brings`)).toBe(`00-${TRACE}-${SPAN}-01`)
  })

  it.each([
    undefined,
    '',
    TRACE,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-`,
    `00-${TRACE}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    ` 00-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-1`,
    `cc-${TRACE}-${SPAN}-01.x`,
  ])('that is not valid is as none: %s', (header) => {
    expect(readTraceparent(header)).toBeUndefined()
  })
})

describe('a trace', () => {
  it('that the client began goes on, and is recorded as the client records it', () => {
    fc.assert(
      fc.property(
        ids,
        hex(32),
        hex(16),
        fc.nat(255),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (id, trace, span, flags, share) => {
          const header = `00-${trace}-${span}-${flags.toString(16).padStart(2, '0')}`
          const read = traceOf(id, readTraceparent(header))
          expect(read).toEqual({ traceId: trace, parentSpanId: span, isSampled: flags % 2 === 1 })
          expect(isSampled(read, share)).toBe(flags % 2 === 1)
        },
      ),
    )
  })

  it('that begins here has an id of its own, the same one every time it is asked for', () => {
    const traces = Array.from({ length: 2_000 }, (_, n) => traceOf(requestNamed(n), undefined))
    expect(new Set(traces.map(({ traceId }) => traceId)).size).toBe(2_000)
    for (const { traceId } of traces) expect(traceId).toMatch(/^(?!0+$)[0-9a-f]{32}$/)
    expect(traceOf(requestNamed(7), undefined)).toEqual(traces[7])
  })

  it('is recorded in the wanted share of the cases, all of them at 1, none at 0', () => {
    const recorded = (share: number) =>
      Array.from({ length: 4_000 }, (_, n) => isSampled(traceOf(requestNamed(n), undefined), share)).filter(Boolean)
        .length
    expect(recorded(1)).toBe(4_000)
    expect(recorded(0)).toBe(0)
    // Three standard deviations of 4,000 draws at a quarter are 82.
    expect(Math.abs(recorded(0.25) - 1_000)).toBeLessThan(82)
  })
})

describe('a span', () => {
  it('has an id that no other of its trace has', () => {
    fc.assert(
      fc.property(ids, (id) => {
        const all = Array.from({ length: 12 }, (_, attempt) => spanIdOf(id, attempt))
        expect(new Set(all).size).toBe(12)
        for (const one of all) expect(one).toMatch(/^[0-9a-f]{16}$/)
      }),
    )
  })

  it('of an attempt is what its provider is told', () => {
    const id = requestNamed(1)
    expect(attemptTraceparent(id, `00-${TRACE}-${SPAN}-00`, 2, 1)).toBe(`00-${TRACE}-${spanIdOf(id, 2)}-00`)
    const own = attemptTraceparent(id, undefined, 1, 1)
    expect(own).toBe(`00-${traceOf(id, undefined).traceId}-${spanIdOf(id, 1)}-01`)
    expect(readTraceparent(own)).toBe(own)
    expect(attemptTraceparent(id, undefined, 1, 0)).toMatch(/-00$/)
  })
})
