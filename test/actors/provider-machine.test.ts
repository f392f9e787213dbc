/**
 * The rules of the provider machine, one sentence each: when it opens, and for how long. The way back is in
 * provider-recovery.test.ts, properties over random histories are in provider-machine-properties.test.ts, the comparison
 * with a simple model is in provider-machine-model.test.ts.
 */
import { describe, expect, it } from 'vitest'
import type { FailureReason } from '#domain/failure.ts'
import { defaultBreaker } from '#domain/policy.ts'
import { givenProvider, PROVIDER, rateLimited, refusedConnection, START, serverError } from '#test/given-when-then.ts'

const quota: FailureReason = { _tag: 'QuotaExhausted' }
const refused: FailureReason = { _tag: 'CredentialRefused', whose: 'gateway', status: 401 }
const HOUR = 3_600_000

describe('a healthy provider', () => {
  it('admits everything', () => {
    expect(givenProvider().admits).toEqual({ admit: 'yes', share: 1 })
  })

  it('opens its circuit after the fifth provider failure in a row', () => {
    const provider = givenProvider()
    for (let i = 1; i <= 4; i++) expect(provider.fails(serverError)).toEqual([])
    expect(provider.fails(serverError)).toEqual([
      {
        _tag: 'CircuitOpened',
        provider: PROVIDER,
        until: START + 5_000 + 10_000,
        because: serverError,
        trip: 'consecutive',
        level: 1,
      },
    ])
    expect(provider.admits).toMatchObject({ admit: 'no', reason: 'circuitOpen', until: START + 15_000 })
  })

  it('begins the row anew after a success', () => {
    const provider = givenProvider({ minimumOutcomes: 100 })
    for (let i = 1; i <= 4; i++) provider.fails(serverError)
    provider.succeeds()
    for (let i = 1; i <= 4; i++) expect(provider.fails(serverError)).toEqual([])
    expect(provider.fails(serverError)).toMatchObject([{ trip: 'consecutive' }])
  })

  it('opens after the third failure to connect in a row', () => {
    const provider = givenProvider()
    provider.fails(refusedConnection)
    provider.fails({ _tag: 'Timeout', phase: 'connect' })
    expect(provider.fails(refusedConnection)).toMatchObject([{ _tag: 'CircuitOpened', trip: 'consecutive' }])
  })

  it('does not take a connection lost in the middle for a failure to connect', () => {
    const provider = givenProvider()
    for (let i = 1; i <= 4; i++) {
      expect(provider.fails({ _tag: 'Transport', code: 'ECONNRESET', connect: false })).toEqual([])
    }
  })

  it('counts failures to connect anew after another kind of failure', () => {
    const provider = givenProvider({ consecutiveFailures: 100, minimumOutcomes: 100 })
    for (let i = 1; i <= 10; i++) {
      provider.fails(refusedConnection)
      provider.fails(refusedConnection)
      expect(provider.fails(serverError)).toEqual([])
    }
  })

  it('opens when half of at least ten outcomes within the window failed', () => {
    const provider = givenProvider()
    for (let i = 1; i <= 4; i++) {
      provider.succeeds()
      provider.fails(serverError)
    }
    provider.succeeds()
    expect(provider.fails(serverError)).toMatchObject([{ _tag: 'CircuitOpened', trip: 'rate' }])
  })

  it('does not open at just under half', () => {
    const provider = givenProvider()
    provider.succeeds()
    for (let i = 1; i <= 12; i++) {
      provider.succeeds()
      expect(provider.fails(serverError)).toEqual([])
    }
  })

  it('forgets outcomes that are older than the window', () => {
    const provider = givenProvider()
    for (let i = 1; i <= 4; i++) {
      provider.succeeds()
      provider.fails(serverError)
    }
    provider.passes(61_000).succeeds()
    expect(provider.fails(serverError)).toEqual([])
  })

  it.each<FailureReason>([
    { _tag: 'InvalidRequest', status: 400 },
    { _tag: 'ContextTooLong', status: 400 },
    { _tag: 'ContextTooLong', status: 400, limit: 'provider' },
    { _tag: 'FeatureRefused', status: 400, features: ['field:thinking'] },
    { _tag: 'ContentRefused' },
    { _tag: 'Cancelled', by: 'client' },
    { _tag: 'CredentialRefused', whose: 'client', status: 401 },
  ])('is not moved by $_tag, which is not its fault', (reason) => {
    const provider = givenProvider()
    const before = provider.snapshot
    for (let i = 1; i <= 20; i++) expect(provider.fails(reason)).toEqual([])
    expect(provider.snapshot).toBe(before)
  })

  it('takes a new policy at once', () => {
    const provider = givenProvider()
    provider.fails(serverError)
    provider.fails(serverError)
    Object.assign(provider.breaker, { consecutiveFailures: 3 })
    expect(provider.fails(serverError)).toMatchObject([{ _tag: 'CircuitOpened' }])
  })
})

