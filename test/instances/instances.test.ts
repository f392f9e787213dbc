/**
 * The short form of `npm run instances`: real processes, a real PostgreSQL, real sockets.
 */
import { expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { instancesRun } from './run.ts'

it.live(
  'three instances lose nothing and say nothing twice, whatever happens to them and to their database',
  () =>
    Effect.gen(function* () {
      const report = yield* instancesRun({
        seed: 7,
        instances: 3,
        faults: [
          { _tag: 'BreakProvider', forMs: 1_500 },
          { _tag: 'KillInstance' },
          { _tag: 'LoseAnswers', forMs: 300 },
          { _tag: 'StopDatabase', forMs: 4_000 },
        ],
        calmMs: 1_000,
        connections: 4,
        pauseMs: 100,
      })
      expect(report.problems).toEqual([])
      // Otherwise this shows nothing.
      expect(report.complete).toBeGreaterThan(50)
      expect(report.spread.facts).toBeGreaterThan(0)
    }),
  180_000,
)
