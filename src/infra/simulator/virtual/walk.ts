/**
 * The fallback cascade in virtual time. It follows src/actors/cascade.ts and attempt.ts step by step, with exchanges of known ends in
 * the place of bytes: a test plays the same worlds through both and compares the events. What it leaves out: the wait for the
 * log before a probe and at the end (the log of a virtual box is instant), keep-alives, whole answers.
 */
import { type AttemptEstimate, recordedEstimate } from '#actors/estimates.ts'
import { type FailedAttempt, type FinalAnswer, finalAnswer, type Skip, type Stopped } from '#actors/final-answer.ts'
import type { UpstreamAnswer } from '#actors/ports.ts'
import { ProviderError } from '#actors/provider-error.ts'
import type { RouteChosen } from '#domain/decisions.ts'
import type { Decision, RequestAdmitted } from '#domain/events.ts'
import { billOfFailed } from '#domain/failed-bill.ts'
import { type FailureReason, retryableElsewhere } from '#domain/failure.ts'
import type { ModelId, ProviderId } from '#domain/ids.ts'
import { resolveModel } from '#domain/model-map.ts'
import type { ProviderPolicy } from '#domain/policy.ts'
import { attemptCost } from '#domain/pricing.ts'
import type { Usage } from '#domain/usage.ts'
import { type Asked, type Backend, contentAt, type Exchange, toldAt } from './exchange.ts'
import { type Gateway, tickAfter } from './gateway.ts'
import { overAt } from './time-limits.ts'
import type { Timeline, Wait } from './timeline.ts'

export interface Journey<C> {
  readonly gateway: Gateway
  readonly backend: Backend<C>
  readonly timeline: Timeline
  readonly admitted: Omit<RequestAdmitted, '_tag' | 'draw'>
  readonly call: C
  /** Attempts for the same call before this request. */
  readonly issued: number
  /** Draw for the admission (attempt 0), and for the failure of each attempt. */
  readonly draw: (attempt: number) => number
  /** Epoch ms at which the client leaves; Infinity: it stays. */
  readonly leavesAt: number
  /** When the timekeeper was started: time limits are kept at its ticks. */
  readonly startedAt: number
}

/** How a request ended for its client. */
export type Served = { readonly attempts: number; readonly admittedAt: number; readonly endedAt: number } & (
  | {
      readonly _tag: 'Answered'
      readonly provider: ProviderId
      readonly firstContentAt: number
      readonly usage: Usage
    }
  /** The client had seen the beginning of an answer. */
  | { readonly _tag: 'Broken'; readonly provider: ProviderId }
  /** `status` 200: the headers had gone out, the error came as an event. */
  | {
      readonly _tag: 'Refused'
      readonly status: number
      readonly retryAfterS: number | null
      readonly mayRetry: boolean
    }
  | { readonly _tag: 'Left' }
)

/** Providers grow; what one refused is tried again after a day (cascade.ts). */
const LEARNED_FOR_MS = 24 * 3_600_000
/** A request in the queue looks again no sooner than this (cascade.ts). */
const QUEUE_STEP_MS = 50

/** An attempt under way. */
interface Started {
  readonly policy: ProviderPolicy
  readonly model: ModelId
  readonly attempt: number
  /** Epoch ms. */
  readonly startedAt: number
  readonly estimate: AttemptEstimate
}

type Outcome = 'over' | 'next' | 'again'

