/**
 * Metrics of what the box takes on at a time, and of what it refuses because that is too much.
 */
import { type Family, single } from '#infra/telemetry/metrics/family.ts'

export const intakeMetrics: readonly Family[] = [
  {
    name: 'signalbox_overload_refusals_total',
    help: 'Requests refused with 529 because there was too much under way, by what there was too much of. Since the process started.',
    type: 'counter',
    labels: ['overload'],
    samples: ({ intake }) =>
      Object.entries(intake?.refused ?? {}).map(([overload, value]) => ({ labels: { overload }, value })),
  },
  single(
    { name: 'signalbox_intake_requests', help: 'Model calls and token counts under way.' },
    ({ intake }) => intake?.requests,
  ),
  single(
    { name: 'signalbox_intake_request_limit', help: 'So many of them may be.' },
    ({ intake }) => intake?.capacity.requests,
  ),
  single({ name: 'signalbox_intake_body_bytes', help: 'Bytes of their bodies.' }, ({ intake }) => intake?.bodyBytes),
  single(
    { name: 'signalbox_intake_body_limit_bytes', help: 'So many of them may be held.' },
    ({ intake }) => intake?.capacity.bodyBytes,
  ),
]
