/**
 * The fallback cascade of one request, as an Effect program: walks the chosen route, asks each provider's own machine again,
 * runs one attempt at a time within the retry budget and the deadline, and sees to it that exactly one terminal event is
 * recorded whatever happens, before the client gets the end of its response.
 */
import { Effect, Exit, Random, Result } from 'effect'
import { type AttemptSuccess, runAttempt } from '#actors/attempt.ts'
import { attemptEstimate, fullUntil, promptEstimate, recordedEstimate } from '#actors/estimates.ts'
import { type FailedAttempt, finalAnswer, type Skip, type Stopped } from '#actors/final-answer.ts'
import { admission, providerPolicy } from '#actors/gateway-state.ts'
import { Ledger } from '#actors/ledger.ts'
import { failedAttempt, type StartedAttempt, succeededAttempt } from '#actors/outcome.ts'
import { askPermit, type Permit, Permits } from '#actors/permits.ts'
import { type ClientResponse, type HeaderList, type UpstreamRequest, Upstreams } from '#actors/ports.ts'
import type { ProviderError } from '#actors/provider-error.ts'
import { answerHeaders, sendFinal } from '#actors/respond.ts'
import { StreamGate } from '#actors/stream-gate.ts'
import { Timekeeper } from '#actors/timekeeper.ts'
import { readSunset } from '#domain/dialect/sunset-headers.ts'
import { type UnifiedBounds, withUnifiedLimits } from '#domain/dialect/unified-limits.ts'
import type { Decision, RequestAdmitted } from '#domain/events.ts'
import { type FailureReason, retryableElsewhere } from '#domain/failure.ts'
import type { ModelId, ProviderId } from '#domain/ids.ts'
import { resolveModel } from '#domain/model-map.ts'
import { chargeOf, standingsOf } from '#domain/projections/budgets.ts'
import { announcedEnd, refusedFeatures } from '#domain/projections/capabilities.ts'
import { mayRetry } from '#domain/projections/retry-budget.ts'

export interface CascadeInput {
  readonly admitted: Omit<RequestAdmitted, '_tag' | 'draw'>
  readonly request: UpstreamRequest & { readonly body: Uint8Array }
  readonly client: ClientResponse
  /** Headers for every answer, e.g. `x-signalbox-simulated`. */
  readonly ownHeaders: HeaderList
  /** Headers that tell a provider which trace an attempt (1, 2, 3 …) is part of; absent: it is not told. */
  readonly traceUpstream?: (attempt: number) => HeaderList
  /** Tells the client of budgets and limits in the headers that it knows, where the provider tells nothing. */
  readonly quotaHeaders: boolean
  /** Who is to blame when the running fiber is interrupted. */
  readonly cancelledBy: () => 'client' | 'shutdown'
}

/** Providers grow; what one refused is tried again after a day. */
const LEARNED_FOR_MS = 24 * 3_600_000

/** A request in the queue looks again no sooner than this: room may have gone to another that waited as long. */
const QUEUE_STEP_MS = 50

/** Of the decisions on an admitted request what its cascade needs: the reasons of the route, which are many, go with their event. */
const routeIn = (decisions: readonly Decision[]) => {
  const route = decisions.find((decision) => decision._tag === 'RouteChosen')
  if (route === undefined) return undefined
  const { order, queue, skipped, lastResort, stepDown, budget } = route
  return { order, queue, skipped, lastResort, stepDown, budget }
}

