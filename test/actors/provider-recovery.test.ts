/**
 * The way back to health, one sentence each: throttles, probes, the ramp.
 */
import { describe, expect, it } from 'vitest'
import { initialProvider, wakeAt } from '#actors/provider-machine.ts'
import type { FailureReason } from '#domain/failure.ts'
import { modelId, requestId } from '#domain/ids.ts'
import { givenProvider, PROVIDER, rateLimited, START, serverError } from '#test/given-when-then.ts'

const HOUR = 3_600_000

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

  it('leaves the lease with its holder when another attempt of the same request ends', () => {
    const provider = givenProvider().halfOpens()
    const { requestId: id } = provider.starts()
    const other = { requestId: id, attempt: 2, provider: PROVIDER, model: modelId('m') }
    const reason: FailureReason = { _tag: 'Cancelled', by: 'client' }
    provider.happens({ _tag: 'AttemptFailed', ...other, reason, stage: 'S0', durationMs: 0, draw: 0 })
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

  it('lets a second probe keep its lease when the first, beyond its own, fails: no third goes out beside it', () => {
    const provider = givenProvider().halfOpens()
    const first = provider.starts()
    provider.wakes()
    const second = provider.passes(10).starts()
    expect(provider.fails(serverError, first)).toMatchObject([{ _tag: 'CircuitOpened', trip: 'probe' }])
    const { until } = provider.snapshot.context
    provider.now = until
    provider.happens({ _tag: 'CooldownElapsed', provider: PROVIDER })
    expect(provider.admits).toMatchObject({ admit: 'no', reason: 'probeInFlight' })
    provider.succeeds(second)
    expect(provider.admits).toEqual({ admit: 'probe' })
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

  it('learns nothing from an attempt that was sent in the very millisecond in which it opened', () => {
    const provider = givenProvider({ consecutiveFailures: 1 })
    const [old, first] = [provider.starts(), provider.starts()]
    provider.fails(serverError, first)
    provider.wakes()
    expect(provider.fails(serverError, old)).toEqual([])
    expect(provider.state).toBe('halfOpen')
  })

  it('knows its probe by the lease even when the clock was set back', () => {
    const provider = givenProvider().halfOpens().passes(-60_000)
    provider.succeeds()
    expect(provider.succeeds()).toMatchObject([{ _tag: 'CircuitClosed' }])
  })

  it('does not wait for the end of a cool-down that began on a clock which was set back since', () => {
    const provider = givenProvider().breaksDown()
    const { now } = provider
    provider.passes(-59_000).happens({ _tag: 'CooldownElapsed', provider: PROVIDER })
    expect(provider.state).toBe('openCircuit')
    provider.passes(-2_000).happens({ _tag: 'CooldownElapsed', provider: PROVIDER })
    expect(provider.state).toBe('halfOpen')
    const limited = givenProvider()
    limited.fails(rateLimited(now + 3_600_000))
    limited.passes(-3_600_000).happens({ _tag: 'CooldownElapsed', provider: PROVIDER })
    expect(limited.state).toBe('healthy')
  })

  it('gets all of the traffic, and is judged again, when the clock is set back after its recovery', () => {
    const provider = givenProvider({ consecutiveFailures: 2 }).halfOpens()
    while (provider.state !== 'healthy') provider.passes(1_000).succeeds()
    expect(provider.admits).toMatchObject({ share: 0.1 })
    provider.passes(-3_600_000)
    expect(provider.admits).toEqual({ admit: 'yes', share: 1 })
    provider.fails(serverError)
    expect(provider.fails(serverError)).toMatchObject([{ _tag: 'CircuitOpened', trip: 'consecutive' }])
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
    expect(provider.context.ramp).toBeNull()
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

describe('a retired provider', () => {
  const gone: FailureReason = { _tag: 'Retired', status: 410 }

  it('never comes back by itself: nothing wakes it, and no answer of an old attempt moves it', () => {
    const provider = givenProvider()
    const [good, bad, limited] = [provider.starts(), provider.starts(), provider.starts()]
    provider.fails(gone)
    const { snapshot } = provider
    expect(wakeAt(snapshot)).toBeUndefined()
    provider.passes(365 * 24 * HOUR)
    for (const tag of ['CooldownElapsed', 'ProbeLeaseExpired'] as const) {
      expect(provider.happens({ _tag: tag, provider: PROVIDER })).toEqual([])
    }
    expect(provider.succeeds(good)).toEqual([])
    expect(provider.fails(serverError, bad)).toEqual([])
    expect(provider.fails(rateLimited(provider.now + HOUR), limited)).toEqual([])
    expect(provider.snapshot).toBe(snapshot)
    expect(provider.admits).toEqual({ admit: 'no', reason: 'retired' })
  })
})

describe('a provider whose entry changed', () => {
  it('starts anew, and answers to what was sent before the change move it in no direction', () => {
    const provider = givenProvider({ consecutiveFailures: 1 })
    const reasons: readonly FailureReason[] = [
      { _tag: 'Retired', status: 410 },
      { _tag: 'CredentialRefused', whose: 'gateway', status: 401 },
      rateLimited(START + HOUR),
      serverError,
    ]
    const old = reasons.map((reason) => [reason, provider.starts()] as const)
    const good = provider.starts()
    provider.passes(1)
    const before = initialProvider(provider.breaker, provider.now)
    provider.snapshot = before
    provider.passes(1_000)
    for (const [reason, attempt] of old) expect(provider.fails(reason, attempt)).toEqual([])
    expect(provider.succeeds(good)).toEqual([])
    expect(provider.snapshot).toBe(before)
  })

  it.each<readonly [FailureReason, string]>([
    [{ _tag: 'Retired', status: 410 }, 'ProviderRetired'],
    [serverError, 'CircuitOpened'],
    [rateLimited(), 'ProviderThrottled'],
  ])('hears what is sent in the millisecond of the change: %o', (reason, decision) => {
    const provider = givenProvider({ consecutiveFailures: 1 })
    provider.snapshot = initialProvider(provider.breaker, provider.now)
    expect(provider.fails(reason)).toMatchObject([{ _tag: decision }])
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