describe('an open circuit', () => {
  it('stays open for 10 s, doubling with each re-opening up to 300 s', () => {
    const provider = givenProvider().breaksDown()
    const times: number[] = []
    for (let level = 1; level <= 8; level++) {
      times.push(provider.context.until - provider.now)
      provider.wakes()
      provider.fails(serverError)
    }
    expect(times).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000])
  })

  it.each([
    [0, 8_000],
    [0.5, 10_000],
    [0.999_999, 12_000],
  ])('spreads its time by a fifth to either side: a draw of %d gives %d ms', (draw, expected) => {
    const provider = givenProvider({ consecutiveFailures: 1 })
    provider.fails(serverError, provider.starts(), draw)
    expect(provider.context.until - provider.now).toBe(expected)
  })

  it('stays open at least as long as the failure that opened it says', () => {
    const provider = givenProvider({ consecutiveFailures: 1 })
    const until = START + 100_000
    expect(provider.fails({ _tag: 'Overloaded', status: 529, until })).toMatchObject([{ until, trip: 'consecutive' }])
  })

  it('believes no retry time beyond a day', () => {
    const provider = givenProvider({ consecutiveFailures: 1 })
    provider.fails({ _tag: 'Overloaded', until: START + 1_000 * HOUR })
    expect(provider.context.until).toBe(provider.now + 24 * HOUR)
  })

  it('half-opens when its time is over, not before', () => {
    const provider = givenProvider().breaksDown()
    const { until } = provider.context
    provider.now = until - 1
    expect(provider.happens({ _tag: 'CooldownElapsed', provider: PROVIDER })).toEqual([])
    expect(provider.state).toBe('openCircuit')
    provider.now = until
    expect(provider.happens({ _tag: 'CooldownElapsed', provider: PROVIDER })).toEqual([
      { _tag: 'CircuitHalfOpened', provider: PROVIDER },
    ])
    expect(provider.admits).toEqual({ admit: 'probe' })
  })

  it('is not closed by an old attempt that succeeds', () => {
    const provider = givenProvider()
    const old = provider.starts()
    provider.breaksDown()
    const before = provider.snapshot
    expect(provider.succeeds(old)).toEqual([])
    expect(provider.snapshot).toBe(before)
  })

  it('counts old attempts that fail, but stays open no longer for them', () => {
    const provider = givenProvider()
    const old = provider.starts()
    provider.breaksDown()
    const { until, level, failures } = provider.context
    expect(provider.fails(serverError, old)).toEqual([])
    expect(provider.context).toMatchObject({ until, level, failures: failures + 1 })
  })

  it('is prolonged by a limit that lasts longer, because nobody may knock before that', () => {
    const provider = givenProvider()
    const [old, older] = [provider.starts(), provider.starts()]
    provider.breaksDown()
    expect(provider.fails(rateLimited(provider.now + 5_000), older)).toEqual([])
    const until = provider.now + 60_000
    expect(provider.fails(rateLimited(until), old)).toMatchObject([{ _tag: 'ProviderThrottled', until, level: 1 }])
    expect(provider.admits).toEqual({ admit: 'no', reason: 'throttled', until })
    expect(provider.wakes()).toEqual([{ _tag: 'CircuitHalfOpened', provider: PROVIDER }])
    expect(provider.now).toBe(until)
  })

  it('forgets its level after ten healthy minutes', () => {
    const provider = givenProvider().recovers()
    provider.passes(defaultBreaker.forgiveAfterMs)
    expect(provider.breaksDown().context.level).toBe(1)
  })

  it('remembers its level before ten healthy minutes are over', () => {
    const provider = givenProvider().recovers()
    provider.passes(defaultBreaker.forgiveAfterMs - 10_000)
    expect(provider.breaksDown().context.level).toBe(2)
  })
})

describe('a refused account', () => {
  it('opens at once when the credential of the gateway is refused, for ten minutes', () => {
    const provider = givenProvider()
    expect(provider.fails(refused)).toEqual([
      {
        _tag: 'CircuitOpened',
        provider: PROVIDER,
        until: provider.now + 600_000,
        because: refused,
        trip: 'account',
        level: 1,
      },
    ])
  })

  it('does not make the next outage last longer, however often the credential was refused', () => {
    const provider = givenProvider()
    provider.fails(refused)
    for (let i = 1; i <= 9; i++) {
      provider.wakes()
      expect(provider.fails(refused)).toMatchObject([{ trip: 'account', level: 1 }])
    }
  })

  it('throttles for an exhausted quota until it says, or for an hour', () => {
    const provider = givenProvider()
    provider.fails(quota)
    expect(provider.state).toBe('throttled')
    expect(provider.context.until).toBe(provider.now + HOUR)
    provider.wakes()
    const until = provider.now + 5 * HOUR
    expect(provider.fails({ ...quota, until })).toMatchObject([{ _tag: 'ProviderThrottled', until, level: 2 }])
  })
})

describe('a provider that says that it is gone for good', () => {
  const gone: FailureReason = { _tag: 'Retired', status: 410 }
  const throttled = () => {
    const provider = givenProvider()
    provider.fails(rateLimited(provider.now + HOUR))
    return provider
  }
  const situations: readonly (readonly [string, () => ReturnType<typeof givenProvider>])[] = [
    ['healthy', () => givenProvider()],
    ['throttled', throttled],
    ['openCircuit', () => givenProvider().breaksDown()],
    ['halfOpen', () => givenProvider().halfOpens()],
  ]

  it.each(situations)('is retired at once when it was %s, and is told so once', (state, given) => {
    const provider = given()
    expect(provider.state).toBe(state)
    expect(provider.fails(gone)).toEqual([{ _tag: 'ProviderRetired', provider: PROVIDER, because: gone }])
    expect(provider.state).toBe('retired')
    expect(provider.admits).toEqual({ admit: 'no', reason: 'retired' })
    expect(provider.fails(gone)).toEqual([])
  })

  it('is retired by an attempt that was sent before its circuit opened, too: the answer is true whoever hears it', () => {
    const provider = givenProvider()
    const old = provider.starts()
    provider.halfOpens().starts()
    expect(provider.fails(gone, old)).toMatchObject([{ _tag: 'ProviderRetired' }])
    expect(provider.context.probe).toBeNull()
  })

  it('did not fail in the sense of the breaker: nothing is counted', () => {
    const provider = givenProvider()
    provider.fails(serverError)
    const before = provider.context
    provider.fails(gone)
    expect(provider.context).toEqual(before)
  })
})
