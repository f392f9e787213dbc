/**
 * How many tokens a byte is worth, per model as providers name it: learned from the log's own pairs of body size and counted
 * prompt. Serves estimates where nobody counts, and the check of a provider's input limit.
 */
import type { ModelId, RequestId } from '#domain/ids.ts'
import type { Projection } from '#domain/projections/projection.ts'
import { learnRate, type PromptSize, type TokenRate } from '#domain/token-estimate.ts'

export interface TokenRates {
  /** The least recently learned first. */
  readonly rates: Map<ModelId, TokenRate>
  /** Requests under way; `model` is what the newest attempt asks for. */
  readonly open: Map<RequestId, PromptSize & { readonly model?: ModelId }>
}

/** Models come and go with what clients ask for; these many are remembered. */
export const MODELS_KEPT = 200

export const tokenRates: Projection<TokenRates> = {
  name: 'tokenRates',
  version: 1,
  hears: [
    'RequestAdmitted',
    'AttemptStarted',
    'AttemptSucceeded',
    'RequestFailed',
    'RequestCancelled',
    'RequestAbandoned',
  ],
  initial: () => ({ rates: new Map(), open: new Map() }),
  evolve: (state, { event }) => {
    const { rates, open } = state
    switch (event._tag) {
      case 'RequestAdmitted': {
        const { requestId, bodyBytes, imageBytes, images } = event
        open.set(requestId, { bodyBytes, images, ...(imageBytes === undefined ? {} : { imageBytes }) })
        break
      }
      case 'AttemptStarted': {
        const size = open.get(event.requestId)
        if (size !== undefined) open.set(event.requestId, { ...size, model: event.model })
        break
      }
      case 'AttemptSucceeded': {
        const size = open.get(event.requestId)
        open.delete(event.requestId)
        const { usage } = event
        const counted = usage.inputTokens + usage.cacheReadTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens
        if (size?.model === undefined || counted === 0) break
        const learned = learnRate(rates.get(size.model), size, counted)
        if (learned === undefined) break
        rates.delete(size.model)
        rates.set(size.model, learned)
        const [oldest] = rates.keys()
        if (oldest !== undefined && rates.size > MODELS_KEPT) rates.delete(oldest)
        break
      }
      case 'RequestFailed':
      case 'RequestCancelled':
      case 'RequestAbandoned':
        open.delete(event.requestId)
        break
    }
    return state
  },
}
