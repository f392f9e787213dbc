/**
 * The types of the catalogue, for choosing one. Names only: the catalogue itself would bring its schemas into the page.
 */
import type { EventType } from '#domain/events.ts'

const TYPES: { readonly [K in EventType]: true } = {
  AlertCleared: true,
  AlertDelivered: true,
  AlertRaised: true,
  AlertsSilenced: true,
  AttemptFailed: true,
  AttemptStarted: true,
  AttemptSucceeded: true,
  BoxStarted: true,
  BoxStopped: true,
  BreakerReset: true,
  BudgetSeeded: true,
  CapabilityLearned: true,
  CaptureRead: true,
  CircuitClosed: true,
  CircuitHalfOpened: true,
  CircuitOpened: true,
  ClientKeyCreated: true,
  ClientKeyRevoked: true,
  ConfigChanged: true,
  CooldownElapsed: true,
  InstanceLost: true,
  LogArchived: true,
  PeersHeard: true,
  PolicyChanged: true,
  ProbeLeaseExpired: true,
  ProviderChecked: true,
  ProviderRecovered: true,
  ProviderRetired: true,
  ProviderThrottled: true,
  RequestAbandoned: true,
  RequestAdmitted: true,
  RequestCancelled: true,
  RequestFailed: true,
  RouteChosen: true,
  SettingOverridden: true,
  SunsetAnnounced: true,
}

export const CATALOGUE_TYPES: readonly string[] = Object.keys(TYPES)
