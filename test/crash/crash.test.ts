/**
 * kill -9 at random moments under load. `node scripts/crash.ts --rounds 50` does the same at length.
 */

import { Effect } from 'effect'
import { expect, it } from 'vitest'
import { crashRounds } from './rounds.ts'

const ROUNDS = 3

it(`keeps every promise through ${ROUNDS} kills under load`, { timeout: 120_000 }, async () => {
  const seed = Date.now() % 1_000_000
  const { problems, complete, abandoned, rounds } = await Effect.runPromise(
    crashRounds({ rounds: ROUNDS, seed, answers: 60 }),
  )
  expect(problems, `again: node scripts/crash.ts --rounds ${ROUNDS} --seed ${seed}`).toEqual([])
  expect(rounds).toHaveLength(ROUNDS)
  // It was about something: answers came to their end, and others were cut.
  expect(complete).toBeGreaterThan(0)
  expect(abandoned).toBeGreaterThan(0)
})
