/**
 * States, reasons and what ends them, in words.
 */
import type { ProviderView } from '#actors/views/provider-view.ts'
import type { Recovery } from '#actors/views/recovery-view.ts'
import type { SkipReason } from '#domain/decisions.ts'
import type { FailureReason } from '#domain/failure.ts'
import { duration, percent, plural, timeOfDay } from './format.ts'

export const STATE_NAMES: { readonly [K in ProviderView['state']]: string } = {
  healthy: 'healthy',
  throttled: 'throttled',
  openCircuit: 'circuit open',
  halfOpen: 'half open',
  retired: 'retired',
}

export const OUTCOME_NAMES = {
  inFlight: 'under way',
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
  abandoned: 'abandoned',
} as const

/** What went wrong, with what the provider told of it. */
export const reasonText = (reason: FailureReason): string => {
  const status = 'status' in reason && reason.status !== undefined ? ` (${reason.status})` : ''
  switch (reason._tag) {
    case 'RateLimited':
      return `a rate limit${status}`
    case 'Overloaded':
      return `overload${status}`
    case 'Timeout':
      return `a timeout (${reason.phase})`
    case 'ServerError':
      return `a server error${status}`
    case 'Transport':
      return `${reason.connect ? 'no connection' : 'a lost connection'} (${reason.code})`
    case 'CredentialRefused':
      return `a refused credential${status}, ${reason.whose === 'client' ? 'the client’s own' : 'Signalbox’s'}`
    case 'QuotaExhausted':
      return `an exhausted quota${status}`
    case 'Retired':
      return `the provider says that it is gone${status}`
    case 'InvalidRequest':
      return `an invalid request${status}`
    case 'ContextTooLong':
      return `a prompt that is too long${status}`
    case 'FeatureRefused':
      return `a feature it cannot do${status}: ${reason.features.join(', ')}`
    case 'ContentRefused':
      return `content that its filter refused${status}`
    case 'MalformedOutput':
      return `an answer that is none (${reason.detail})`
    case 'BudgetExceeded':
      return `the budget ${reason.budget} is used up`
    case 'Cancelled':
      return `cancelled by ${reason.by === 'client' ? 'the client' : 'the shutdown'}`
    case 'Unknown':
      return `an unknown failure${status}`
  }
}

export const TRIPS: { readonly [K in NonNullable<ProviderView['trip']>]: string } = {
  consecutive: 'failures in a row',
  rate: 'the share of failures',
  probe: 'a failed probe',
  ramp: 'a failure while ramping up',
  account: 'the account',
}

export const SKIP_NAMES: { readonly [K in SkipReason]: string } = {
  disabled: 'disabled',
  ruledOut: 'left out by a rule',
  modelNotMapped: 'does not have the model',
  inputTooLarge: 'prompt too large for it',
  circuitOpen: 'circuit open',
  throttled: 'throttled',
  probeInFlight: 'a probe is under way',
  retired: 'retired',
  featureLacking: 'lacks a feature',
  limitReached: 'limit reached',
  credentialMissing: 'no credential',
  credentialRefused: 'credential refused',
  overBudget: 'over budget',
  priceUnknown: 'price unknown',
}

/** What brings it back, as seen at `now` (epoch ms). */
export const recoveryText = (recovery: Recovery, now: number): string | undefined => {
  switch (recovery._tag) {
    case 'None':
      return undefined
    case 'Cooldown': {
      const next = recovery.next === 'probe' ? 'one request tests it' : 'it is used again'
      return recovery.until > now ? `In ${duration(recovery.until - now)} ${next}.` : `Now ${next}.`
    }
    case 'Probe':
      return `The next request tests it; ${plural(recovery.successesNeeded, 'success', 'successes')} close the circuit.`
    case 'ProbeInFlight':
      return `A test is under way, until ${timeOfDay(recovery.until)} at most; ${plural(recovery.successesNeeded, 'success', 'successes')} close the circuit.`
    case 'Ramp':
      return recovery.until > now
        ? `It takes ${percent(recovery.share)} of its traffic, all of it in ${duration(recovery.until - now)}.`
        : 'It takes all of its traffic again.'
    case 'ConfigurationChange':
      return 'Only a change of its entry in the configuration brings it back.'
  }
}
