/**
 * Lines of what happens beside the requests' ends: machines that change their state, alerts, operators at info or warning,
 * attempts at debug.
 */
import { sentence } from '#domain/alerts/sentence.ts'
import { describeEnd } from '#domain/announced-end.ts'
import type { DomainEvent, EventType } from '#domain/events.ts'
import { type EventLine, type Given, isoTime, type LineFields } from '#infra/telemetry/log-line.ts'

export type Level = 'Debug' | 'Info' | 'Warn'

/** Level and message; undefined for what the line of a request says, or nobody needs to hear. */
export const line = (event: DomainEvent): readonly [Level, string] | undefined => {
  switch (event._tag) {
    case 'BoxStarted':
      return ['Info', `Signalbox ${event.version} opened its event log`]
    case 'InstanceLost':
      return ['Warn', `instance ${event.instance} fell silent; its open requests are closed as abandoned`]
    case 'CircuitOpened':
      return ['Warn', `circuit of ${event.provider} opened`]
    case 'ProviderThrottled':
      return ['Warn', `${event.provider} is at a limit`]
    case 'ProviderRetired':
      return [
        'Warn',
        `${event.provider} is gone for good and is not asked again. Its answer is permanent, whatever its text says: change or remove its entry in the configuration`,
      ]
    case 'SunsetAnnounced':
      return ['Warn', `${event.provider} announces the end of ${event.model}: ${describeEnd(event)}`]
    case 'CapabilityLearned':
      return ['Info', `${event.provider} refuses ${event.features.join(', ')} for ${event.model}: requests go without`]
    case 'CircuitHalfOpened':
      return ['Info', `circuit of ${event.provider} half open: the next request probes`]
    case 'CircuitClosed':
      return ['Info', `circuit of ${event.provider} closed; traffic ramps up`]
    case 'ProviderRecovered':
      return ['Info', `${event.provider} may be used again`]
    case 'AlertRaised':
      return [event.severity === 'info' ? 'Info' : 'Warn', `alert: ${sentence({ change: 'raised', ...event })}`]
    case 'AlertCleared':
      return ['Info', `the alert ${event.alertId} is over`]
    case 'ProviderChecked':
      return event.ok
        ? ['Info', `the health check of ${event.provider} succeeds`]
        : ['Warn', `the health check of ${event.provider} fails`]
    case 'BreakerReset':
      return ['Info', `${event.provider} was declared well by ${event.by}`]
    case 'SettingOverridden':
      return ['Info', `${event.path} was ${event.value === null ? 'set back' : 'set'} by ${event.by}`]
    case 'ClientKeyCreated':
      return ['Info', `the client key ${event.name} was created by ${event.by}`]
    case 'ClientKeyRevoked':
      return ['Info', `the client key ${event.keyId} was revoked by ${event.by}`]
    case 'AlertsSilenced':
      return ['Info', `alerts were silenced until ${isoTime(event.until)} by ${event.by}`]
    case 'CaptureRead':
      return ['Info', `what was captured of ${event.requestId} was read by ${event.by}`]
    case 'LogArchived':
      return ['Info', `${event.events} events up to position ${event.upTo} went to the archive ${event.file}`]
    case 'AttemptStarted':
      return ['Debug', `attempt ${event.attempt} at ${event.provider} started`]
    case 'AttemptFailed':
      return [
        'Debug',
        `attempt ${event.attempt} at ${event.provider} ${event.reason._tag === 'Cancelled' ? 'was cancelled' : 'failed'}`,
      ]
    default:
      return undefined
  }
}

/** The fields of an event that `line` has words for. */
export const eventFields = (event: DomainEvent, at: number): LineFields => ({
  _tag: 'LineFields',
  at,
  fields: {
    'event.dataset': 'signalbox.event',
    'event.action': actionOf(event._tag),
    ...('requestId' in event ? { 'signalbox.request_id': event.requestId } : {}),
    ...('provider' in event && event.provider !== undefined ? { 'signalbox.provider': event.provider } : {}),
    ...('model' in event ? { 'signalbox.model': event.model } : {}),
    ...('attempt' in event ? { 'signalbox.attempt': event.attempt } : {}),
    ...('until' in event ? { 'signalbox.until': isoTime(event.until) } : {}),
    ...('features' in event ? { 'signalbox.features': event.features } : {}),
    ...('alertId' in event ? { 'signalbox.alert': event.alertId } : {}),
    ...('severity' in event ? { 'signalbox.severity': event.severity } : {}),
    ...('path' in event ? { 'signalbox.setting': event.path } : {}),
    ...('by' in event && event._tag !== 'RequestCancelled' ? { 'signalbox.by': event.by } : {}),
    ...reasonOf(event),
  },
})

const reasonOf = (event: DomainEvent): Pick<Given<EventLine>, 'error.type'> => {
  if ('because' in event) return { 'error.type': event.because._tag }
  return 'reason' in event && event.reason !== undefined ? { 'error.type': event.reason._tag } : {}
}

/** `CircuitOpened` → `circuit-opened`. */
export const actionOf = (type: EventType): string => type.replace(/(?<=.)[A-Z]/g, '-$&').toLowerCase()
