/**
 * A deliberately simple model of one provider, to compare the machine with. It keeps what happened instead of counters:
 * outcomes are a list, counted anew each time; whether an attempt is old is a matter of the era in which it was sent.
 */
import { countsAgainst, type FailureReason } from '#domain/failure.ts'
import type { BreakerPolicy } from '#domain/policy.ts'

export interface ModelAttempt {
  /** How often the circuit had opened or closed when it was sent, and how many cool-downs there had been. */
  readonly era: number
  readonly coolDowns: number
  readonly probe: boolean
}

export class ProviderModel {
  state: 'healthy' | 'throttled' | 'openCircuit' | 'halfOpen' | 'retired' = 'healthy'
  closed = true
  era = 0
  coolDowns = 0
  level = 0
  throttles = 0
  until = 0
  closedAt: number | undefined
  /** The latest time that the provider itself named while it counted, and whether a refused key opened the circuit. */
  told = 0
  keyRefused = false
  lease: { readonly holder: ModelAttempt; readonly until: number } | undefined
  probesPassed = 0
  outcomes: { readonly at: number; readonly failed: boolean; readonly connect: boolean }[] = []

  readonly breaker: BreakerPolicy

  constructor(breaker: BreakerPolicy) {
    this.breaker = breaker
  }

  sends(now: number): ModelAttempt {
    const probe = this.state === 'halfOpen' || this.state === 'openCircuit'
    // What is sent as the last resort speaks about the circuit while it holds the lease, no longer, and never about limits.
    const isLastResort = this.state === 'openCircuit'
    const attempt = { era: isLastResort ? -1 : this.era, coolDowns: isLastResort ? -1 : this.coolDowns, probe }
    if (attempt.probe) this.lease = { holder: attempt, until: now + this.breaker.probeLeaseMs }
    return attempt
  }

  givesBack(attempt: ModelAttempt): void {
    if (this.lease?.holder === attempt) this.lease = undefined
  }

  succeeds(attempt: ModelAttempt, now: number): void {
    const { lease } = this
    const counts = attempt.era === this.era || lease?.holder === attempt
    this.givesBack(attempt)
    const heldLease = lease?.holder === attempt
    if (!counts || this.state === 'retired' || (this.state === 'openCircuit' && !heldLease)) return
    if (attempt.coolDowns === this.coolDowns) this.throttles = 0
    if (this.closed) {
      this.outcomes.push({ at: now, failed: false, connect: false })
      return
    }
    this.probesPassed += 1
    const isTested = this.state === 'halfOpen' || this.state === 'openCircuit'
    if (this.state === 'openCircuit') this.state = 'halfOpen'
    if (isTested && this.probesPassed >= this.breaker.probeSuccesses) {
      this.state = 'healthy'
      this.closed = true
      this.closedAt = now
      this.era += 1
      this.outcomes = []
      this.throttles = 0
      this.lease = undefined
    }
  }

  fails(attempt: ModelAttempt, reason: FailureReason, now: number, draw: number): void {
    const counts = attempt.era === this.era || this.lease?.holder === attempt
    this.givesBack(attempt)
    if (this.state === 'retired') return
    const blame = countsAgainst(reason)
    const wasOpen = this.state === 'openCircuit'
    const named = 'until' in reason ? Math.min(reason.until ?? 0, now + this.breaker.throttleMaxMs) : 0
    if ((blame === 'provider' && counts) || (wasOpen && (blame === 'provider' || named > now))) {
      this.told = Math.max(this.told, named)
    }
    if (reason._tag === 'Retired') {
      this.state = 'retired'
      this.lease = undefined
    } else if (blame === 'limit' || reason._tag === 'QuotaExhausted') this.limited(reason, now, draw)
    else if (blame === 'account' && counts && this.state !== 'openCircuit') {
      this.opens(now, now + this.breaker.credentialRetryMs, Math.max(1, this.levelBefore(now)))
      this.keyRefused = true
    } else if (blame === 'provider' && counts && this.state !== 'openCircuit') {
      const connect =
        (reason._tag === 'Transport' && reason.connect) || (reason._tag === 'Timeout' && reason.phase === 'connect')
      this.outcomes.push({ at: now, failed: true, connect })
      if (!this.closed || this.ramps(now) || this.tooMany(now)) {
        const level = this.levelBefore(now) + 1
        const base = Math.min(this.breaker.openCapMs, this.breaker.openBaseMs * 2 ** (level - 1))
        const told = 'until' in reason ? (reason.until ?? 0) : 0
        const floor = Math.min(told, now + this.breaker.throttleMaxMs)
        this.opens(now, Math.max(floor, now + base * (1 + this.breaker.openJitterShare * (2 * draw - 1))), level)
      }
    }
  }