/** Serves one request to its end. */
export function* walk<C>(journey: Journey<C>): Generator<Wait, Served, void> {
  const { gateway, backend, timeline, admitted, call, leavesAt } = journey
  const { requestId } = admitted
  const { routing, stream } = gateway.policy
  const now = timeline.now
  const admittedAt = now()
  const request: RequestAdmitted = { _tag: 'RequestAdmitted', ...admitted, draw: journey.draw(0) }
  const decisions = gateway.record(request, admittedAt)
  const route = routeIn(decisions)
  const deadlineAt = admittedAt + routing.deadlineMs
  const wanted = route.stepDown?.model ?? admitted.model
  /** A client that has heard nothing by then gets the headers of a stream. */
  const earlyAt = tickAfter(journey.startedAt, admittedAt + stream.commitHeadersAfterMs)

  const failures: FailedAttempt[] = []
  const skipped: Skip[] = [...route.skipped]
  let attempts = 0
  let tried = 0
  let served: Served | undefined
  const ended = () => ({ attempts, admittedAt, endedAt: now() })
  const mayFallBack = (): boolean => tried <= routing.maxFallbacks && gateway.mayRetry()

  const leave = (): void => {
    gateway.record({ _tag: 'RequestCancelled', requestId, attempts, by: 'client' }, now())
    served = { _tag: 'Left', ...ended() }
  }

  /** Answers false when the client left meanwhile. */
  function* pause(until: number): Generator<Wait, boolean, void> {
    yield Math.min(until, leavesAt)
    if (leavesAt >= until) return true
    leave()
    return false
  }

  function* attemptAt(id: ProviderId, isLast: () => boolean): Generator<Wait, Outcome, void> {
    const at = now()
    const policy = gateway.policy.providers.find((provider) => provider.id === id)
    const model = policy && resolveModel(policy, wanted)
    if (policy?.enabled !== true || model === undefined) {
      skipped.push({ provider: id, reason: 'disabled' })
      return 'next'
    }
    const admits = gateway.admission(id, at)
    const isLastResort = route.lastResort === true && admits.admit === 'no' && admits.mayBeLastResort === true
    if (admits.admit === 'no' && !isLastResort) {
      const { reason, until } = admits
      skipped.push({ provider: id, reason, ...(until === undefined ? {} : { until }) })
      return 'next'
    }
    const estimate = gateway.estimate(request, policy, model, at)
    if (estimate.unpayable !== undefined) {
      skipped.push({ provider: id, ...estimate.unpayable })
      return 'next'
    }
    const full = gateway.fullUntil(request, policy, { model, input: estimate.inputTokens }, at)
    if (full !== undefined) {
      skipped.push({ provider: id, reason: 'limitReached', until: full })
      return 'next'
    }
    attempts += 1
    const attempt = attempts
    const started: Started = { policy, model, attempt, startedAt: at, estimate }
    const isProbe = admits.admit === 'probe' || isLastResort
    gateway.record(
      {
        _tag: 'AttemptStarted',
        requestId,
        attempt,
        provider: id,
        model,
        ...recordedEstimate(estimate),
        ...(isLastResort ? { lastResort: true } : {}),
        ...(isProbe ? { probe: { leaseUntil: at + policy.breaker.probeLeaseMs } } : {}),
      },
      at,
    )
    const without = gateway.without(id, model, at)
    const asked: Asked<C> = { provider: id, model, call, issue: journey.issued + attempt, without, at }
    // As cascade.ts: asked when the attempt has been recorded.
    const hasNobodyElse = isLast()
    const exchange = backend.open(asked)
    // Where nobody could take over, bytes pass from the first on.
    const relayedAt = isStream(exchange) ? (hasNobodyElse ? exchange.headersAt : exchange.firstContentAt) : NEVER
    const over = overAt(exchange, policy, { at, deadlineAt, relayedAt, startedAt: journey.startedAt })
    const until = Math.min(over.at, leavesAt)
    if (until > at) yield until
    const leaves = leavesAt < over.at
    backend.close(asked, exchange, now())
    if (leaves) {
      fail(started, { _tag: 'Cancelled', by: 'client' }, exchange, relayedAt)
      leave()
      return 'over'
    }
    if (over.timeout === undefined && exchange.end._tag === 'Answered') {
      const { usage } = exchange.end
      const { listNanoUsd, savedNanoUsd } = attemptCost({ provider: policy, model, usage })
      gateway.record(
        {
          _tag: 'AttemptSucceeded',
          requestId,
          attempt,
          provider: id,
          model,
          status: 200,
          usage,
          stopReason: 'end_turn',
          ttftMs: exchange.firstContentAt - at,
          durationMs: now() - at,
          responseBytes: BYTES_PER_TOKEN * usage.outputTokens,
          ...(listNanoUsd === null ? {} : { costNanoUsd: listNanoUsd }),
          ...(savedNanoUsd === null || savedNanoUsd === 0 ? {} : { cacheSavedNanoUsd: savedNanoUsd }),
          ...(exchange.limits.length === 0 ? {} : { limits: exchange.limits }),
        },
        now(),
      )
      served = { _tag: 'Answered', provider: id, firstContentAt: exchange.firstContentAt, usage, ...ended() }
      return 'over'
    }
    const reason: FailureReason =
      over.timeout ?? (exchange.end._tag === 'Failed' ? exchange.end.reason : { _tag: 'Unknown' })
    const error = fail(started, reason, exchange, relayedAt)
    if (now() >= relayedAt) {
      gateway.record({ _tag: 'RequestFailed', requestId, attempts, status: 200, reason }, now())
      served = { _tag: 'Broken', provider: id, ...ended() }
      return 'over'
    }
    failures.push({ provider: id, error })
    const learned = reason._tag === 'FeatureRefused' ? reason.features.filter((one) => !without.includes(one)) : []
    if (learned.length === 0) return 'next'
    const learnedUntil = now() + LEARNED_FOR_MS
    gateway.record(
      { _tag: 'CapabilityLearned', requestId, provider: id, model, features: learned, until: learnedUntil },
      now(),
    )
    return 'again'
  }

  const fail = (
    { policy, model, attempt, startedAt, estimate }: Started,
    reason: FailureReason,
    exchange: Exchange,
    relayedAt: number,
  ): ProviderError => {
    const at = now()
    const hasHeaders = at >= exchange.headersAt
    const usage = isStream(exchange) ? toldAt(exchange, at) : undefined
    const isEarly = at >= earlyAt && relayedAt >= earlyAt
    const stage = at >= exchange.firstContentAt ? 'S2' : isEarly ? 'S1' : 'S0'
    const limits = hasHeaders ? exchange.limits : []
    const bill = billOfFailed({
      reason,
      usage,
      ...contentAt(exchange, at),
      isCounted: false,
      promptNanoUsd: estimate.promptNanoUsd,
      costOf: (told) => attemptCost({ provider: policy, model, usage: told }).nanoUsd,
    })
    gateway.record(
      {
        _tag: 'AttemptFailed',
        requestId,
        attempt,
        provider: policy.id,
        model,
        reason,
        stage,
        durationMs: at - startedAt,
        ...bill,
        ...(limits.length === 0 ? {} : { limits }),
        draw: journey.draw(attempt),
      },
      at,
    )
    const spoken = exchange.end._tag === 'Failed' && hasHeaders ? exchange.end.spoken : undefined
    return new ProviderError({
      reason,
      stage,
      usage,
      upstreamRequestId: undefined,
      headers: [],
      answer: spoken === undefined ? undefined : answerOf(spoken),
      mirror: undefined,
    })
  }

  function* tryEach(order: readonly ProviderId[]): Generator<Wait, 'over' | Stopped, void> {
    for (const [index, id] of order.entries()) {
      const last = failures.at(-1)
      if (tried > 0) {
        if (last !== undefined && !retryableElsewhere(last.error.reason)) break
        if (tried > routing.maxFallbacks) break
        if (routing.fallbackDelayMs > 0 && !(yield* pause(now() + routing.fallbackDelayMs))) return 'over'
        if (!mayFallBack()) return 'retryBudget'
      }
      if (now() >= deadlineAt) return 'deadline'
      const before = attempts
      const isLast = () => index === order.length - 1 || !mayFallBack()
      let outcome = yield* attemptAt(id, isLast)
      if (attempts > before) tried += 1
      if (outcome === 'again' && gateway.mayRetry()) {
        failures.pop()
        outcome = yield* attemptAt(id, isLast)
      }
      if (outcome === 'over') return 'over'
    }
    return 'exhausted'
  }

  let stopped = yield* tryEach(route.order)
  const { queue } = route
  while (queue !== undefined && attempts === 0 && stopped === 'exhausted') {
    const waiting = skipped.filter(({ provider }) => queue.providers.includes(provider))
    const freesAt = Math.min(...waiting.map(({ until }) => until ?? now()))
    const next = Math.max(freesAt, now() + QUEUE_STEP_MS)
    if (next >= Math.min(queue.until, deadlineAt)) break
    if (!(yield* pause(next))) break
    skipped.splice(0, Number.POSITIVE_INFINITY, ...skipped.filter((skip) => !waiting.includes(skip)))
    stopped = yield* tryEach(queue.providers)
  }
  if (served !== undefined) return served
  if (stopped === 'over') throw new Error('a walk was over without an end')
  const final = finalAnswer(wanted, skipped, failures, stopped, now(), admitted.needs, route.budget?.name)
  const hasBegun = now() >= earlyAt
  const { status } = final.answer
  gateway.record(
    { _tag: 'RequestFailed', requestId, attempts, status: hasBegun ? 200 : status, reason: final.reason },
    now(),
  )
  const heard = heardBy(final)
  return {
    _tag: 'Refused',
    status: hasBegun ? 200 : status,
    ...(hasBegun ? { retryAfterS: null, mayRetry: true } : heard),
    ...ended(),
  }
}

const routeIn = (decisions: readonly Decision[]): RouteChosen => {
  const route = decisions.find((decision) => decision._tag === 'RouteChosen')
  if (route === undefined) throw new Error('no route was decided for an admitted request')
  return route
}

const BYTES_PER_TOKEN = 4
const NEVER = Number.POSITIVE_INFINITY

/** Not an error with a status of its own. */
const isStream = ({ end }: Exchange): boolean => end._tag === 'Answered' || end.spoken === undefined

const answerOf = ({
  status,
  retryAfterS,
}: {
  readonly status: number
  readonly retryAfterS: number | null
}): UpstreamAnswer => ({
  status,
  headers: retryAfterS === null ? [] : [['retry-after', String(retryAfterS)]],
  body: new Uint8Array(),
})

const heardBy = (final: FinalAnswer): { readonly retryAfterS: number | null; readonly mayRetry: boolean } => {
  const header = (name: string) => final.answer.headers.find(([key]) => key === name)?.[1]
  const after = header('retry-after')
  const isHopeless = final._tag === 'Upstream' && final.hopeless
  return {
    retryAfterS: after === undefined ? null : Number(after),
    mayRetry: !isHopeless && header('x-should-retry') !== 'false',
  }
}