/** Serves one request to its end. Never fails: every failure has been answered, mirrored or recorded. */
export const runCascade = Effect.fnUntraced(function* (input: CascadeInput) {
  const ledger = yield* Ledger
  const upstreams = yield* Upstreams
  const timekeeper = yield* Timekeeper
  const random = yield* Random.Random
  const permits = yield* Permits
  const clock = yield* Effect.clockWith(Effect.succeed)
  const now = () => clock.currentTimeMillisUnsafe()
  const draw = () => random.nextDoubleUnsafe()
  const { admitted, client, ownHeaders } = input
  const { requestId } = admitted

  const admittedAt = now()
  const route = routeIn(ledger.record({ _tag: 'RequestAdmitted', ...admitted, draw: draw() }, admittedAt))
  if (route === undefined) return yield* Effect.die(new Error('no route was decided for an admitted request'))
  /** What the providers are asked for: a budget may have stepped down to another model. */
  const asked = route.stepDown?.model ?? admitted.model

  const { routing, stream: streamPolicy } = ledger.state.policy
  const deadlineAt = timekeeper.now() + routing.deadlineMs
  const gate = admitted.stream
    ? new StreamGate(
        client,
        { startedAt: timekeeper.now(), ...streamPolicy },
        answerHeaders([], { requestId }, ownHeaders),
        timekeeper.now,
      )
    : undefined
  if (gate !== undefined) timekeeper.add(gate.watch)

  const failures: FailedAttempt[] = []
  const skipped: Skip[] = [...route.skipped]
  let attempts = 0
  /** Providers among them. */
  let tried = 0
  let inFlight: StartedAttempt | undefined
  /** Leave for the attempt, which is given back with its end; undefined: none was needed. */
  let permit: Permit | undefined
  let terminal = false

  const settlePermit = (chargedNanoUsd: number | undefined): void => {
    permit?.settle(chargedNanoUsd)
    permit = undefined
  }

  const failAttempt = (reason: FailureReason, error?: ProviderError): void => {
    if (inFlight === undefined) return
    const stage = error?.stage ?? gate?.stage ?? 'S0'
    const failure = { reason, error, stage, reading: gate?.reading, draw: draw() }
    const failed = failedAttempt(inFlight, failure, now(), timekeeper.now())
    ledger.record(failed, now())
    settlePermit(failed.costNanoUsd)
    inFlight = undefined
  }

  const failRequest = (reason: FailureReason, status: number): void => {
    terminal = true
    ledger.record({ _tag: 'RequestFailed', requestId, attempts, status, reason }, now())
  }

  const succeed = (success: AttemptSuccess, started: StartedAttempt): void => {
    terminal = true
    inFlight = undefined
    const succeeded = succeededAttempt(started, success, now(), timekeeper.now())
    ledger.record(succeeded, now())
    settlePermit(chargeOf(succeeded))
  }

  /** What bounds this client at a provider now. */
  const boundsAt = (provider: ProviderId): UnifiedBounds => {
    const { budgets, limits } = ledger.state.projections
    return {
      standings: standingsOf(budgets, admitted, now()),
      meters: limits.get(provider)?.meters ?? [],
      at: now(),
    }
  }

  const mayFallBack = () => tried <= routing.maxFallbacks && mayRetry(ledger.state.projections.retryBudget)

  /** Records an end that the provider announces, when it says something new. */
  const noteSunset = (headers: HeaderList, provider: ProviderId, model: ModelId): void => {
    const announced = readSunset(headers)
    if (announced === undefined) return
    const known = announcedEnd(ledger.state.projections.capabilities, provider, model)
    const { sunsetAt, deprecatedAt } = announced
    if ((sunsetAt ?? null) === known.sunsetAt && (deprecatedAt ?? null) === known.deprecatedAt) return
    ledger.record({ _tag: 'SunsetAnnounced', provider, model, ...announced }, now())
  }

  /**
   * One attempt at a provider. `again`: it refused features by name, which its requests go without from now on.
   */
  const attemptAt = function* (
    provider: ProviderId,
    hold: () => boolean,
  ): Effect.fn.Return<'over' | 'next' | 'again', never> {
    const at = now()
    const upstream = upstreams.get(provider)
    const policy = providerPolicy(ledger.state, provider)
    const model = policy && resolveModel(policy, asked)
    // Asked again: the policy may have changed since the route was chosen.
    if (upstream === undefined || policy?.enabled !== true || model === undefined) {
      skipped.push({ provider, reason: 'disabled' })
      return 'next'
    }
    const admits = admission(ledger.state, provider, at)
    const isLastResort = route.lastResort === true && admits.admit === 'no' && admits.mayBeLastResort === true
    if (admits.admit === 'no' && !isLastResort) {
      const { reason, until } = admits
      skipped.push({ provider, reason, ...(until === undefined ? {} : { until }) })
      return 'next'
    }
    const estimate = attemptEstimate(ledger.state, admitted, policy, model, at)
    // The route saw limits and budgets as they were when the request came; others may have used them up meanwhile.
    if (estimate.unpayable !== undefined) {
      skipped.push({ provider, ...estimate.unpayable })
      return 'next'
    }
    const full = fullUntil(ledger.state, admitted, policy, { model, input: estimate.inputTokens }, at)
    if (full !== undefined) {
      skipped.push({ provider, reason: 'limitReached', until: full })
      return 'next'
    }
    const isProbe = admits.admit === 'probe' || isLastResort
    if (permits !== undefined) {
      const wanted = { request: admitted, provider: policy, model, isProbe, isLastHope: !hold(), estimate }
      const answer = yield* askPermit(permits, ledger.state, wanted, now()).pipe(
        Effect.tap((given) => {
          if (Result.isSuccess(given)) permit = given.success
          return Effect.void
        }),
        // A client that leaves meanwhile is noticed when what was given is in hand, so that it is not lost.
        Effect.uninterruptible,
      )
      if (Result.isFailure(answer)) {
        skipped.push({ provider, ...answer.failure })
        return 'next'
      }
      // Asking took a moment, in which the provider may have gone out of reach; then the route goes on with the next.
      const still = admission(ledger.state, provider, now())
      if (!isLastResort && still.admit !== admits.admit) {
        settlePermit(0)
        skipped.push({
          provider,
          ...(still.admit === 'no' ? { reason: still.reason } : { reason: 'probeInFlight' as const }),
        })
        return 'next'
      }
    }
    attempts += 1
    const [startedAt, since] = [now(), timekeeper.now()]
    const started = { request: admitted, attempt: attempts, provider, policy, upstream, model, estimate, since }
    inFlight = started
    // What was read of the attempt before is no part of this one, whenever it ends.
    gate?.reset()
    ledger.record(
      {
        _tag: 'AttemptStarted',
        requestId,
        attempt: attempts,
        provider,
        model,
        ...recordedEstimate(estimate),
        ...(isLastResort || permit?.isUnleased ? { lastResort: true } : {}),
        ...(isProbe ? { probe: { leaseUntil: startedAt + policy.breaker.probeLeaseMs } } : {}),
      },
      startedAt,
    )
    // The lease of a probe and what is held back of a budget are promises: they must be durable before anything goes out.
    if (isProbe || estimate.reservedNanoUsd !== undefined) yield* ledger.committed
    const attempt = attempts
    const without = refusedFeatures(ledger.state.projections.capabilities, provider, model, at)
    const promptTokens = promptEstimate(ledger.state, admitted, model).tokens
    const target = { asked: admitted.model, model, stream: admitted.stream, without, inputTokens: promptTokens }
    const result = yield* Effect.result(
      runAttempt({
        upstream,
        request: {
          ...input.request,
          target,
          ...(input.traceUpstream === undefined ? {} : { trace: input.traceUpstream(attempt) }),
        },
        gate,
        client,
        clientHeaders: (upstreamHeaders) =>
          answerHeaders(
            input.quotaHeaders ? withUnifiedLimits(upstreamHeaders, () => boundsAt(provider)) : upstreamHeaders,
            { requestId, provider, model, attempts: attempt },
            ownHeaders,
          ),
        hold: hold(),
        timeouts: policy.timeouts,
        deadlineAt,
        timekeeper,
        now,
      }),
    )
    if (Result.isSuccess(result)) {
      result.success.flow()
      succeed(result.success, started)
      noteSunset(result.success.headers, provider, model)
      yield* ledger.committed
      result.success.release()
      return 'over'
    }
    const error = result.failure
    failAttempt(error.reason, error)
    if (error.answer !== undefined) noteSunset(error.answer.headers, provider, model)
    if (error.mirror !== undefined) {
      failRequest(error.reason, 200)
      yield* ledger.committed
      error.mirror()
      return 'over'
    }
    failures.push({ provider, error })
    const learned =
      error.reason._tag === 'FeatureRefused' ? error.reason.features.filter((one) => !without.includes(one)) : []
    if (learned.length === 0) return 'next'
    const until = now() + LEARNED_FOR_MS
    ledger.record({ _tag: 'CapabilityLearned', requestId, provider, model, features: learned, until }, now())
    return 'again'
  }

  /** Asks them in order, until one has served. */
  const tryEach = function* (order: readonly ProviderId[]): Effect.fn.Return<'over' | Stopped, never> {
    for (const [index, provider] of order.entries()) {
      const last = failures.at(-1)
      if (tried > 0) {
        if (last !== undefined && !retryableElsewhere(last.error.reason)) break
        if (tried > routing.maxFallbacks) break
        if (routing.fallbackDelayMs > 0) yield* Effect.sleep(routing.fallbackDelayMs)
        // Asked after the delay, in which others may have spent what was left.
        if (!mayFallBack()) return 'retryBudget'
      }
      if (timekeeper.now() >= deadlineAt) return 'deadline'
      const before = attempts
      const hold = () => index < order.length - 1 && mayFallBack()
      let outcome = yield* attemptAt(provider, hold)
      if (attempts > before) tried += 1
      // Once only: a provider that then refuses something else is as good as one that refuses everything.
      if (outcome === 'again' && mayRetry(ledger.state.projections.retryBudget)) {
        failures.pop()
        outcome = yield* attemptAt(provider, hold)
      }
      if (outcome === 'over') return 'over'
    }
    return 'exhausted'
  }

  const walk = Effect.gen(function* () {
    let stopped = yield* tryEach(route.order)
    const { queue } = route
    while (queue !== undefined && attempts === 0 && stopped === 'exhausted') {
      const waiting = skipped.filter(({ provider }) => queue.providers.includes(provider))
      const freesAt = Math.min(...waiting.map(({ until }) => until ?? now()))
      const next = Math.max(freesAt, now() + QUEUE_STEP_MS)
      if (next >= queue.until || next - now() >= deadlineAt - timekeeper.now()) break
      yield* Effect.sleep(next - now())
      skipped.splice(0, Number.POSITIVE_INFINITY, ...skipped.filter((skip) => !waiting.includes(skip)))
      stopped = yield* tryEach(queue.providers)
    }
    if (stopped === 'over') return
    // The status is recorded before it is sent, so no keep-alive may start the response in between.
    if (gate !== undefined) timekeeper.remove(gate.watch)
    const final = finalAnswer(asked, skipped, failures, stopped, now(), admitted.needs, route.budget?.name)
    failRequest(final.reason, client.started() ? 200 : final.answer.status)
    yield* ledger.committed
    sendFinal(client, final, { requestId, attempts }, ownHeaders)
  })

  // Only the walk can be interrupted: between the admission and here an interruption would leave the request open for ever.
  yield* Effect.interruptible(walk).pipe(
    Effect.onExit((exit) =>
      Effect.suspend(() => {
        if (gate !== undefined) timekeeper.remove(gate.watch)
        // Interrupted between the leave and the attempt.
        if (inFlight === undefined) settlePermit(0)
        if (terminal || Exit.isSuccess(exit)) return Effect.void
        const by = input.cancelledBy()
        if (Exit.hasInterrupts(exit)) {
          failAttempt({ _tag: 'Cancelled', by })
          ledger.record({ _tag: 'RequestCancelled', requestId, attempts, by }, now())
        } else {
          failAttempt({ _tag: 'Unknown' })
          failRequest({ _tag: 'Unknown' }, client.started() ? 200 : 500)
        }
        return Effect.void
      }),
    ),
  )
}, Effect.uninterruptible)
