/**
 * A random but repeatable provider: latencies, speeds, failures and outages drawn from a seed. The verdict on a request
 * is a pure function of the seed, the request's number and the time since the start; outages depend on the time alone.
 */
import { draw, logNormal } from '#infra/simulator/draws.ts'
import { overloaded, rateLimited, serverError } from '#infra/simulator/refusals.ts'
import { answer, drop, type Step } from '#infra/simulator/script.ts'

/** Half of the draws lie below the median; sigma 0 makes them all equal. */
export interface Spread {
  readonly median: number
  readonly sigma: number
}

export interface World {
  readonly firstTokenMs: Spread
  readonly tokensPerSecond: Spread
  /** Output tokens of an answer that nobody scripted. */
  readonly answerTokens: Spread
  /** Shares (0..1) of all requests; together at most 1. */
  readonly failures: {
    readonly rateLimitedShare: number
    readonly overloadedShare: number
    readonly serverErrorShare: number
    /** The connection is reset in the middle of the stream. */
    readonly droppedShare: number
  }
  /** One outage in each period of `everyMs`, at a drawn moment, of half to one and a half times `lastsMs`. */
  readonly outages?: {
    readonly everyMs: number
    readonly lastsMs: number
    readonly how: 'overloaded' | 'serverError' | 'reset'
  }
}

export interface Verdict {
  readonly step: Step
  /** Wanted length of an answer, in output tokens. */
  readonly answerTokens: number
}

/** What the world does to request number `n` (1, 2, 3 …), `elapsedMs` after the provider's start. */
export const verdict = (world: World, seed: number, n: number, elapsedMs: number): Verdict => {
  const spread = ({ median, sigma }: Spread, purpose: number): number =>
    logNormal(median, sigma, draw(seed, n, purpose), draw(seed, n, purpose + 1))
  const firstTokenMs = Math.round(spread(world.firstTokenMs, 10))
  const pace = { firstTokenMs, tokensPerSecond: Math.max(1, spread(world.tokensPerSecond, 20)) }
  const answerTokens = Math.max(1, Math.round(spread(world.answerTokens, 30)))
  // Refusals come quicker than answers.
  const refusalMs = Math.round(firstTokenMs / 4)
  const late = <S extends object>(step: S): S => ({ ...step, afterMs: refusalMs })

  if (world.outages !== undefined && inOutage(world.outages, seed, elapsedMs)) {
    return { answerTokens, step: OUTAGE_STEP[world.outages.how] }
  }
  const { rateLimitedShare, overloadedShare, serverErrorShare, droppedShare } = world.failures
  const dice = draw(seed, n, 1)
  const table: readonly (readonly [number, () => Step])[] = [
    [rateLimitedShare, () => late(rateLimited({ retryAfterSeconds: 1 + Math.floor(draw(seed, n, 2) * 5) }))],
    [overloadedShare, () => late(overloaded())],
    [serverErrorShare, () => late(serverError())],
    [
      droppedShare,
      () =>
        answer(undefined, {
          pace,
          fault: { _tag: 'Drop', at: { events: 4 + Math.floor(draw(seed, n, 3) * 20) }, how: 'reset' },
        }),
    ],
  ]
  let edge = 0
  for (const [share, step] of table) {
    edge += share
    if (dice < edge) return { answerTokens, step: step() }
  }
  return { answerTokens, step: answer(undefined, { pace }) }
}

/** True while an outage lasts. */
export const inOutage = (outages: NonNullable<World['outages']>, seed: number, elapsedMs: number): boolean => {
  const period = Math.floor(elapsedMs / outages.everyMs)
  const lastsMs = Math.min(outages.everyMs, outages.lastsMs * (0.5 + draw(seed, period, 40)))
  const from = period * outages.everyMs + draw(seed, period, 41) * (outages.everyMs - lastsMs)
  return elapsedMs >= from && elapsedMs < from + lastsMs
}

const OUTAGE_STEP: { readonly [K in NonNullable<World['outages']>['how']]: Step } = {
  overloaded: overloaded({ retryAfterSeconds: 5 }),
  serverError: serverError(),
  reset: drop('beforeHeaders'),
}
