/**
 * Thousands of cases of every target, the same ones each time. `npm run fuzz` runs a million others.
 */
import { describe, expect, it } from 'vitest'
import { again, fuzz } from './run.ts'
import { PLANTED_AT, planted } from './targets/planted.ts'
import { targets } from './targets.ts'

/** For each part in a hundred of a long run; together some thirteen thousand cases. */
const CASES_PER_SHARE = 90

describe('the fuzzer', () => {
  it('runs every target, each with a share of a long run', () => {
    expect(targets.length).toBeGreaterThan(20)
    expect(new Set(targets.map(({ name }) => name)).size).toBe(targets.length)
    expect(targets.filter(({ share }) => share <= 0)).toEqual([])
  })

  it('finds a planted bug of every kind by its case, and goes on behind it', { timeout: 60_000 }, async () => {
    const jobs = planted.map(({ name }, n) => ({ target: name, from: n * 100, cases: 20 }))
    const failures = await fuzz(jobs, { stillMs: 4_000 })
    expect(failures.map(({ target, seed }) => [target, seed])).toEqual(
      planted.map(({ name }, n) => [name, n * 100 + PLANTED_AT - 1]),
    )
    expect(failures.map(({ complaint }) => complaint)).toEqual([
      'as planted',
      expect.stringContaining('Error: as planted'),
      'it stands still for 4 s',
      expect.stringContaining('heap'),
      expect.stringContaining('ended with 3'),
    ])
    expect(failures[0] && again(failures[0])).toBe('npm run fuzz -- --target planted-complaint --from 6 --cases 1')
  })

  it('finds nothing in thousands of cases', { timeout: 180_000 }, async () => {
    const jobs = targets.map(({ name, share }) => ({
      target: name,
      from: 1,
      cases: Math.ceil(share * CASES_PER_SHARE),
    }))
    expect(jobs.reduce((sum, { cases }) => sum + cases, 0)).toBeGreaterThan(10_000)
    const failures = await fuzz(jobs)
    expect(failures.map((failure) => `${again(failure)}\n${failure.complaint}`)).toEqual([])
  })
})
