/**
 * What will bring a provider back, and when: the answer to "what closes it".
 */
import { Schema } from 'effect'
import { admission, type ProviderSnapshot } from '#actors/provider-machine.ts'
import { RequestId } from '#domain/ids.ts'
import type { BreakerPolicy } from '#domain/policy.ts'

/** Times are epoch ms. */
export const Recovery = Schema.Union([
  /** There is nothing to recover from. */
  Schema.TaggedStruct('None', {}),
  /** Nothing is sent until `until`; `next` says what then follows. */
  Schema.TaggedStruct('Cooldown', { until: Schema.Finite, next: Schema.Literals(['healthy', 'probe']) }),
  /** The next request that comes by tests it; so many successes are still needed. */
  Schema.TaggedStruct('Probe', { successesNeeded: Schema.Int }),
  /** Such a test is under way; without an answer by `until` the next one may try. */
  Schema.TaggedStruct('ProbeInFlight', {
    requestId: RequestId,
    until: Schema.Finite,
    successesNeeded: Schema.Int,
  }),
  /** It is well again and gets a growing share of the traffic. */
  Schema.TaggedStruct('Ramp', { from: Schema.Finite, until: Schema.Finite, share: Schema.Finite }),
  /** It said that it is gone for good: only a change of its entry in the configuration brings it back. */
  Schema.TaggedStruct('ConfigurationChange', {}),
]).annotate({ identifier: 'Recovery' })
export type Recovery = typeof Recovery.Type

/** What a provider's machine waits for at `at` (epoch ms). */
export const recoveryOf = (machine: ProviderSnapshot, breaker: BreakerPolicy, at: number): Recovery => {
  const { until, circuitClosed, probe, probeSuccesses, ramp } = machine.context
  const successesNeeded = Math.max(1, breaker.probeSuccesses - probeSuccesses)
  switch (machine.state) {
    case 'healthy': {
      if (ramp === null || at >= ramp.until) return { _tag: 'None' }
      const said = admission(machine, at, breaker)
      return { _tag: 'Ramp', ...ramp, share: said.admit === 'yes' ? said.share : 0 }
    }
    case 'throttled':
      return { _tag: 'Cooldown', until, next: circuitClosed ? 'healthy' : 'probe' }
    case 'openCircuit':
      return { _tag: 'Cooldown', until, next: 'probe' }
    case 'halfOpen':
      return probe === null
        ? { _tag: 'Probe', successesNeeded }
        : { _tag: 'ProbeInFlight', requestId: probe.requestId, until: probe.leaseUntil, successesNeeded }
    case 'retired':
      return { _tag: 'ConfigurationChange' }
  }
}
