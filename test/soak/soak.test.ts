/**
 * A short soak. `npm run soak -- --minutes 30` does the same at length, and holds the growth of the heap against its limit.
 */
import { Effect } from 'effect'
import { expect, it } from 'vitest'
import { soak } from './soak.ts'

const SECONDS = 8

it(`a box is as it was after ${SECONDS} s of clients that come and go`, { timeout: 180_000 }, async () => {
  const { problems, asked, whole, left, samples } = await Effect.runPromise(
    soak({ seconds: SECONDS, clients: 12, seed: 5 }),
  )
  expect(problems).toEqual([])
  // It was about something.
  expect(samples.length).toBeGreaterThan(SECONDS / 3)
  expect(Math.min(asked, whole)).toBeGreaterThan(50)
  expect(left).toBeGreaterThan(5)
})
