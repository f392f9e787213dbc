/** Which snapshots stay, over long lives of a log. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SNAPSHOT_SPACING } from '#domain/snapshot-spacing.ts'
import { GROUND, needlessRungs, type Rung } from '#infra/event-log/snapshot-ladder.ts'

const HOUR_MS = 3_600_000

/** Snapshots as a ledger makes them: after some events, at most a full spacing, and some time. Of the oldest it is not known when. */
const ladders = fc
  .tuple(
    fc.array(
      fc.record({
        events: fc.integer({ min: 1, max: SNAPSHOT_SPACING }),
        ms: fc.integer({ min: 1, max: HOUR_MS }),
        isBase: fc.boolean(),
      }),
      { minLength: 1, maxLength: 60 },
    ),
    fc.nat(60),
  )
  .map(([steps, unknown]) => {
    let position = 0
    let at = 1_780_000_000_000
    return steps.map(({ events, ms, isBase }, index): Rung => {
      position += events
      at += ms
      return { position, occurredAt: index < unknown ? null : at, isBase }
    })
  })

/** What is left when every snapshot thins out the ladder as it comes. */
const left = (rungs: readonly Rung[], archivedTo = 0): readonly Rung[] => {
  let kept: readonly Rung[] = []
  for (const rung of rungs) {
    const all = [...kept, rung]
    const needless = new Set(needlessRungs([GROUND, ...all], archivedTo))
    kept = all.filter(({ position }) => !needless.has(position))
  }
  return kept
}

describe('the ladder of snapshots', () => {
  it('leaves no gap wider than the spacing, from the beginning of the log on', () => {
    fc.assert(
      fc.property(ladders, (rungs) => {
        const positions = [0, ...left(rungs).map(({ position }) => position)]
        for (const [index, position] of positions.entries()) {
          expect(position - (positions[index - 1] ?? 0)).toBeLessThanOrEqual(SNAPSHOT_SPACING)
        }
      }),
    )
  })

  it('keeps the newest two, all of the last hour, all that others need and all where events are missing', () => {
    fc.assert(
      fc.property(ladders, fc.nat(50_000), (rungs, archivedTo) => {
        const kept = new Set(left(rungs, archivedTo).map(({ position }) => position))
        const newest = rungs.at(-1)?.occurredAt ?? null
        for (const [index, { position, occurredAt, isBase }] of rungs.entries()) {
          const isYoung = newest !== null && occurredAt !== null && occurredAt >= newest - HOUR_MS
          const isLast = index >= rungs.length - 2
          if (isYoung || isLast || isBase || position <= archivedTo) expect(kept).toContain(position)
        }
        // The first one behind the gap: before it nothing can be folded.
        const first = rungs.find(({ position }) => position >= archivedTo)
        if (archivedTo > 0 && first !== undefined) expect(kept).toContain(first.position)
      }),
    )
  })

  it('keeps no more than two for a spacing of older events', () => {
    const rungs = Array.from({ length: 5_000 }, (_, n): Rung => {
      return { position: 1 + n * 40, occurredAt: 1_780_000_000_000 + n * 60_000, isBase: false }
    })
    const old = left(rungs).filter(({ position }) => position < 190_000)
    expect(old.length).toBeLessThanOrEqual((2 * 190_000) / SNAPSHOT_SPACING)
    expect(old.length).toBeGreaterThanOrEqual(190_000 / SNAPSHOT_SPACING - 1)
  })
})
