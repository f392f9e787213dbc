/**
 * Metrics of the process itself: its log, its event loop, its configuration, its alerts.
 */
import { ALERT_KINDS } from '#domain/policy.ts'
import { type Family, gauge, type Scene, single, total } from '#infra/telemetry/metrics/family.ts'

const SEVERITIES = ['info', 'warning', 'critical'] as const

/** Ms. From a commit in memory to a disk that is hardly there. */
export const APPEND_MS = [1, 2, 5, 10, 20, 50, 100, 250, 500, 1_000, 5_000, 30_000]

const raised = ({ state }: Scene, kind: string, severity: string): number =>
  [...state.projections.alerts.raised.values()].filter((alert) => alert.kind === kind && alert.severity === severity)
    .length

const sharingMetrics: readonly Family[] = [
  single(
    { name: 'signalbox_instances', help: 'Instances that share the log and are there; absent where it is not shared.' },
    ({ sharing }) => sharing?.present,
  ),
  single(
    {
      name: 'signalbox_instance_leader',
      help: '1 on the instance that does what only one must do, else 0; absent where the log is not shared.',
    },
    ({ sharing }) => sharing && (sharing.isLeader ? 1 : 0),
  ),
  single(
    {
      name: 'signalbox_state_age_seconds',
      help: 'How old what this instance knows of the others is; absent where the log is not shared.',
    },
    ({ sharing }) => sharing && sharing.stateAgeMs / 1_000,
  ),
]

const eventLogMetrics: readonly Family[] = [
  single(
    { name: 'signalbox_event_log_position', help: 'Last committed position of the event log.' },
    ({ health }) => health.committedPosition,
  ),
  single(
    { name: 'signalbox_event_log_pending_events', help: 'Events that are decided and not yet durable.' },
    ({ lag }) => lag.uncommitted,
  ),
  single({ name: 'signalbox_event_log_failing', help: '1 while the event log cannot write, else 0.' }, ({ health }) =>
    health.failingSince === undefined ? 0 : 1,
  ),
  {
    name: 'signalbox_event_log_append_seconds',
    help: 'Until a group of events was durable, with all that had to be tried again. Since the process started.',
    type: 'histogram',
    labels: [],
    boundsMs: APPEND_MS,
    distributions: ({ appends }) => [[{}, appends]],
  },
  single(
    {
      name: 'signalbox_event_log_snapshot_age_seconds',
      help: 'Since this process stored a snapshot; absent until it has.',
    },
    ({ lag, at }) => (lag.snapshotAt === undefined ? undefined : Math.max(0, at - lag.snapshotAt) / 1_000),
  ),
  single(
    {
      name: 'signalbox_event_log_events_since_snapshot',
      help: 'Events that the next start would have to fold.',
    },
    ({ health, lag }) => health.committedPosition - lag.snapshotPosition,
  ),
  single(
    {
      name: 'signalbox_event_log_spooled_events',
      help: 'Events that are kept on this machine until the database can be reached.',
    },
    ({ health }) => health.spooled,
  ),
  single(
    { name: 'signalbox_event_log_database_bytes', help: 'Size of the database file; absent when it cannot be read.' },
    ({ files }) => files?.databaseBytes,
  ),
  single(
    { name: 'signalbox_event_log_wal_bytes', help: 'Size of its write-ahead log; absent when it cannot be read.' },
    ({ files }) => files?.walBytes,
  ),
]

export const boxMetrics: readonly Family[] = [
  gauge(['version'], { name: 'signalbox_build_info', help: 'Always 1; the version is a label.' }, ({ version }) => [
    { labels: { version }, value: 1 },
  ]),
  ...eventLogMetrics,
  ...sharingMetrics,
  single(
    {
      name: 'signalbox_event_loop_delay_median_seconds',
      help: 'How long the event loop let a timer wait beyond its time, since the last scrape: the median.',
    },
    ({ loop }) => loop.median,
  ),
  single(
    {
      name: 'signalbox_event_loop_delay_p99_seconds',
      help: 'How long the event loop let a timer wait beyond its time, since the last scrape: the 99th percentile.',
    },
    ({ loop }) => loop.p99,
  ),
  gauge(
    ['kind', 'severity'],
    { name: 'signalbox_alert_raised', help: 'Alerts that are raised, by kind and severity.' },
    (scene) =>
      ALERT_KINDS.flatMap((kind) =>
        SEVERITIES.map((severity) => ({ labels: { kind, severity }, value: raised(scene, kind, severity) })),
      ),
  ),
  total('alerts', { name: 'signalbox_alerts_total', help: 'Times that an alert was raised.' }),
  total('configChanges', {
    name: 'signalbox_config_reloads_total',
    help: 'Times that the running configuration was replaced, because of its file or of a signal.',
  }),
  single(
    {
      name: 'signalbox_config_last_reload_timestamp_seconds',
      help: 'When the running configuration was last replaced; absent until it has been.',
    },
    ({ totals }) => (totals.configChangedAt === null ? undefined : totals.configChangedAt / 1_000),
  ),
]
