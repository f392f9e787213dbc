/**
 * One policy against another over the same calls: what differs, how sure it is, and what nobody can know from this log.
 */
import type { ProviderId } from '#domain/ids.ts'
import { drawnFigures, type Sessions, sessionsOf } from '#domain/what-if/drawn-figures.ts'
import { drawnTimes, type Interval, intervalOf, seeded } from '#domain/what-if/intervals.ts'
import { type Figures, figuresOf, type Outcome } from '#domain/what-if/outcome.ts'

export const MEASURES = ['costUsd', 'successShare', 'limited', 'ttftP50Ms', 'ttftP95Ms', 'switchShare'] as const
export type Measure = (typeof MEASURES)[number]

export type Finding =
  | { readonly _tag: 'Known'; readonly before: number; readonly difference: Interval }
  /** `why` in words for the user. */
  | { readonly _tag: 'NotKnown'; readonly before: number; readonly why: string }

export interface Comparison {
  readonly calls: number
  readonly sessions: number
  /** Calls that went as they did, with what was observed of them. */
  readonly unchangedShare: number
  /** Kish's size: of how many independent sessions the calls tell as much, since long sessions count more. */
  readonly effectiveSessions: number
  readonly unsupportedShare: number
  /** Calls that would go to providers that are an assumption: what is said of them is worth as much. */
  readonly assumedShare: number
  readonly findings: { readonly [M in Measure]: Finding }
  readonly shareBy: ReadonlyMap<ProviderId, Finding>
}

export interface Compared {
  /** What was observed. */
  readonly before: readonly Outcome[]
  /** The same calls in several worlds that the log does not tell apart. */
  readonly worlds: readonly (readonly Outcome[])[]
  /** The log's own policy, with nothing taken from the log, in some worlds: how the model errs. */
  readonly backtests: readonly (readonly Outcome[])[]
  /** Why nobody can tell how often a limit would have refused; absent: it can be told. */
  readonly limitsUnknown?: string | undefined
  readonly seed: number
}

const DRAWS = 400
/** More than this share of calls at providers of which too little is known, and a figure would be a guess. */
const MOST_UNSUPPORTED = 0.05
/** Below this the intervals of a bootstrap over sessions are too narrow. */
const LEAST_SESSIONS = 5
const LEAST_CALLS = 30

export const compare = ({ before, worlds, backtests, limitsUnknown, seed }: Compared): Comparison => {
  const sessions = sessionsOf(before)
  const all = worlds.flat()
  const shareOf = (is: (outcome: Outcome) => boolean): number => all.filter(is).length / Math.max(1, all.length)
  const unsupportedShare = shareOf(({ unsupported }) => unsupported > 0)
  const modelledShare = shareOf(({ modelled }) => modelled > 0)
  const why = whyNotKnown(before.length, sessions.count, unsupportedShare)
  const observed = figuresOf(before)
  const modelled = backtests.map(figuresOf)
  const afters = worlds.map(figuresOf)
  const drawn = draws(before, worlds, sessions, seed)

  const finding = (
    of: (figures: Figures) => number,
    floorError: (before: number, after: number) => number,
  ): Finding => {
    const start = of(observed)
    if (why !== undefined) return { _tag: 'NotKnown', before: start, why }
    const after = mean(afters.map(of))
    const missed = Math.sqrt(mean(modelled.map((figures) => (of(figures) - start) ** 2)))
    // A backtest models every call. The root of the share that is modelled here, for the errors of two calls are not alike.
    const modelError = Math.hypot(Math.sqrt(modelledShare) * missed, floorError(start, after))
    return {
      _tag: 'Known',
      before: start,
      difference: intervalOf(
        after - start,
        drawn.map(([a, b]) => of(b) - of(a)),
        modelError,
      ),
    }
  }
  const limited = finding(({ limited: count }) => count, FLOOR_ERRORS.limited)
  const providers = new Set([...afters, observed].flatMap(({ shareBy }) => [...shareBy.keys()]))
  return {
    calls: observed.calls,
    sessions: sessions.count,
    unchangedShare: 1 - modelledShare,
    effectiveSessions: kish(sessions.sizes),
    unsupportedShare,
    assumedShare: shareOf(({ assumed }) => assumed > 0),
    findings: {
      costUsd: finding(({ costUsd }) => costUsd, FLOOR_ERRORS.costUsd),
      successShare: finding(
        ({ successShare }) => successShare,
        () => 1 / Math.max(1, observed.calls),
      ),
      limited:
        limitsUnknown === undefined || limited._tag === 'NotKnown'
          ? limited
          : { _tag: 'NotKnown', before: limited.before, why: limitsUnknown },
      ttftP50Ms: finding(({ ttftP50Ms }) => ttftP50Ms, FLOOR_ERRORS.ttftP50Ms),
      ttftP95Ms: finding(({ ttftP95Ms }) => ttftP95Ms, FLOOR_ERRORS.ttftP95Ms),
      switchShare: finding(({ switchShare }) => switchShare, FLOOR_ERRORS.share),
    },
    shareBy: new Map(
      [...providers].sort().map((id) => [id, finding(({ shareBy }) => shareBy.get(id) ?? 0, FLOOR_ERRORS.provider)]),
    ),
  }
}

/**
 * Standard errors that remain however well a backtest goes: two runs of one world differ by as much when a single early choice does
 * (docs/adr/0021). Refusals come in bursts of several, so their counts vary four times as much as those of independent ones, and a log
 * without one does not exclude a burst.
 */
const FLOOR_ERRORS = {
  costUsd: (before: number): number => 0.02 * before,
  limited: (before: number, after: number): number => Math.sqrt(8 + 4 * Math.max(before, after)),
  ttftP50Ms: (before: number): number => 0.03 * before,
  ttftP95Ms: (before: number): number => 0.08 * before,
  share: (): number => 0.01,
  provider: (): number => 0.03,
}

const whyNotKnown = (calls: number, sessions: number, unsupportedShare: number): string | undefined => {
  if (calls < LEAST_CALLS) return `${calls} calls are too few`
  if (sessions < LEAST_SESSIONS) return `${sessions} sessions are too few to tell chance from effect`
  if (unsupportedShare > MOST_UNSUPPORTED)
    return `${Math.round(unsupportedShare * 100)} % of the calls would go to providers that were hardly ever asked`
  return undefined
}

/** Figures before and after of the same sessions, drawn again and again. */
const draws = (
  before: readonly Outcome[],
  worlds: readonly (readonly Outcome[])[],
  sessions: Sessions,
  seed: number,
): readonly (readonly [Figures, Figures])[] => {
  const chance = seeded(seed)
  const observed = drawnFigures(before, sessions)
  const others = worlds.map((world) => drawnFigures(world, sessions))
  return Array.from({ length: DRAWS }, () => {
    const other = others[Math.floor(chance() * others.length)] ?? observed
    const times = drawnTimes(sessions.count, chance)
    const calls = sessions.sizes.reduce((sum, size, session) => sum + size * (times[session] ?? 0), 0)
    return [scaled(observed(times), before.length / calls), scaled(other(times), before.length / calls)] as const
  })
}

/** Sums of as many calls as there are. */
const scaled = (figures: Figures, by: number): Figures => ({
  ...figures,
  costUsd: figures.costUsd * by,
  limited: figures.limited * by,
})

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

const kish = (sizes: readonly number[]): number => {
  const sum = sizes.reduce((total, size) => total + size, 0)
  const squares = sizes.reduce((total, size) => total + size * size, 0)
  return squares === 0 ? 0 : (sum * sum) / squares
}
