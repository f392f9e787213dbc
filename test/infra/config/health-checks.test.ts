/** How often providers are checked, as the configuration says it. */
import { describe, expect, it } from 'vitest'
import { place } from './place.ts'

const files = (interval: string) =>
  place({ 'signalbox.yaml': `{ providers: { a: { kind: anthropic } }, healthChecks: { interval: ${interval} } }` })
const environment = { ANTHROPIC_API_KEY: 'x' }

describe('healthChecks.interval', () => {
  it.each([
    ['90 s', 90_000],
    ['1000', 1_000],
    ['0', 0],
  ])('%s is %i ms', (interval, intervalMs) => {
    expect(files(interval).good({ environment }).healthChecks).toEqual({ intervalMs })
  })

  it('is a minute when nothing is said', () => {
    const silent = place({ 'signalbox.yaml': 'providers: { a: { kind: anthropic } }' })
    expect(silent.good({ environment }).healthChecks).toEqual({ intervalMs: 60_000 })
  })

  it('is not so short that the checks become a burden', () => {
    expect(files('999 ms').problems({ environment })).toEqual([
      expect.stringContaining('healthChecks.interval: expected at least 1 s, or 0 for no checks'),
    ])
  })
})
