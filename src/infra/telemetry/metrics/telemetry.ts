/**
 * Metrics of what is told to others: log lines that found no room, spans on their way to a collector, captures. Since the process started.
 */
import type { Family, Scene } from '#infra/telemetry/metrics/family.ts'
import type { TelemetryCounts } from '#infra/telemetry/telemetry-counts.ts'

const counter = (name: string, help: string, read: (counts: TelemetryCounts) => number): Family => ({
  name,
  help,
  type: 'counter',
  labels: [],
  samples: ({ telemetry }: Scene) => [{ labels: {}, value: read(telemetry) }],
})

export const telemetryMetrics: readonly Family[] = [
  counter(
    'signalbox_log_lines_dropped_total',
    'Lines that the log file could not take: its disk is full, or too slow.',
    ({ logLinesDropped }) => logLinesDropped,
  ),
  counter('signalbox_spans_exported_total', 'Spans that the collector took.', ({ spansExported }) => spansExported),
  counter(
    'signalbox_spans_dropped_total',
    'Spans that the collector did not take: it is away, too slow, or refuses them.',
    ({ spansDropped }) => spansDropped,
  ),
  counter(
    'signalbox_captures_total',
    'Requests that were captured with their answers.',
    ({ capturesKept }) => capturesKept,
  ),
  counter(
    'signalbox_captures_dropped_total',
    'Requests that were to be captured and were not: their file is too slow, full, or cannot be used.',
    ({ capturesDropped }) => capturesDropped,
  ),
]
