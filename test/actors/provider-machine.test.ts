/**
 * The rules of the provider machine, one sentence each. Properties over random histories are in
 * provider-machine-properties.test.ts, the comparison with a simple model in provider-machine-model.test.ts.
 */
import { describe, expect, it } from 'vitest'
import { wakeAt } from '#actors/provider-machine.ts'
import type { FailureReason } from '#domain/failure.ts'
import { modelId, requestId } from '#domain/ids.ts'
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
    expect(provider.admits).toEqual({ admit: 'no', reason: 'circuitOpen', until: START + 15_000 })
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

  it('opens for a day when the service is retired', () => {
    const provider = givenProvider()
    provider.fails({ _tag: 'Retired', status: 410 })
    expect(provider.context.until).toBe(provider.now + 24 * HOUR)
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

describe('a throttled provider', () => {
  it('is left alone until the time that it told', () => {
    const provider = givenProvider()
    const until = START + 30_000
    expect(provider.fails(rateLimited(until))).toEqual([
      { _tag: 'ProviderThrottled', provider: PROVIDER, until, because: rateLimited(until), level: 1 },
    ])
    expect(provider.admits).toEqual({ admit: 'no', reason: 'throttled', until })
    provider.now = until - 1
    expect(provider.happens({ _tag: 'CooldownElapsed', provider: PROVIDER })).toEqual([])
    provider.now = until
    expect(provider.happens({ _tag: 'CooldownElapsed', provider: PROVIDER })).toEqual([
      { _tag: 'ProviderRecovered', provider: PROVIDER },
    ])
    expect(provider.admits).toEqual({ admit: 'yes', share: 1 })
  })

  it('never opens for limits, however many', () => {
    const provider = givenProvider()
    for (let i = 1; i <= 50; i++) {
      provider.fails(rateLimited())
      expect(provider.state).toBe('throttled')
      provider.wakes()
    }
  })

  it('backs off with full jitter, doubling from a second to a minute, when it told no time', () => {
    const provider = givenProvider()
    const waits: number[] = []
    for (let i = 1; i <= 8; i++) {
      provider.fails(rateLimited(), provider.starts(), 0.5)
      waits.push(provider.context.until - provider.now)
      provider.wakes()
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  })

  it('backs off as well when the time that it told has passed', () => {
    const provider = givenProvider()
    provider.fails(rateLimited(START))
    expect(provider.context.until - provider.now).toBe(500)
  })

  it('begins the back-off anew after a success of an attempt that was started since', () => {
    const provider = givenProvider()
    const old = provider.starts()
    provider.fails(rateLimited())
    provider.wakes()
    provider.succeeds(old)
    expect(provider.fails(rateLimited())).toMatchObject([{ level: 2 }])
    provider.wakes()
    provider.succeeds()
    expect(provider.fails(rateLimited())).toMatchObject([{ level: 1 }])
  })

  it('believes no retry time beyond a day', () => {
    const provider = givenProvider()
    provider.fails(rateLimited(START + 1_000 * HOUR))
    expect(provider.context.until).toBe(provider.now + 24 * HOUR)
  })

  it('takes the longest of the times that attempts in flight were told', () => {
    const provider = givenProvider()
    const [a, b, c] = [provider.starts(), provider.starts(), provider.starts()]
    provider.fails(rateLimited(START + 30_000), a)
    expect(provider.fails(rateLimited(START + 20_000), b)).toEqual([])
    expect(provider.fails(rateLimited(START + 40_000), c)).toMatchObject([{ until: START + 40_000, level: 1 }])
  })

  it('is not throttled further by one wave of limits without a time', () => {
    const provider = givenProvider()
    const attempts = Array.from({ length: 10 }, () => provider.starts())
    for (const attempt of attempts) provider.fails(rateLimited(), attempt)
    expect(provider.context).toMatchObject({ throttleLevel: 1, until: START + 500 })
  })

  it('opens when attempts in flight fail five times, but not for less than it was told to wait', () => {
    const provider = givenProvider()
    const attempts = Array.from({ length: 5 }, () => provider.starts())
    provider.fails(rateLimited(START + 100_000), provider.starts())
    for (const attempt of attempts.slice(1)) provider.fails(serverError, attempt)
    expect(provider.fails(serverError, attempts[0])).toMatchObject([
      { _tag: 'CircuitOpened', until: START + 100_000, trip: 'consecutive' },
    ])
  })
})

describe('a half-open circuit', () => {
  it('lets one probe in at a time', () => {
    const provider = givenProvider().halfOpens()
    provider.starts()
    expect(provider.admits).toEqual({ admit: 'no', reason: 'probeInFlight', until: provider.now + 120_000 })
  })

  it('closes after two successful probes and ramps up for a minute', () => {
    const provider = givenProvider().halfOpens()
    expect(provider.succeeds()).toEqual([])
    expect(provider.admits).toEqual({ admit: 'probe' })
    expect(provider.succeeds()).toEqual([
      { _tag: 'CircuitClosed', provider: PROVIDER, rampUntil: provider.now + 60_000 },
    ])
    expect(provider.admits).toEqual({ admit: 'yes', share: 0.1 })
  })

  it('re-opens for longer when the probe fails', () => {
    const provider = givenProvider().halfOpens()
    expect(provider.fails(serverError)).toMatchObject([
      { _tag: 'CircuitOpened', trip: 'probe', level: 2, until: provider.now + 20_000 },
    ])
  })

  it.each<FailureReason>([
    { _tag: 'Cancelled', by: 'client' },
    { _tag: 'InvalidRequest', status: 400 },
  ])('takes the lease back when the probe ends with $_tag', (reason) => {
    const provider = givenProvider().halfOpens()
    expect(provider.fails(reason)).toEqual([])
    expect(provider.state).toBe('halfOpen')
    expect(provider.admits).toEqual({ admit: 'probe' })
  })

  it('takes the lease back from a process that died', () => {
    const provider = givenProvider().halfOpens()
    expect(provider.abandons(provider.starts())).toEqual([])
    expect(provider.admits).toEqual({ admit: 'probe' })
  })

  it('leaves the lease with its holder when another request is abandoned', () => {
    const provider = givenProvider()
    const old = provider.starts()
    provider.halfOpens().starts()
    provider.abandons(old)
    expect(provider.admits).toMatchObject({ reason: 'probeInFlight' })
  })

  it('takes the lease back when it expires, not before', () => {
    const provider = givenProvider().halfOpens()
    provider.starts()
    provider.passes(119_999).happens({ _tag: 'ProbeLeaseExpired', provider: PROVIDER })
    expect(provider.admits).toMatchObject({ reason: 'probeInFlight' })
    provider.passes(1).happens({ _tag: 'ProbeLeaseExpired', provider: PROVIDER })
    expect(provider.admits).toEqual({ admit: 'probe' })
  })

  it('still learns from a probe that outlives its lease, so that slow answers can close a circuit', () => {
    const provider = givenProvider().halfOpens()
    for (const last of [false, true]) {
      const slow = provider.starts()
      provider.wakes()
      provider.passes(60_000)
      expect(provider.succeeds(slow).length).toBe(last ? 1 : 0)
    }
    expect(provider.state).toBe('healthy')
  })

  it('keeps its lease when a second probe goes out against the rules', () => {
    const provider = givenProvider().halfOpens()
    provider.starts()
    const before = provider.snapshot
    provider.passes(10).starts()
    const started = { requestId: requestId('req_other'), attempt: 1, provider: PROVIDER, model: modelId('m') }
    provider.happens({ _tag: 'AttemptStarted', ...started, probe: { leaseUntil: provider.now + 1 } })
    expect(provider.snapshot).toBe(before)
  })

  it('learns nothing from attempts that were started before it opened', () => {
    const provider = givenProvider()
    const [good, bad] = [provider.starts(), provider.starts()]
    const before = provider.halfOpens().snapshot
    expect(provider.succeeds(good)).toEqual([])
    expect(provider.fails(serverError, bad)).toEqual([])
    expect(provider.snapshot).toBe(before)
  })

  it('waits out a limit and is half-open again afterwards', () => {
    const provider = givenProvider().halfOpens()
    const until = provider.now + 30_000
    expect(provider.fails(rateLimited(until))).toMatchObject([{ _tag: 'ProviderThrottled', until }])
    expect(provider.admits).toEqual({ admit: 'no', reason: 'throttled', until })
    expect(provider.wakes()).toEqual([{ _tag: 'CircuitHalfOpened', provider: PROVIDER }])
    expect(provider.admits).toEqual({ admit: 'probe' })
  })

  it('keeps the lease of its probe while an old attempt brings a limit', () => {
    const provider = givenProvider()
    const old = provider.starts()
    provider.halfOpens()
    const probe = provider.starts()
    provider.fails(rateLimited(provider.now + 10_000), old)
    provider.wakes()
    expect(provider.admits).toMatchObject({ reason: 'probeInFlight' })
    provider.succeeds(probe)
    expect(provider.admits).toEqual({ admit: 'probe' })
  })

  it('re-opens when the probe fails under such a limit', () => {
    const provider = givenProvider()
    const old = provider.starts()
    provider.halfOpens()
    const probe = provider.starts()
    const limit = provider.now + 100_000
    provider.fails(rateLimited(limit), old)
    expect(provider.fails(serverError, probe)).toMatchObject([{ trip: 'probe', level: 2, until: limit }])
  })
})

describe('a ramp', () => {
  it('admits a share that grows from a tenth to everything within a minute', () => {
    const provider = givenProvider().recovers()
    const shares = [0, 3, 6, 30, 59, 60, 600].map((seconds) => {
      const then = givenProvider()
      then.snapshot = provider.snapshot
      then.now = provider.now + seconds * 1_000
      return then.admits
    })
    expect(shares.map((it) => (it.admit === 'yes' ? it.share : Number.NaN))).toEqual([
      0.1,
      0.1,
      0.1,
      0.5,
      59 / 60,
      1,
      1,
    ])
  })

  it('ends with the first failure, which opens for longer', () => {
    const provider = givenProvider().recovers()
    expect(provider.fails(serverError)).toMatchObject([{ _tag: 'CircuitOpened', trip: 'ramp', level: 2 }])
  })

  it('survives the failure of an attempt from before the outage', () => {
    const provider = givenProvider()
    const old = provider.starts()
    const before = provider.recovers().snapshot
    expect(provider.fails(serverError, old)).toEqual([])
    expect(provider.snapshot).toBe(before)
  })

  it('is over after its minute: one failure more is only counted', () => {
    const provider = givenProvider().recovers()
    provider.passes(60_000)
    expect(provider.fails(serverError)).toEqual([])
    expect(provider.context.failures).toBe(1)
  })
})

describe('waking', () => {
  it('is due for whatever comes first: the end of the cool-down or of the lease', () => {
    const provider = givenProvider()
    expect(wakeAt(provider.snapshot)).toBeUndefined()
    const [soon, late] = [provider.starts(), provider.starts()]
    provider.breaksDown()
    expect(wakeAt(provider.snapshot)).toEqual({ at: provider.context.until, fact: 'CooldownElapsed' })
    provider.wakes()
    expect(wakeAt(provider.snapshot)).toBeUndefined()
    provider.starts()
    const lease = { at: provider.now + 120_000, fact: 'ProbeLeaseExpired' }
    expect(wakeAt(provider.snapshot)).toEqual(lease)
    provider.fails(rateLimited(provider.now + 5_000), soon)
    expect(wakeAt(provider.snapshot)).toEqual({ at: provider.now + 5_000, fact: 'CooldownElapsed' })
    provider.fails(rateLimited(provider.now + 500_000), late)
    expect(wakeAt(provider.snapshot)).toEqual(lease)
  })
})
