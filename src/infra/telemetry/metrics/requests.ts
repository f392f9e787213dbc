/**
 * Metrics of requests, as clients meet them.
 */
import { queued } from '#domain/projections/totals.ts'
import { durations, type Family, single, total } from '#infra/telemetry/metrics/family.ts'

export const requestMetrics: readonly Family[] = [
  total('requests', {
    name: 'signalbox_requests_total',
    help: 'Requests that ended, by the model asked for and how: success, failure, cancelled, abandoned.',
  }),
  total('requestFailures', {
    name: 'signalbox_request_failures_total',
    help: 'Requests that nobody served, by the reason that the client was told.',
  }),
  durations('request', {
    name: 'signalbox_request_duration_seconds',
    help: 'From the admission of a request to its end, by how it ended.',
  }),
  single(
    {
      name: 'signalbox_requests_in_flight',
      help: 'Requests that were admitted and have not ended.',
    },
    ({ state }) => state.projections.requests.inFlight.size,
  ),
  single(
    {
      name: 'signalbox_requests_queued',
      help: 'Requests under way that wait until a provider has room.',
    },
    ({ state }) => queued(state.projections.totals),
  ),
  durations('queue', {
    name: 'signalbox_queue_wait_seconds',
    help: 'How long requests waited for room, by whether there was some in time: served, gaveUp.',
  }),
  total('routes', {
    name: 'signalbox_routes_total',
    help: 'Routes that were chosen, by strategy.',
  }),
]
