/**
 * What a provider of a virtual world really enforces. Written apart from the gateway's own meters (src/domain/limits.ts), so that a
 * mistake there cannot excuse itself here. The rules are those of providers 8: buckets refill continuously, windows turn with
 * the minute; a prompt counts at admission, output when it has been made and only needs a limit that is not empty.
 */
import type { LimitReading } from '#domain/events.ts'

export interface TrueLimits {
  readonly requestsPerMinute?: number
  readonly inputTokensPerMinute?: number
  readonly outputTokensPerMinute?: number
  readonly window: 'bucket' | 'fixed'
  readonly maxConcurrent?: number
  /** Input of a minute may be at most so many times the mean of the five minutes before, and `floorTokens` in any case. */
  readonly acceleration?: { readonly factor: number; readonly floorTokens: number }
  readonly countsCachedInput: boolean
  /** Share of every limit that others use. */
  readonly othersShare: number
  /** Times at which it is otherwise; in their order, without overlaps. */
  readonly phases?: readonly LimitPhase[]
}

/** From `from` to before `until` (epoch ms) the limits are so many times as large, and others use this share of them. */
export interface LimitPhase {
  readonly from: number
  readonly until: number
  readonly sizeFactor: number
  readonly othersShare: number
}

type Name = 'requests' | 'input' | 'output'

export interface Refused {
  readonly by: Name | 'concurrency' | 'acceleration'
  /** Epoch ms from which the same request would be let in, if it were alone; null: nobody can tell. */
  readonly freesAt: number | null
}

export interface LimitKeeper {
  /** Undefined: it would be let in. Changes nothing. */
  readonly refusal: (input: number, at: number) => Refused | undefined
  readonly enter: (input: number, at: number) => void
  readonly leave: (output: number, at: number) => void
  readonly inFlight: () => number
  /** Smallest share of a limit that is left. */
  readonly room: (at: number) => number
  /** As headers tell it: tokens rounded to thousands. */
  readonly readings: (at: number) => readonly LimitReading[]
}

interface Tank {
  readonly size: number
  level: number
  at: number
}

const MINUTE_MS = 60_000
/** A thousandth of a token is rounding of the refill, not a lack. */
const ROUNDING = 0.001
const MINUTES_AVERAGED = 5

export const makeLimits = (limits: TrueLimits, startsAt: number): LimitKeeper => {
  const sizes: readonly (readonly [Name, number | undefined])[] = [
    ['requests', limits.requestsPerMinute],
    ['input', limits.inputTokensPerMinute],
    ['output', limits.outputTokensPerMinute],
  ]
  const tanks = new Map<Name, Tank>(
    sizes.flatMap(([name, size]) => (size === undefined ? [] : [[name, { size, level: size, at: startsAt }] as const])),
  )
  const minutes = new Map<number, number>()
  let inFlight = 0

  const usual = { sizeFactor: 1, othersShare: limits.othersShare }
  const edges = (limits.phases ?? []).flatMap(({ from, until }) => [from, until])
  const phaseAt = (at: number): Pick<LimitPhase, 'sizeFactor' | 'othersShare'> =>
    limits.phases?.find(({ from, until }) => at >= from && at < until) ?? usual
  const sizeAt = (tank: Tank, at: number): number => tank.size * phaseAt(at).sizeFactor
  /** What flows back in a minute. */
  const refillAt = (tank: Tank, at: number): number => sizeAt(tank, at) * (1 - phaseAt(at).othersShare)
  const levelOf = (tank: Tank, at: number): number => {
    if (limits.window === 'fixed') {
      const turned = Math.floor(at / MINUTE_MS) > Math.floor(tank.at / MINUTE_MS)
      return turned ? refillAt(tank, at) : tank.level
    }
    let { level, at: from } = tank
    for (const until of [...edges.filter((edge) => edge > tank.at && edge < at), at]) {
      const perMs = refillAt(tank, from) / MINUTE_MS
      level = Math.min(sizeAt(tank, from), level + Math.max(0, until - from) * perMs)
      from = until
    }
    return Math.min(sizeAt(tank, at), level)
  }
  const take = (name: Name, amount: number, at: number): void => {
    const tank = tanks.get(name)
    if (tank === undefined) return
    tank.level = levelOf(tank, at) - amount
    tank.at = at
  }
  const freesAt = (tank: Tank, amount: number, at: number): number => {
    if (limits.window === 'fixed') return (Math.floor(at / MINUTE_MS) + 1) * MINUTE_MS
    return at + Math.ceil(((amount - levelOf(tank, at)) * MINUTE_MS) / refillAt(tank, at))
  }
  const isTooFast = (input: number, at: number): boolean => {
    if (limits.acceleration === undefined) return false
    const minute = Math.floor(at / MINUTE_MS)
    const before = Array.from({ length: MINUTES_AVERAGED }, (_, n) => minutes.get(minute - 1 - n) ?? 0)
    const mean = before.reduce((sum, one) => sum + one, 0) / MINUTES_AVERAGED
    const { factor, floorTokens } = limits.acceleration
    return (minutes.get(minute) ?? 0) + input > Math.max(floorTokens, factor * mean)
  }

  return {
    refusal: (input, at) => {
      if (limits.maxConcurrent !== undefined && inFlight >= limits.maxConcurrent)
        return { by: 'concurrency', freesAt: null }
      if (isTooFast(input, at)) return { by: 'acceleration', freesAt: null }
      const wanted = { requests: 1, input, output: 1 }
      let refused: Refused | undefined
      for (const [name, tank] of tanks) {
        if (levelOf(tank, at) >= wanted[name] - ROUNDING) continue
        const frees = freesAt(tank, wanted[name], at)
        if (refused === undefined || frees > (refused.freesAt ?? 0)) refused = { by: name, freesAt: frees }
      }
      return refused
    },
    enter: (input, at) => {
      inFlight += 1
      take('requests', 1, at)
      take('input', input, at)
      if (limits.acceleration === undefined) return
      const minute = Math.floor(at / MINUTE_MS)
      minutes.set(minute, (minutes.get(minute) ?? 0) + input)
      minutes.delete(minute - MINUTES_AVERAGED - 1)
    },
    leave: (output, at) => {
      inFlight -= 1
      take('output', output, at)
    },
    inFlight: () => inFlight,
    room: (at) => Math.min(1, ...[...tanks.values()].map((tank) => levelOf(tank, at) / sizeAt(tank, at))),
    readings: (at) =>
      [...tanks].map(([limit, tank]) => {
        const level = Math.max(0, levelOf(tank, at))
        const remaining = limit === 'requests' ? Math.floor(level) : Math.round(level / 1_000) * 1_000
        const size = sizeAt(tank, at)
        return { limit, window: 'minute', size, remaining, resetAt: Math.ceil(freesAt(tank, size, at)) }
      }),
  }
}
