/**
 * Events of single attempts with all that a test does not care about filled in, and folding them at their times.
 */
import type { AttemptFailed, AttemptStarted, AttemptSucceeded, DomainEvent, RequestAdmitted } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'
import type { ModelId, ProviderId } from '#domain/ids.ts'
import { defaultBreaker, defaultPolicy, defaultTimeouts, type ProviderPolicy } from '#domain/policy.ts'
import type { Occurred, Projection } from '#domain/projections/projection.ts'
import { noUsage, type Usage } from '#domain/usage.ts'
import { EPOCH, MODELS, PROVIDERS, requestNamed, served } from '#test/generators.ts'

export const PROVIDER = PROVIDERS[0]!
export const MODEL = MODELS[0]!

interface Pair {
  readonly provider?: ProviderId
  readonly model?: ModelId
}

const named = (n: number, { provider = PROVIDER, model = MODEL }: Pair) => ({
  requestId: requestNamed(n),
  attempt: 1,
  provider,
  model,
})

export const admitted = (n: number, some: Partial<RequestAdmitted> = {}): RequestAdmitted => ({
  ...{ _tag: 'RequestAdmitted', requestId: requestNamed(n), model: MODEL, stream: true, bodyBytes: 10_000 },
  ...{ messages: 1, tools: 12, images: 0, draw: 0 },
  ...some,
})

export const started = (n: number, pair: Pair = {}): AttemptStarted => ({ _tag: 'AttemptStarted', ...named(n, pair) })

export const succeeded = (
  n: number,
  some: Partial<Omit<AttemptSucceeded, 'usage'>> & { readonly usage?: Partial<Usage> } = {},
): AttemptSucceeded => ({
  ...{ _tag: 'AttemptSucceeded', ...named(n, some), ...served, durationMs: 1_000 },
  ...some,
  usage: { ...noUsage, ...some.usage },
})

export const failed = (n: number, reason: FailureReason, some: Partial<AttemptFailed> = {}): AttemptFailed => ({
  ...{ _tag: 'AttemptFailed', ...named(n, some), reason, stage: 'S0', durationMs: 1, draw: 0 },
  ...some,
})

/** A policy of providers of which nothing is told but their names. */
export const policyOf = (...ids: readonly ProviderId[]): DomainEvent => ({
  _tag: 'PolicyChanged',
  version: 1,
  policy: { ...defaultPolicy, providers: ids.map((id) => providerNamed(id)) },
})

export const providerNamed = (id: ProviderId, some: Partial<ProviderPolicy> = {}): ProviderPolicy => ({
  ...{
    id,
    kind: 'anthropic',
    enabled: true,
    priority: 0,
    models: {},
    breaker: defaultBreaker,
    timeouts: defaultTimeouts,
  },
  ...some,
})

/** Milliseconds after the beginning, and what happened then. */
export type Moment = readonly [afterMs: number, event: DomainEvent]

export const fold = <S>(projection: Projection<S>, moments: readonly Moment[]): S =>
  moments.reduce((state, [afterMs, event]) => projection.evolve(state, occurred(afterMs, event)), projection.initial())

export const occurred = (afterMs: number, event: DomainEvent): Occurred => ({
  event,
  occurredAt: EPOCH + afterMs,
  writer: 'box',
})
