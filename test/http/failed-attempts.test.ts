import { describe, expect, it } from 'vitest'
import { MOST_GUESSES, makeFailedAttempts, WINDOW_MS } from '#http/failed-attempts.ts'

const guessed = (count: number, address = 'a', now = 0) => {
  const attempts = makeFailedAttempts()
  for (let guess = 0; guess < count; guess++) attempts.count(address, `digest ${guess}`, now)
  return attempts
}

describe('wrong tokens', () => {
  it('block their address from the tenth on, until a minute after the first', () => {
    expect(guessed(MOST_GUESSES - 1).blockedUntil('a', 0)).toBeUndefined()
    const attempts = guessed(MOST_GUESSES)
    expect(attempts.blockedUntil('a', 0)).toBe(WINDOW_MS)
    expect(attempts.blockedUntil('a', WINDOW_MS - 1)).toBe(WINDOW_MS)
    expect(attempts.blockedUntil('a', WINDOW_MS)).toBeUndefined()
  })

  it('block no other address', () => {
    expect(guessed(MOST_GUESSES).blockedUntil('b', 0)).toBeUndefined()
  })

  it('do not add up over minutes', () => {
    const attempts = guessed(MOST_GUESSES - 1)
    attempts.count('a', 'another', WINDOW_MS)
    expect(attempts.blockedUntil('a', WINDOW_MS)).toBeUndefined()
  })

  it('of very many addresses are not all remembered', () => {
    const attempts = guessed(MOST_GUESSES, 'first')
    for (let n = 0; n < 1_000; n++) attempts.count(`address ${n}`, 'digest', 0)
    expect(attempts.blockedUntil('first', 0)).toBeUndefined()
  })

  it('of addresses in one network of IPv6 count together', () => {
    const attempts = makeFailedAttempts()
    for (let n = 0; n < MOST_GUESSES; n++) attempts.count(`2001:db8:1:2::${n}`, `digest ${n}`, 0)
    expect(attempts.blockedUntil('2001:db8:1:2:ffff::1', 0)).toBe(WINDOW_MS)
    expect(attempts.blockedUntil('2001:db8:1:3::1', 0)).toBeUndefined()
  })
})
