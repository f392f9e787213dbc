/**
 * What the operator wants to be told of: the thresholds of each kind of alert. null: not at all. They are no part of the policy,
 * because no decision depends on them.
 */
export interface AlertRules {
  /** US dollars: in the last hour, in the last 24 hours, and as the calendar month will end by the days so far. */
  readonly costPerHourUsd: number | null
  readonly costPerDayUsd: number | null
  readonly costForecastUsd: number | null
  /** Times the usual hour. */
  readonly costSpikeTimes: number | null
  /** Used shares of a budget, each an alert of its own; empty: none. */
  readonly budgetShares: readonly number[]
  /** Share of the requests, and of each provider's attempts, that fail. */
  readonly errorRateShare: number | null
  /** The 95th percentile of the time to the first content. */
  readonly latencyMs: number | null
  /** How long a circuit may be open. */
  readonly providerDownMs: number | null
  readonly providerRetired: boolean
  readonly limitForecast: boolean
  readonly priceUnknown: boolean
  readonly logFailing: boolean
  readonly diskSpaceBytes: number | null
  /** Time over which errorRate and latency are measured; at most a quarter of an hour. */
  readonly windowMs: number
  /** Both say nothing with fewer outcomes in their window. */
  readonly minimumOutcomes: number
}

export const defaultAlertRules: AlertRules = {
  costPerHourUsd: null,
  costPerDayUsd: null,
  costForecastUsd: null,
  costSpikeTimes: 3,
  budgetShares: [0.5, 0.8, 1],
  errorRateShare: 0.2,
  latencyMs: null,
  providerDownMs: 120_000,
  providerRetired: true,
  limitForecast: true,
  priceUnknown: true,
  logFailing: true,
  diskSpaceBytes: 1_000_000_000,
  windowMs: 300_000,
  minimumOutcomes: 20,
}