  isReset(): void {
    this.state = 'healthy'
    this.closed = true
    this.era += 1
    this.level = 0
    this.throttles = 0
    this.closedAt = undefined
    this.told = 0
    this.lease = undefined
    this.outcomes = []
  }

  /** Whether it may be tried when every circuit is open. */
  mayBeLastResort(now: number): boolean {
    return this.state === 'openCircuit' && !this.keyRefused && this.lease === undefined && now >= this.told
  }

  wakes(now: number): void {
    if (this.lease !== undefined && now >= this.lease.until) this.lease = undefined
    if ((this.state === 'throttled' || this.state === 'openCircuit') && now >= this.until) {
      this.state = this.closed ? 'healthy' : 'halfOpen'
    }
  }

  /** The share of the traffic that is welcome, or a word. */
  admits(now: number): 'probe' | 'no' | number {
    if (this.state === 'halfOpen') return this.lease === undefined ? 'probe' : 'no'
    if (this.state !== 'healthy') return 'no'
    if (!this.ramps(now)) return 1
    return Math.max(this.breaker.rampFloorShare, (now - (this.closedAt ?? 0)) / this.breaker.rampMs)
  }

  private ramps(now: number): boolean {
    return this.closedAt !== undefined && now < this.closedAt + this.breaker.rampMs
  }

  private tooMany(now: number): boolean {
    const { breaker, outcomes } = this
    const sinceSuccess = outcomes.slice(outcomes.findLastIndex(({ failed }) => !failed) + 1)
    const sinceOther = outcomes.slice(outcomes.findLastIndex(({ connect }) => !connect) + 1)
    const width = breaker.windowMs / 12
    const recent = outcomes.filter(({ at }) => Math.floor(at / width) > Math.floor(now / width) - 12)
    const failed = recent.filter((outcome) => outcome.failed)
    return (
      sinceSuccess.length >= breaker.consecutiveFailures ||
      sinceOther.length >= breaker.consecutiveConnectFailures ||
      (recent.length >= breaker.minimumOutcomes && failed.length / recent.length >= breaker.failureRateShare)
    )
  }

  private levelBefore(now: number): number {
    const forgiven = this.closed && now - (this.closedAt ?? 0) >= this.breaker.forgiveAfterMs
    return forgiven ? 0 : this.level
  }

  private opens(now: number, until: number, level: number): void {
    const throttledUntil = this.state === 'throttled' ? this.until : now
    this.state = 'openCircuit'
    this.closed = false
    this.closedAt = undefined
    this.until = Math.round(Math.max(until, throttledUntil))
    this.level = level
    this.era += 1
    this.coolDowns += 1
    this.probesPassed = 0
    this.keyRefused = false
  }

  private limited(reason: FailureReason, now: number, draw: number): void {
    const { breaker } = this
    const told = 'until' in reason && reason.until !== undefined && reason.until > now ? reason.until : undefined
    const quota = reason._tag === 'QuotaExhausted' ? now + breaker.quotaRetryMs : undefined
    const known = told === undefined ? quota : Math.min(told, now + breaker.throttleMaxMs)
    if (this.state === 'throttled' || this.state === 'openCircuit') {
      if (known === undefined || known <= this.until) return
      this.until = known
      this.throttles = Math.max(1, this.throttles)
    } else {
      this.throttles += 1
      const guess = draw * Math.min(breaker.throttleCapMs, breaker.throttleBaseMs * 2 ** (this.throttles - 1))
      this.until = Math.round(known ?? now + guess)
      this.coolDowns += 1
    }
    this.told = Math.max(this.told, known ?? 0)
    this.state = 'throttled'
  }
}
