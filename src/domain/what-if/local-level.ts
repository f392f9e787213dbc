/**
 * A quantity that drifts, known at some moments: its level at any other, as a mean of what was seen around it, drawn towards the
 * mean of everything where little was.
 */
export interface Seen {
  /** Epoch ms, ascending. */
  readonly at: number
  readonly value: number
}

export interface Level {
  readonly level: number
  /** Share of it that was seen nearby; the rest is the mean of everything. */
  readonly support: number
}

export interface LocalLevel {
  readonly mean: number
  /** Of what was seen around its level. */
  readonly noise: number
  /** Standard deviation of the level over time: how wrong the mean is at a moment where nothing was seen. */
  readonly drift: number
  readonly count: number
  /** Differences of what was seen from the level that the others give. */
  readonly errors: readonly number[]
  readonly at: (at: number) => Level
}

/**
 * @param seen ascending in time
 * @param widthMs what was seen so long before or after counts 1/e
 * @param priorWeight the mean of everything counts like so many; absent: as many as it takes until their noise is as small as the drift,
 *   so that a level that never drifts is the mean (empirical Bayes)
 */
export const localLevel = (
  seen: readonly Seen[],
  {
    mean = meanOf(seen),
    widthMs,
    priorWeight: told,
  }: { readonly mean?: number; readonly widthMs: number; readonly priorWeight?: number },
): LocalLevel => {
  const { drift, within } = driftOf(seen)
  const priorWeight = told ?? (drift === 0 ? MOST_PRIOR : Math.min(MOST_PRIOR, Math.max(1, (within / drift) ** 2)))
  const at = (time: number, without?: number): Level => {
    let [weight, sum] = [0, 0]
    for (let index = firstAfter(seen, time - REACH * widthMs); index < seen.length; index++) {
      const one = seen[index]
      if (one === undefined || one.at > time + REACH * widthMs) break
      if (index === without) continue
      const kernel = Math.exp(-Math.abs(one.at - time) / widthMs)
      weight += kernel
      sum += kernel * one.value
    }
    return { level: (sum + priorWeight * mean) / (weight + priorWeight), support: weight / (weight + priorWeight) }
  }
  const errors = seen.map(({ at: time, value }, index) => value - at(time, index).level)
  const known = new Map<number, Level>()
  const stepMs = widthMs / STEPS_IN_WIDTH
  const near = (time: number): Level => {
    const step = Math.round(time / stepMs)
    const found = known.get(step) ?? at(step * stepMs)
    known.set(step, found)
    return found
  }
  return { mean, noise: deviation(errors), drift, count: seen.length, errors, at: near }
}

/** Of this many the noise is below what anybody would notice. */
const MOST_PRIOR = 1_000
/** A level is told once in this part of a width, in which a kernel changes by 2 %; plays ask for the same ones again and again. */
const STEPS_IN_WIDTH = 40
/** Beyond this many widths a weight is below 2 %. */
const REACH = 4

const meanOf = (seen: readonly Seen[]): number =>
  seen.length === 0 ? 0 : seen.reduce((sum, { value }) => sum + value, 0) / seen.length

const deviation = (values: readonly number[]): number =>
  values.length === 0 ? 0 : Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)

/** Of ten stretches of time, how much their means differ, less what the noise within them explains. */
const driftOf = (seen: readonly Seen[]): { readonly drift: number; readonly within: number } => {
  const [first, last] = [seen[0]?.at ?? 0, seen.at(-1)?.at ?? 0]
  const stretchMs = (last - first + 1) / STRETCHES
  const stretches = Map.groupBy(seen, ({ at }) => Math.floor((at - first) / stretchMs))
    .values()
    .toArray()
  const usable = stretches.filter((stretch) => stretch.length >= 2)
  const overall = meanOf(seen)
  const spread = deviation(seen.map(({ value }) => value - overall))
  if (usable.length < 2) return { drift: spread, within: spread }
  let [between, explained, within] = [0, 0, 0]
  for (const stretch of usable) {
    const mean = meanOf(stretch)
    const variance = stretch.reduce((sum, { value }) => sum + (value - mean) ** 2, 0) / (stretch.length - 1)
    between += (mean - overall) ** 2
    explained += variance / stretch.length
    within += variance
  }
  return {
    drift: Math.sqrt(Math.max(0, between - explained) / usable.length),
    within: Math.sqrt(within / usable.length),
  }
}
const STRETCHES = 10

const firstAfter = (seen: readonly Seen[], time: number): number => {
  let [low, high] = [0, seen.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((seen[middle]?.at ?? 0) < time) low = middle + 1
    else high = middle
  }
  return low
}
