/**
 * What holds for every projection: the index is the list, so a new one is covered by being in it.
 */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CATALOGUE } from '#domain/events.ts'
import { PROJECTIONS } from '#domain/projections/index.ts'
import { FOLLOWED } from '#domain/projections/open-attempts.ts'
import type { Occurred, Projection } from '#domain/projections/projection.ts'
import { fromJson, toJson } from '#domain/snapshot-json.ts'
import { EPOCH, histories, policies } from '#test/generators.ts'
import { domainEvents } from '#test/recorded-events.ts'

const all = Object.entries(PROJECTIONS) as unknown as readonly (readonly [string, Projection<unknown>])[]

/** Any events in any order at any time, changes of policy among them. */
const wild: fc.Arbitrary<readonly Occurred[]> = fc.array(
  fc.record({
    event: fc.oneof(
      { weight: 9, arbitrary: domainEvents },
      { weight: 1, arbitrary: policies.map((policy) => ({ _tag: 'PolicyChanged' as const, version: 1, policy })) },
    ),
    occurredAt: fc.oneof(
      fc.integer({ min: EPOCH, max: EPOCH + 4_000_000 }),
      fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    ),
    writer: fc.constantFrom('box_a', 'box_b'),
  }),
  { maxLength: 60 },
)

const fold = (projection: Projection<unknown>, events: readonly Occurred[], from = projection.initial()): unknown =>
  events.reduce((state, occurred) => projection.evolve(state, occurred), from)

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

describe.each(all)('the projection %s', (name, projection) => {
  it('is listed under its own name', () => {
    expect(projection.name).toBe(name)
    expect(projection.version).toBeGreaterThan(0)
  })

  it('folds in two halves, by way of a snapshot, as it folds at once', () => {
    fc.assert(
      fc.property(fc.oneof(histories(), wild), fc.nat(60), (events, cut) => {
        const half = fromJson(toJson(fold(projection, events.slice(0, cut))))
        expect(toJson(fold(projection, events.slice(cut), half))).toBe(toJson(fold(projection, events)))
      }),
    )
  })

  it('keeps a state that its snapshot brings back as it was', () => {
    fc.assert(
      fc.property(fc.oneof(histories(), wild), (events) => {
        const state = fold(projection, events)
        expect(fromJson(toJson(state))).toEqual(state)
      }),
    )
  })

  it('hears every event that its source names', () => {
    const text = readFileSync(new URL(`../../../src/domain/projections/${kebab(name)}.ts`, import.meta.url), 'utf8')
    const named = Object.keys(CATALOGUE).filter((type) => text.includes(`'${type}'`))
    const followed = /\bfollow\(/.test(text) ? FOLLOWED : []
    expect(projection.hears).toEqual(expect.arrayContaining([...named, ...followed]))
    expect(new Set(projection.hears).size).toBe(projection.hears.length)
  })

  it('is changed only by events that it hears', () => {
    const isHeard = ({ event }: Occurred): boolean => projection.hears.includes(event._tag)
    fc.assert(
      fc.property(fc.oneof(histories(), wild), (events) => {
        const state = events.reduce((before, occurred) => {
          const after = projection.evolve(before, occurred)
          if (!isHeard(occurred)) expect(after).toBe(before)
          return after
        }, projection.initial())
        expect(toJson(state)).toBe(toJson(fold(projection, events.filter(isHeard))))
      }),
    )
  })

  it('begins anew each time', () => {
    const before = toJson(projection.initial())
    fc.assert(
      fc.property(histories(3), (events) => void fold(projection, events)),
      { numRuns: 5 },
    )
    expect(toJson(projection.initial())).toBe(before)
  })
})
