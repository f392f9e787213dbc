/**
 * What a soak says of a process: what it holds does not grow, and what it took it gives back.
 */
import type { Sample } from './gauges.ts'

/** R41. Bytes of heap in ten minutes, after the warm-up; counts against those before the load. */
const HEAP_SLOPE_BYTES = 1_000_000
const COUNT_SLACK = 2
/** A write-ahead log stays as large as its limit, or as the last burst between two checkpoints made it. */
const WAL_BYTES = 8 * 1_024 * 1_024
const TEN_MINUTES_MS = 600_000
/** A shorter run says nothing of a slope. */
const SHORTEST_MS = 300_000
/** Caches fill and code is compiled. */
const WARM_UP_SHARE = 1 / 3

export interface Soak {
  /** Before the load. */
  readonly base: Sample
  /** Under load. */
  readonly samples: readonly Sample[]
  /** After it, when everything has had its time. */
  readonly end: Sample
}

/** Bytes in ten minutes: of the straight line that is nearest to the samples. Undefined: too few, or too short a time. */
export const heapSlope = (samples: readonly Sample[]): number | undefined => {
  const last = samples.at(-1)?.at ?? 0
  const warm = samples.filter(({ at }) => at >= last * WARM_UP_SHARE)
  const [first] = warm
  if (first === undefined || last - first.at < SHORTEST_MS) return undefined
  const mean = (of: (sample: Sample) => number) => warm.reduce((sum, one) => sum + of(one), 0) / warm.length
  const [at, heap] = [mean((one) => one.at), mean((one) => one.heap)]
  const rise = warm.reduce((sum, one) => sum + (one.at - at) * (one.heap - heap), 0)
  const run = warm.reduce((sum, one) => sum + (one.at - at) ** 2, 0)
  return (rise / run) * TEN_MINUTES_MS
}

/** What is not as it must be; empty when all is well. */
export const judge = ({ base, samples, end }: Soak): readonly string[] => {
  const problems: string[] = []
  const slope = heapSlope(samples)
  if (slope !== undefined && slope > HEAP_SLOPE_BYTES)
    problems.push(`the heap grows by ${(slope / 1e6).toFixed(1)} MB in ten minutes`)
  for (const name of ['descriptors', 'sockets', 'handles'] as const)
    if (end[name] > base[name] + COUNT_SLACK) problems.push(`${end[name]} ${name} are left, ${base[name]} there were`)
  if (end.wal > WAL_BYTES) problems.push(`the write-ahead log has ${end.wal} bytes`)
  if (end.underWay !== 0 || end.bodies !== 0)
    problems.push(`${end.underWay} requests are under way, ${end.bodies} bytes of bodies are held`)
  return problems
}
