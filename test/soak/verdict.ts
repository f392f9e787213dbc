/**
 * What a soak says of a process: what it holds does not grow, and what it took it gives back.
 */
import type { Sample } from './gauges.ts'

/**
 * R41. Bytes of heap in ten minutes, after the warm-up. What the program holds is flat when nothing leaks. Compiled code still grows for a
 * quarter of an hour, less and less, as ever rarer paths become hot: it is bounded by the program. Counts are held against those before the load.
 */
const MOST_GROWTH = { objects: 500_000, code: 1_000_000 } as const
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

/** Growth in ten minutes, in bytes: of the straight line that is nearest to the samples. Undefined: too few, or too short a time. */
export const slopeOf = (samples: readonly Sample[], bytes: (sample: Sample) => number): number | undefined => {
  const last = samples.at(-1)?.at ?? 0
  const warm = samples.filter(({ at }) => at >= last * WARM_UP_SHARE)
  const [first] = warm
  if (first === undefined || last - first.at < SHORTEST_MS) return undefined
  const mean = (of: (sample: Sample) => number) => warm.reduce((sum, one) => sum + of(one), 0) / warm.length
  const [at, level] = [mean((one) => one.at), mean(bytes)]
  const rise = warm.reduce((sum, one) => sum + (one.at - at) * (bytes(one) - level), 0)
  const run = warm.reduce((sum, one) => sum + (one.at - at) ** 2, 0)
  return (rise / run) * TEN_MINUTES_MS
}

/** What is not as it must be; empty when all is well. */
export const judge = ({ base, samples, end }: Soak): readonly string[] => {
  const problems: string[] = []
  for (const name of ['objects', 'code'] as const) {
    const growth = slopeOf(samples, (sample) => sample[name]) ?? 0
    if (growth > MOST_GROWTH[name])
      problems.push(`${name} on the heap: ${(growth / 1e6).toFixed(1)} MB more in ten minutes`)
  }
  for (const name of ['descriptors', 'sockets', 'handles'] as const)
    if (end[name] > base[name] + COUNT_SLACK) problems.push(`${end[name]} ${name} are left, ${base[name]} there were`)
  if (end.wal > WAL_BYTES) problems.push(`the write-ahead log has ${end.wal} bytes`)
  if (end.underWay !== 0 || end.bodies !== 0)
    problems.push(`${end.underWay} requests are under way, ${end.bodies} bytes of bodies are held`)
  return problems
}
