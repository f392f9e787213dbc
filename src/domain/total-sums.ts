/**
 * What is summed up since the log began, and by which labels: plain numbers and distributions of durations. The values of a
 * label are bounded by whoever adds them (projections/totals.ts); here is the shape.
 */

import { addTo, type Distribution, emptyDistribution } from '#domain/distribution.ts'
import { namesKey } from '#domain/names-key.ts'

/** Each is a number for every combination of these labels that occurred. */
export const NUMBERS = {
  requests: ['model', 'outcome'],
  requestFailures: ['reason'],
  attempts: ['provider', 'outcome', 'reason'],
  fallbacks: ['provider'],
  brokenAnswers: ['provider'],
  tokens: ['provider', 'model', 'type'],
  costNanoUsd: ['provider', 'model', 'basis'],
  unpriced: ['provider', 'model'],
  cacheSavedNanoUsd: ['provider', 'model'],
  cacheExtraNanoUsd: ['provider', 'model'],
  transitions: ['provider', 'decision'],
  routes: ['strategy'],
  alerts: ['kind', 'severity'],
  configChanges: ['source'],
} as const

/** From a tenth of a second to minutes (reliability 6). */
const TTFT_MS = [100, 250, 500, 1_000, 2_000, 3_000, 5_000, 8_000, 13_000, 20_000, 30_000, 60_000, 120_000, 180_000]
const DURATION_MS = [500, 1_000, 2_000, 5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 1_280_000]
/** From 200 tokens per second to less than one. */
const PER_TOKEN_MS = [5, 10, 15, 20, 30, 40, 60, 80, 120, 160, 320, 640, 1_280]
const QUEUE_MS = [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000]

/** The same for durations, with the bounds (ms) by which they are counted. */
export const DURATIONS = {
  ttft: { labels: ['provider'], bounds: TTFT_MS },
  perToken: { labels: ['provider'], bounds: PER_TOKEN_MS },
  attempt: { labels: ['provider', 'outcome'], bounds: DURATION_MS },
  request: { labels: ['outcome'], bounds: DURATION_MS },
  queue: { labels: ['result'], bounds: QUEUE_MS },
} as const

export type NumberName = keyof typeof NUMBERS
export type DurationName = keyof typeof DURATIONS

/** By JSON of the labels' values, in the order above. */
export interface Sums {
  readonly numbers: { readonly [N in NumberName]: Map<string, number> }
  readonly durations: { readonly [N in DurationName]: Map<string, Distribution> }
}

type Values<Labels extends readonly string[]> = { readonly [I in keyof Labels]: string }

export const noSums = (): Sums => ({
  numbers: perName(NUMBERS, () => new Map<string, number>()),
  durations: perName(DURATIONS, () => new Map<string, Distribution>()),
})

const perName = <N extends string, A>(names: Readonly<Record<N, unknown>>, make: () => A): Record<N, A> =>
  // Object.fromEntries forgets which names it was given.
  Object.fromEntries(Object.keys(names).map((name) => [name, make()])) as Record<N, A>

/** Adds in place. */
export const addNumber = <N extends NumberName>(
  { numbers }: Sums,
  name: N,
  values: Values<(typeof NUMBERS)[N]>,
  amount = 1,
): void => {
  const key = namesKey(values)
  numbers[name].set(key, (numbers[name].get(key) ?? 0) + amount)
}

/** Adds in place. A clock that was set back makes no duration negative. */
export const addDuration = <N extends DurationName>(
  { durations }: Sums,
  name: N,
  values: Values<(typeof DURATIONS)[N]['labels']>,
  ms: number,
): void => {
  const key = namesKey(values)
  const { bounds } = DURATIONS[name]
  const known = durations[name].get(key) ?? emptyDistribution(bounds)
  durations[name].set(key, known)
  addTo(known, bounds, Math.max(0, ms))
}

/** The values of the labels in a key. */
export const valuesOf = (key: string): readonly string[] => JSON.parse(key)
