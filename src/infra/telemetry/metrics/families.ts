/**
 * Every metric of Signalbox, in the order of docs/metrics.md.
 */
import { boxMetrics } from '#infra/telemetry/metrics/box.ts'
import { costMetrics } from '#infra/telemetry/metrics/costs.ts'
import type { Family } from '#infra/telemetry/metrics/family.ts'
import { intakeMetrics } from '#infra/telemetry/metrics/intake.ts'
import { limitMetrics } from '#infra/telemetry/metrics/limits.ts'
import { providerMetrics } from '#infra/telemetry/metrics/providers.ts'
import { requestMetrics } from '#infra/telemetry/metrics/requests.ts'
import { telemetryMetrics } from '#infra/telemetry/metrics/telemetry.ts'

export const FAMILIES: readonly Family[] = [
  ...requestMetrics,
  ...providerMetrics,
  ...limitMetrics,
  ...costMetrics,
  ...boxMetrics,
  ...intakeMetrics,
  ...telemetryMetrics,
]
