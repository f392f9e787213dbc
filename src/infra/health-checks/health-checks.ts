/**
 * Asks every provider in turn whether it answers, by requests that cost nothing, and records when one finds something else than
 * is known. A check is no traffic: it counts nowhere, and no machine hears of it. Traffic is the better check: who has
 * answered a request within the interval is not asked.
 */
import { Effect, Option, Random, Result, type Scope } from 'effect'
import { Ledger } from '#actors/ledger.ts'
import { neverBack } from '#actors/never-back.ts'
import type { Upstream, UpstreamRequest, Upstreams } from '#actors/ports.ts'
import { sideCall } from '#actors/side-call.ts'
import { countsAgainst, type FailureReason } from '#domain/failure.ts'
import type { ProviderId } from '#domain/ids.ts'
import type { ResolvedProvider } from '#infra/config/config.ts'
import { freeRequest } from '#infra/health-checks/free-request.ts'

const TIMEOUT_MS = 10_000
/** Pauses are longer or shorter by up to this share, so that several boxes do not come to a provider together. */
const JITTER_SHARE = 0.2
/** While nobody is to be asked, the configuration is looked at again after this. */
const IDLE_MS = 10_000
/** That an answer comes is enough: a list of models can have half a megabyte. */
const ENOUGH_BYTES = 64 * 1024

export interface HealthCheckOptions {
  readonly upstreams: Upstreams['Service']
  /** Of the configuration in force. */
  readonly providers: () => readonly ResolvedProvider[]
  /** From one check of a provider to its next; 0: none. */
  readonly intervalMs: () => number
}

/** Checks until the scope closes. */
export const startHealthChecks = (options: HealthCheckOptions): Effect.Effect<void, never, Ledger | Scope.Scope> =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const clock = yield* Effect.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()

    /** What to ask; undefined: this provider is not to be asked. */
    const requestFor = (id: ProviderId): UpstreamRequest | undefined => {
      const provider = options.providers().find((one) => one.id === id)
      const policy = ledger.state.policy.providers.find((one) => one.id === id)
      if (provider === undefined || policy === undefined || !policy.enabled) return undefined
      // Gone for good: it would say so for ever.
      if (ledger.state.machines.get(id)?.state === 'retired') return undefined
      return freeRequest(provider, policy)
    }

    const hasServedSince = (id: ProviderId, at: number): boolean =>
      (ledger.state.projections.health.get(id)?.lastSuccessAt ?? Number.NEGATIVE_INFINITY) > at

    const check = (id: ProviderId): Effect.Effect<void> =>
      Effect.gen(function* () {
        const request = requestFor(id)
        const upstream = options.upstreams.get(id)
        const startedAt = now()
        const intervalMs = options.intervalMs()
        if (request === undefined || upstream === undefined || intervalMs === 0) return
        if (hasServedSince(id, startedAt - intervalMs)) return
        const problem = yield* ask(upstream, request, now)
        // A reload put another server in its place, or a request has proved the contrary.
        if (options.upstreams.get(id) !== upstream || hasServedSince(id, startedAt)) return
        const ok = problem === undefined
        if (ledger.state.projections.checks.get(id)?.ok === ok) return
        const at = now()
        const found = ok ? { ok } : { ok, reason: problem }
        ledger.record({ _tag: 'ProviderChecked', provider: id, ...found, durationMs: at - startedAt }, at)
      })

    const elapsed = neverBack(now)
    let plannedAt = elapsed()
    const round = Effect.gen(function* () {
      const intervalMs = options.intervalMs()
      const ids = options.providers().flatMap(({ id }) => (requestFor(id) === undefined ? [] : [id]))
      if (intervalMs === 0 || ids.length === 0) {
        yield* Effect.sleep(IDLE_MS)
        plannedAt = elapsed()
        return
      }
      for (const id of ids) {
        const jitter = yield* Random.nextBetween(1 - JITTER_SHARE, 1 + JITTER_SHARE)
        // From plan to plan: a provider that does not answer in time does not put the others off.
        plannedAt = Math.max(plannedAt + Math.round((intervalMs / ids.length) * jitter), elapsed())
        yield* Effect.sleep(plannedAt - elapsed())
        yield* check(id)
      }
    })

    yield* Effect.forkScoped(Effect.forever(round))
  })

/** Why the provider cannot serve; undefined when it can, as far as such a request tells. */
const ask = (
  upstream: Upstream,
  request: UpstreamRequest,
  now: () => number,
): Effect.Effect<FailureReason | undefined> =>
  sideCall(cutShort(upstream), request, now).pipe(
    Effect.timeoutOption(TIMEOUT_MS),
    Effect.result,
    Effect.map((answered) => {
      if (Result.isSuccess(answered)) {
        return Option.isSome(answered.success) ? undefined : ({ _tag: 'Timeout', phase: 'headers' } as const)
      }
      const { reason } = answered.failure
      const blame = countsAgainst(reason)
      // Who refuses for a limit, or does not know the path, is there.
      return blame === 'provider' || blame === 'account' ? reason : undefined
    }),
  )

const cutShort = (upstream: Upstream): Upstream => ({
  ...upstream,
  open: (request, listener) => {
    let bytes = 0
    const exchange = upstream.open(request, {
      ...listener,
      data: (chunk) => {
        bytes += chunk.length
        if (bytes <= ENOUGH_BYTES) return listener.data(chunk)
        exchange.abort()
        listener.end()
        return true
      },
    })
    return exchange
  },
})
