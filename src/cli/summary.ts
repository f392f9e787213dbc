/**
 * One event as a line for people.
 */
import { describeEnd } from '#domain/announced-end.ts'
import type { DomainEvent } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'

export const describeReason = (reason: FailureReason): string => {
  switch (reason._tag) {
    case 'Timeout':
      return `timeout (${reason.phase})`
    case 'Transport':
      return `transport (${reason.code})`
    case 'MalformedOutput':
      return `malformed output (${reason.detail})`
    case 'Cancelled':
      return `cancelled by ${reason.by}`
    case 'FeatureRefused': {
      const refused = `feature refused: ${reason.features.join(', ') || 'not named'}`
      return reason.status === undefined ? refused : `${refused} (${reason.status})`
    }
    default: {
      const words = reason._tag.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()
      return 'status' in reason && reason.status !== undefined ? `${words} (${reason.status})` : words
    }
  }
}

const dollars = (nanoUsd: number): string => `$${(nanoUsd / 1e9).toFixed(4)}`

const time = (at: number): string => new Date(at).toISOString()

/** What the event says, without its type, its stream and its time. */
export const summary = (event: DomainEvent): string => {
  switch (event._tag) {
    case 'BoxStarted':
      return `instance ${event.instance}, version ${event.version}`
    case 'PeersHeard':
      return `up to ${event.upTo}`
    case 'InstanceLost':
      return `instance ${event.instance} fell silent`
    case 'BoxStopped':
      return `instance ${event.instance}${event.signal === undefined ? '' : `, ${event.signal}`}`
    case 'ConfigChanged':
      return `${event.source}: ${event.changed.join(', ') || 'nothing'}`
    case 'PolicyChanged':
      return `version ${event.version}, providers ${event.policy.providers.map(({ id }) => id).join(', ') || 'none'}`
    case 'RequestAdmitted':
      return `${event.model}, ${event.stream ? 'stream' : 'whole'}, ${event.bodyBytes} bytes, ${event.messages} messages`
    case 'RouteChosen': {
      const skipped = event.skipped.map(({ provider, reason }) => `${provider}: ${reason}`).join(', ')
      return `${event.order.join(' → ') || (event.queue === undefined ? 'nobody' : `waits for ${event.queue.providers.join(', ')}`)} by ${event.strategy}${skipped === '' ? '' : `; without ${skipped}`}`
    }
    case 'AttemptStarted':
      return `${event.attempt}. ${event.provider} (${event.model})${event.probe === undefined ? '' : ', probe'}`
    case 'AttemptSucceeded':
      return `${event.attempt}. ${event.provider}: ${event.usage.inputTokens + event.usage.cacheReadTokens + event.usage.cacheWrite5mTokens + event.usage.cacheWrite1hTokens} tokens in, ${event.usage.outputTokens} out, first content ${event.ttftMs} ms, ${event.durationMs} ms in all`
    case 'AttemptFailed':
      return `${event.attempt}. ${event.provider}: ${describeReason(event.reason)} at ${event.stage} after ${event.durationMs} ms`
    case 'RequestFailed':
      return `status ${event.status}: ${describeReason(event.reason)} after ${event.attempts} attempts`
    case 'RequestCancelled':
      return `by ${event.by} after ${event.attempts} attempts`
    case 'RequestAbandoned':
      return `after ${event.attempts} attempts${event.provider === undefined ? '' : `, ${event.provider} was in flight`}`
    case 'CooldownElapsed':
    case 'ProbeLeaseExpired':
    case 'ProviderRecovered':
    case 'CircuitHalfOpened':
      return event.provider
    case 'ProviderThrottled':
      return `${event.provider} until ${time(event.until)}: ${describeReason(event.because)}`
    case 'CircuitOpened':
      return `${event.provider} until ${time(event.until)}: ${describeReason(event.because)} (${event.trip}, level ${event.level})`
    case 'CircuitClosed':
      return `${event.provider}, ramp until ${time(event.rampUntil)}`
    case 'ProviderRetired':
      return `${event.provider} for good: ${describeReason(event.because)}`
    case 'CapabilityLearned':
      return `${event.provider} (${event.model}) without ${event.features.join(', ') || 'nothing'} until ${time(event.until)}`
    case 'SunsetAnnounced':
      return `${event.provider} (${event.model}) ${describeEnd(event)}`
    case 'ProviderChecked':
      return `${event.provider} ${event.ok ? 'answers' : describeReason(event.reason ?? { _tag: 'Unknown' })} after ${event.durationMs} ms`
    case 'BreakerReset':
      return `${event.provider} by ${event.by}`
    case 'SettingOverridden':
      return `${event.path} ${event.value === null ? 'as configured' : `= ${JSON.stringify(event.value)}`} by ${event.by}`
    case 'ClientKeyCreated':
      return `${event.keyId} (${event.name}) by ${event.by}`
    case 'ClientKeyRevoked':
      return `${event.keyId} by ${event.by}`
    case 'BudgetSeeded':
      return `${event.budget}${event.subject === '' ? '' : ` of ${event.subject}`}: ${dollars(event.spentNanoUsd)} since ${time(event.periodStart)}`
    case 'AlertRaised':
      return `${event.severity}: ${event.kind}${event.subject === '' ? '' : ` of ${event.subject}`}, ${event.value} over ${event.threshold}`
    case 'AlertCleared':
      return `${event.alertId} at ${event.value}`
    case 'AlertDelivered':
      return `${event.news.map(({ alertId, change }) => `${alertId} ${change}`).join(', ')} by ${event.channel}`
    case 'AlertsSilenced':
      return `${event.kind ?? 'all kinds'} of ${event.subject ?? 'everything'} until ${time(event.until)} by ${event.by}`
    case 'CaptureRead':
      return `${event.requestId} by ${event.by}`
    case 'LogArchived':
      return `${event.events} events up to ${event.upTo} in ${event.file}, by ${event.by}`
  }
}
