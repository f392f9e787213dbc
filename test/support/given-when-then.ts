/**
 * Stories about one provider's machine: given a provider, when facts happen, then decisions follow. The story keeps the
 * clock and the attempts, so that a test names only what matters; every method answers the decisions of its last fact.
 */
import {
  type Admission,
  admission,
  initialProvider,
  type MachineFact,
  type ProviderSnapshot,
  step,
  wakeAt,
} from '#actors/provider-machine.ts'
import type { Decision } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { type BreakerPolicy, defaultBreaker } from '#domain/policy.ts'
import { noUsage } from '#domain/usage.ts'

export const PROVIDER = providerId('vertex')
/** Where stories begin; a whole multiple of every bucket width that tests use. */
export const START = 1_800_000_000_000

export interface StoryAttempt {
  readonly requestId: ReturnType<typeof requestId>
  readonly startedAt: number
}

export const serverError: FailureReason = { _tag: 'ServerError', status: 500 }
export const refusedConnection: FailureReason = { _tag: 'Transport', code: 'ECONNREFUSED', connect: true }
export const rateLimited = (until?: number): FailureReason => ({
  _tag: 'RateLimited',
  status: 429,
  ...(until === undefined ? {} : { until }),
})

export class ProviderStory {
  readonly breaker: BreakerPolicy
  now = START
  snapshot: ProviderSnapshot
  /** Every decision so far. */
  readonly told: Decision[] = []
  private count = 0

  constructor(overrides: Partial<BreakerPolicy> = {}) {
    this.breaker = { ...defaultBreaker, ...overrides }
    this.snapshot = initialProvider(this.breaker)
  }

  get state() {
    return this.snapshot.state
  }

  get context() {
    return this.snapshot.context
  }

  /** What the provider would say to a request now. */
  get admits(): Admission {
    return admission(this.snapshot, this.now, this.breaker)
  }

  /** Submits any fact at the present moment. */
  happens(fact: MachineFact): readonly Decision[] {
    const [next, decisions] = step(this.snapshot, fact, this.now, PROVIDER, this.breaker)
    this.snapshot = next
    this.told.push(...decisions)
    return decisions
  }

  passes(ms: number): this {
    this.now += ms
    return this
  }

  /** An attempt goes out, as a probe if that is what the machine admits, or as the last resort. */
  starts(how: 'asAdmitted' | 'asLastResort' = 'asAdmitted'): StoryAttempt {
    this.count += 1
    const attempt = { requestId: requestId(`req_${this.count}`), startedAt: this.now }
    const isLastResort = how === 'asLastResort'
    const probe =
      isLastResort || this.admits.admit === 'probe'
        ? { probe: { leaseUntil: this.now + this.breaker.probeLeaseMs } }
        : {}
    const lastResort = isLastResort ? { lastResort: true as const } : {}
    this.happens({ _tag: 'AttemptStarted', ...this.named(attempt), ...lastResort, ...probe })
    return attempt
  }

  /** The attempt succeeds now; without one, a new attempt succeeds within a second. */
  succeeds(attempt: StoryAttempt = this.secondLong()): readonly Decision[] {
    const durationMs = this.now - attempt.startedAt
    return this.happens({
      _tag: 'AttemptSucceeded',
      ...this.named(attempt),
      status: 200,
      usage: noUsage,
      stopReason: 'end_turn',
      ttftMs: durationMs,
      durationMs,
      responseBytes: 1,
    })
  }

  /** The attempt fails now; without one, a new attempt fails within a second. */
  fails(reason: FailureReason, attempt: StoryAttempt = this.secondLong(), draw = 0.5): readonly Decision[] {
    const durationMs = this.now - attempt.startedAt
    return this.happens({ _tag: 'AttemptFailed', ...this.named(attempt), reason, stage: 'S0', durationMs, draw })
  }

  /** The box dies with this attempt in flight and comes back. */
  abandons(attempt: StoryAttempt): readonly Decision[] {
    return this.happens({ _tag: 'RequestAbandoned', requestId: attempt.requestId, attempts: 1, provider: PROVIDER })
  }

  /** An operator declares it well. */
  isReset(): readonly Decision[] {
    return this.happens({ _tag: 'BreakerReset', provider: PROVIDER, by: 'admin' })
  }

  /** Time passes until the machine's next wake-up, which then happens. */
  wakes(): readonly Decision[] {
    const wake = wakeAt(this.snapshot)
    if (wake === undefined) throw new Error(`nothing will wake a provider that is ${this.state}`)
    this.now = Math.max(this.now, wake.at)
    return this.happens({ _tag: wake.fact, provider: PROVIDER })
  }

  /** Fails until the circuit opens. */
  breaksDown(): this {
    while (this.state !== 'openCircuit') this.fails(serverError)
    return this
  }

  /** Breaks down and waits until probes are let in. */
  halfOpens(): this {
    this.breaksDown().wakes()
    return this
  }

  /** Breaks down and passes its probes. */
  recovers(): this {
    this.halfOpens()
    while (this.state !== 'healthy') this.succeeds()
    return this
  }

  private secondLong(): StoryAttempt {
    const attempt = this.starts()
    this.now += 1_000
    return attempt
  }

  private named(attempt: StoryAttempt) {
    return { requestId: attempt.requestId, attempt: 1, provider: PROVIDER, model: modelId('claude-sonnet-5-5') }
  }
}

/** Given a provider of which nothing is known yet, under the default breaker save `overrides`. */
export const givenProvider = (overrides: Partial<BreakerPolicy> = {}): ProviderStory => new ProviderStory(overrides)
