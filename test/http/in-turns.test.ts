import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from '@effect/vitest'
import { Effect, Fiber } from 'effect'
import { inTurns } from '#http/read-body.ts'

/** Writes down each of its steps. */
const steps = function* (log: string[]) {
  for (const name of ['one', 'two', 'three']) {
    log.push(name)
    yield
  }
  return 'done'
}

const short = new Uint8Array(1_000)
const long = new Uint8Array(1_000_000)

describe('what a body needs', () => {
  it('is done in one go for a short one', () => {
    const log: string[] = []
    expect(Effect.runSync(inTurns(short, steps(log)))).toBe('done')
    expect(log).toEqual(['one', 'two', 'three'])
  })

  it('lets others run between the steps for a long one', async () => {
    const log: string[] = []
    const done = Effect.runPromise(inTurns(long, steps(log)))
    for (const other of ['a', 'b']) {
      await turn()
      log.push(other)
    }
    expect(await done).toBe('done')
    expect(log.indexOf('a')).toBeGreaterThan(log.indexOf('one'))
    expect(log.indexOf('a')).toBeLessThan(log.indexOf('three'))
  })

  it('is given up between two steps when the client goes away', async () => {
    const log: string[] = []
    const fiber = Effect.runFork(inTurns(long, steps(log)))
    await Effect.runPromise(Fiber.interrupt(fiber))
    const reached = log.length
    await turn()
    await turn()
    expect(log.length).toBe(reached)
    expect(reached).toBeLessThan(3)
  })
})
