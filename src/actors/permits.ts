/**
 * What an attempt needs leave for where several instances share providers: the one probe of a half-open circuit, room in a limit
 * that all of them draw on, money of a hard budget. What this instance knows of the others may be a second old; leave is asked of
 * the store that they have in common, just before the attempt. One instance alone needs none: its state is never old.
 */
import { Context, type Effect, type Result } from 'effect'
import type { AttemptEstimate } from '#actors/estimates.ts'
import type { Skip } from '#actors/final-answer.ts'
import type { GatewayState } from '#actors/gateway-state.ts'
import type { RequestAdmitted } from '#domain/events.ts'
import type { ModelId } from '#domain/ids.ts'
import type { ProviderPolicy } from '#domain/policy.ts'
import { type Standing, standingsOf } from '#domain/projections/budgets.ts'
import { expectedOutput } from '#domain/projections/output-sizes.ts'

export interface PermitQuestion {
  readonly provider: ProviderPolicy
  readonly isProbe: boolean
  /** Nobody is left to ask after it. */
  readonly isLastHope: boolean
  /** Estimated tokens that count against the provider's limits. */
  readonly inputTokens: number
  readonly outputTokens: number
  /** The most that it may cost, in billionths of a US dollar; undefined: no hard budget wants to know. */
  readonly reservedNanoUsd: number | undefined
  /** How its budgets stand, as far as this instance knows. */
  readonly standings: readonly Standing[]
}

export interface Permit {
  /** The attempt is over, or was not made after all. `chargedNanoUsd`: what it cost; undefined: nobody knows. */
  readonly settle: (chargedNanoUsd: number | undefined) => void
  /** It is for a probe, and the store that lends the lease of it is away: other instances may probe too. */
  readonly isUnleased?: true
}

/** Why the provider is left out for now. */
export type Refused = Omit<Skip, 'provider'>

export interface Permits {
  readonly ask: (question: PermitQuestion) => Effect.Effect<Result.Result<Permit, Refused>>
}

/** Undefined: this instance is alone. */
export const Permits = Context.Reference<Permits | undefined>('signalbox/actors/Permits', {
  defaultValue: () => undefined,
})

/** Asks leave for an attempt of a request that is about to be made at `at` (epoch ms). */
export const askPermit = (
  permits: Permits,
  { projections: { outputSizes, budgets } }: GatewayState,
  wanted: {
    readonly request: Omit<RequestAdmitted, '_tag' | 'draw'>
    readonly provider: ProviderPolicy
    readonly model: ModelId
    readonly isProbe: boolean
    readonly isLastHope: boolean
    readonly estimate: AttemptEstimate
  },
  at: number,
): ReturnType<Permits['ask']> => {
  const { request, provider, model, isProbe, isLastHope, estimate } = wanted
  return permits.ask({
    provider,
    isProbe,
    isLastHope,
    inputTokens: estimate.inputTokens,
    outputTokens: expectedOutput(outputSizes, model, request),
    reservedNanoUsd: estimate.reservedNanoUsd,
    standings: standingsOf(budgets, request, at),
  })
}
