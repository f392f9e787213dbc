/**
 * A configuration with everything on that can be on, beside the providers: for tests of the whole product as it is used.
 */

export interface FullSettings {
  /** Keeps prompts and answers. */
  readonly captures: boolean
  /** Where spans go to, and messages of alerts. */
  readonly collector: string
  readonly webhook: string
}

/** Relative paths are those of the configuration file's folder. */
export const fullSettings = ({ captures, collector, webhook }: FullSettings) => ({
  capture: { enabled: captures, maxBytes: '20 MB' },
  log: { level: 'trace', file: { path: 'logs/box.log', maxBytes: '1 MB', keep: 20 } },
  telemetry: { traces: { endpoint: `${collector}/v1/traces`, propagate: true } },
  retention: { detail: '90 d', archive: 'archive' },
  healthChecks: { interval: '1 s' },
  timeZone: 'Europe/Berlin',
  budgets: {
    all: { period: 'month', usd: 100_000, action: 'refuse' },
    sessions: { period: 'day', usd: 10_000, each: 'session', action: 'refuse' },
    projects: { period: 'week', usd: 10_000, each: 'project', action: 'stepDown' },
  },
  alerts: {
    // No disk is large enough: one alert stands from the first look on.
    diskSpace: '900000 GB',
    errorRate: 0.05,
    minimumRequests: 5,
    window: '1 min',
    digest: 0,
    channels: { ops: { kind: 'webhook', url: `${webhook}/alerts` } },
  },
  server: { clientKeys: 'optional' },
})
