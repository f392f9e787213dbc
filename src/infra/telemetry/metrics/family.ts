/**
 * A metric as data: its name, what it means, and how its values follow from what a scrape sees. The lists of them are in the
 * files beside this one, by subject; docs/metrics.md has a row for each.
 */
import type { GatewayState } from '#actors/gateway-state.ts'
import type { LedgerHealth, LedgerLag } from '#actors/ledger-news.ts'
import type { LogStats } from '#actors/ports.ts'
import type { Distribution } from '#domain/distribution.ts'
import type { Totals } from '#domain/projections/totals.ts'
import { DURATIONS, type DurationName, NUMBERS, type NumberName, valuesOf } from '#domain/total-sums.ts'
import type { IntakeCounts } from '#infra/telemetry/intake-counts.ts'
import type { LoopDelay } from '#infra/telemetry/metrics/event-loop.ts'
import type { TelemetryCounts } from '#infra/telemetry/telemetry-counts.ts'

/** What a scrape sees, at `at` (epoch ms). */
export interface Scene {
  readonly at: number
  readonly version: string
  /** What holds now. */
  readonly state: GatewayState
  /** What is durable: a counter never shows what a crash could take back. */
  readonly totals: Totals
  readonly health: LedgerHealth
  readonly lag: LedgerLag
  /** Of commits, by APPEND_MS. */
  readonly appends: Distribution
  /** Undefined: the log could not say. */
  readonly files: LogStats | undefined
  readonly loop: LoopDelay
  readonly telemetry: TelemetryCounts
  /** Undefined: nothing is refused for want of room. */
  readonly intake: IntakeCounts | undefined
  /** Undefined: nobody shares the log. */
  readonly sharing: { readonly present: number; readonly isLeader: boolean; readonly stateAgeMs: number } | undefined
}

export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels: Labels
  readonly value: number
}

interface Described {
  readonly name: string
  readonly help: string
}

interface Numbers extends Described {
  readonly type: 'counter' | 'gauge'
  readonly labels: readonly string[]
  readonly samples: (scene: Scene) => readonly Sample[]
}

interface Durations extends Described {
  readonly type: 'histogram'
  readonly labels: readonly string[]
  readonly boundsMs: readonly number[]
  readonly distributions: (scene: Scene) => readonly (readonly [Labels, Distribution])[]
}

export type Family = Numbers | Durations

/** A counter of what is summed up in the log. `per`: how many of them are one of the metric's unit. */
export const total = (of: NumberName, described: Described, per = 1): Family => ({
  ...described,
  type: 'counter',
  labels: NUMBERS[of],
  samples: ({ totals }) =>
    [...totals.numbers[of]].map(([key, sum]) => ({ labels: named(NUMBERS[of], valuesOf(key)), value: sum / per })),
})

/** A histogram of durations that are summed up in the log. */
export const durations = (of: DurationName, described: Described): Family => ({
  ...described,
  type: 'histogram',
  labels: DURATIONS[of].labels,
  boundsMs: DURATIONS[of].bounds,
  distributions: ({ totals }) =>
    [...totals.durations[of]].map(([key, found]) => [named(DURATIONS[of].labels, valuesOf(key)), found]),
})

/** A gauge with a value for each of its labels' combinations. */
export const gauge = (
  labels: readonly string[],
  described: Described,
  samples: (scene: Scene) => readonly Sample[],
): Family => ({ ...described, type: 'gauge', labels, samples })

/** A gauge without labels; undefined: it is not known, and not shown. */
export const single = (described: Described, read: (scene: Scene) => number | undefined): Family =>
  gauge([], described, (scene) => {
    const value = read(scene)
    return value === undefined ? [] : [{ labels: {}, value }]
  })

const named = (labels: readonly string[], values: readonly string[]): Labels =>
  Object.fromEntries(labels.map((label, index) => [label, values[index] ?? '']))
