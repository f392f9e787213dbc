/**
 * The routing invariants in virtual worlds: they hold in every world, and find every bug that is planted. `npm run routing --
 * --invariants --seeds 200` plays more and longer ones.
 */
import { describe, expect, it } from 'vitest'
import { checkWorld, replayCommand } from '#test/routing-worlds/check-world.ts'
import { PLANTED_BUGS } from '#test/routing-worlds/planted-bugs.ts'

const HOURS = 2
const FIRST = Number(process.env.SIGNALBOX_TEST_SEED ?? 1)
const WORLDS = 10
/** A planted bug must show in one of so many worlds; the rarest needs some sixty. */
const SEEDS_PER_BUG = 100

describe('routing in virtual worlds', { timeout: 60_000 }, () => {
  it(`keeps every invariant in ${WORLDS} stormy worlds of ${HOURS} hours`, () => {
    const seen = new Map<string, number>()
    for (let seed = FIRST; seed < FIRST + WORLDS; seed++) {
      const checked = checkWorld(seed, HOURS)
      expect(checked.broken, `seed ${seed}; again: ${replayCommand(seed, HOURS)}`).toEqual([])
      for (const [what, count] of checked.seen) seen.set(what, (seen.get(what) ?? 0) + count)
    }
    const wanted = [
      ...['fallback', 'probe', 'neutral probe', 'ramp', 'RateLimited', 'Cancelled', 'Timeout', 'FeatureRefused'],
      ...['ProviderThrottled', 'ProviderRecovered', 'CircuitOpened', 'CircuitHalfOpened', 'CircuitClosed'],
    ]
    expect(wanted.filter((what) => !seen.has(what))).toEqual([])
  })

  it.each(Object.entries(PLANTED_BUGS))('would show that %s', (_bug, plant) => {
    let found: readonly string[] = []
    for (let seed = 1; seed <= SEEDS_PER_BUG && found.length === 0; seed++)
      found = checkWorld(seed, HOURS, plant()).broken
    expect(found).not.toEqual([])
  })
})
