/**
 * Who may serve a request at all. The rules are asked in order; the first that excludes gives the reason.
 */
import { sameModel } from '#domain/claude-models.ts'
import type { SkipReason } from '#domain/decisions.ts'
import type { RequestAdmitted } from '#domain/events.ts'
import type { ModelId, ProviderId } from '#domain/ids.ts'
import { resolveModel } from '#domain/model-map.ts'
import type { ProviderPolicy } from '#domain/policy.ts'

/** What a provider's own machine says about one more request. */
export type Admission =
  /** `share` (0..1] of the traffic is welcome; below 1 while the provider ramps up after an outage. */
  | { readonly admit: 'yes'; readonly share: number }
  /** One request may test whether it is well again. */
  | { readonly admit: 'probe' }
  /** `until`: epoch ms at which this may change, where that is known. */
  | {
      readonly admit: 'no'
      readonly reason: SkipReason
      readonly until?: number
      /** Its circuit is open, but it may be tried when all are: nobody is trying it, and it named no time to come back. */
      readonly mayBeLastResort?: boolean
    }

/** A provider that may serve the request. */
export interface Candidate {
  readonly provider: ProviderPolicy
  /** The name that it is asked for. */
  readonly model: ModelId
  /** It would answer with another model than the asked one. */
  readonly isSubstitute: boolean
  /** Probability with which it is taken at its place: 1 unless it ramps up. A probe goes first come, first served. */
  readonly share: number
}

/** A provider whose circuit is open, and that may be tried when all are. */
export interface LastResort extends Candidate {
  /** Epoch ms of the end of its open time: its expected recovery. */
  readonly until: number
}

export interface Skipped {
  readonly provider: ProviderId
  readonly reason: SkipReason
  readonly until?: number
}

/**
 * Splits the policy's providers, in its order, into those that may serve the request and those that may not, with why.
 * `inputTokens` estimates the prompt for a model by the name that a provider is asked for; `only` are those to which a rule
 * of the operator's keeps the request.
 */
export const eligibility = (
  request: RequestAdmitted,
  providers: readonly ProviderPolicy[],
  admission: (id: ProviderId) => Admission,
  inputTokens: (model: ModelId) => number,
  only?: readonly ProviderId[],
): {
  readonly candidates: readonly Candidate[]
  readonly lastResorts: readonly LastResort[]
  readonly skipped: readonly Skipped[]
} => {
  const candidates: Candidate[] = []
  const lastResorts: LastResort[] = []
  const skipped: Skipped[] = []
  for (const provider of providers) {
    const model = resolveModel(provider, request.model)
    const skip = (reason: SkipReason) => skipped.push({ provider: provider.id, reason })
    if (!provider.enabled) skip('disabled')
    else if (only?.includes(provider.id) === false) skip('ruledOut')
    else if (model === undefined) skip('modelNotMapped')
    else if (provider.maxInputTokens !== undefined && inputTokens(model) > provider.maxInputTokens)
      skip('inputTooLarge')
    else if (request.needs?.some((need) => lacks(provider, need))) skip('featureLacking')
    else if (request.anonymous === true && provider.passesCredential === true) skip('credentialMissing')
    else {
      const machine = admission(provider.id)
      if (machine.admit === 'no') {
        const { reason, until } = machine
        skipped.push({ provider: provider.id, reason, ...(until === undefined ? {} : { until }) })
        if (machine.mayBeLastResort === true) {
          lastResorts.push({ provider, model, isSubstitute: isOther(request, model), share: 1, until: until ?? 0 })
        }
      } else {
        const share = machine.admit === 'probe' ? 1 : machine.share
        candidates.push({ provider, model, isSubstitute: isOther(request, model), share })
      }
    }
  }
  return { candidates, lastResorts, skipped }
}

/** Reading a name takes longer than the rest of the rules; most providers are asked for the client's own. */
const isOther = (request: RequestAdmitted, model: ModelId): boolean =>
  model !== request.model && !sameModel(request.model, model)

/** A `*` at the end of what a provider lacks stands for any rest. */
const lacks = (provider: ProviderPolicy, need: string): boolean =>
  provider.lacks?.some((one) => (one.endsWith('*') ? need.startsWith(one.slice(0, -1)) : need === one)) === true
