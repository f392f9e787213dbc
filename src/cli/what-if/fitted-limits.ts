/**
 * The limits of a provider as far as its configuration and the log tell them, kept by the books of the virtual engine.
 */
import type { ProviderPolicy } from '#domain/policy.ts'
import type { ProviderFit } from '#domain/what-if/provider-fit.ts'
import type { Exchange } from '#infra/simulator/virtual/exchange.ts'
import { type LimitKeeper, makeLimits } from '#infra/simulator/virtual/true-limits.ts'
import { drawnShare, NOTHING_SEEN, type OthersShare, othersShareOf } from './others-share.ts'

/** How the limits of one world differ from what is most probable; null: they do not. */
export interface LimitErrors {
  /** A standard normal deviate. */
  readonly guess: number
  /** In [0, 1). */
  readonly others: number
}

/**
 * The most certain word counts: the operator's, then that of headers, then what refusals suggest.
 * @param hasOtherLimits the log was made under others, so its refusals tell nothing of who else uses these
 */
export const keeperOf = (
  policy: ProviderPolicy,
  fit: ProviderFit | undefined,
  startsAt: number,
  errors: LimitErrors | null,
  hasOtherLimits: boolean,
): LimitKeeper => {
  const { limits: told } = policy
  const known = (configured: number | undefined, name: 'requests' | 'input' | 'output'): number | undefined =>
    configured ?? fit?.toldLimits[name]
  const guessed = (name: 'requests' | 'input' | 'output'): number | undefined => {
    const size = fit?.guessedLimits[name] ?? Number.POSITIVE_INFINITY
    if (!Number.isFinite(size)) return undefined
    return Math.max(1, Math.round(size * Math.exp(GUESS_ERROR * (errors?.guess ?? 0))))
  }
  const sizes = {
    requestsPerMinute: known(told?.requestsPerMinute, 'requests'),
    inputTokensPerMinute: known(told?.inputTokensPerMinute, 'input'),
    outputTokensPerMinute: known(told?.outputTokensPerMinute, 'output'),
  }
  const isKnown = Object.values(sizes).some((size) => size !== undefined)
  const kept = (limits: Sizes, othersShare: number, from: number): LimitKeeper =>
    makeLimits(
      {
        ...without(limits),
        ...(told?.maxConcurrent === undefined ? {} : { maxConcurrent: told.maxConcurrent }),
        window: told?.window ?? 'bucket',
        countsCachedInput: told?.countsCachedInput === true,
        othersShare,
      },
      from,
    )
  if (!isKnown) {
    const [requests, input, output] = [guessed('requests'), guessed('input'), guessed('output')]
    const isOpen = requests === undefined && input === undefined && output === undefined
    return kept(
      {
        requestsPerMinute: isOpen ? unseen(fit, errors) : requests,
        inputTokensPerMinute: input,
        outputTokensPerMinute: output,
      },
      0,
      startsAt,
    )
  }
  const others =
    fit === undefined || hasOtherLimits
      ? NOTHING_SEEN
      : remembered(fit, JSON.stringify(told ?? {}), () =>
          othersShareOf(
            fit.asked.map((one) => (told?.countsCachedInput === true ? { ...one, input: one.prompt } : one)),
            (share) => kept(sizes, share, fit.asked[0]?.at ?? startsAt),
          ),
        )
  return kept(sizes, drawnShare(others, errors?.others ?? null), startsAt)
}
const GUESS_ERROR = 0.3

/**
 * Nothing tells of a limit, which does not say that there is none. It lets in what it has let in; above that any size is as probable on
 * a logarithmic scale as the next (so half of the limits are below twice of it), and a third of the providers has none.
 */
const unseen = (fit: ProviderFit | undefined, errors: LimitErrors | null): number | undefined => {
  if (fit === undefined || errors === null || errors.others < NO_LIMIT) return undefined
  const above = (errors.others - NO_LIMIT) / (1 - NO_LIMIT)
  const size = Math.max(1, fit.mostRequests) / (1 - above)
  return Number.isFinite(size) ? Math.ceil(size) : undefined
}
const NO_LIMIT = 1 / 3

interface Sizes {
  readonly requestsPerMinute: number | undefined
  readonly inputTokensPerMinute: number | undefined
  readonly outputTokensPerMinute: number | undefined
}

const without = ({ requestsPerMinute, inputTokensPerMinute, outputTokensPerMinute }: Sizes) => ({
  ...(requestsPerMinute === undefined ? {} : { requestsPerMinute }),
  ...(inputTokensPerMinute === undefined ? {} : { inputTokensPerMinute }),
  ...(outputTokensPerMinute === undefined ? {} : { outputTokensPerMinute }),
})

/** It takes a walk over all attempts, and every play asks for it. */
const found = new WeakMap<ProviderFit, Map<string, OthersShare>>()
const remembered = (fit: ProviderFit, limits: string, find: () => OthersShare): OthersShare => {
  const ofFit = found.get(fit) ?? new Map<string, OthersShare>()
  found.set(fit, ofFit)
  const known = ofFit.get(limits) ?? find()
  ofFit.set(limits, known)
  return known
}

/** Headers speak in this world too where they did in the log. */
export const readings = (
  policy: ProviderPolicy,
  fit: ProviderFit | undefined,
  keeper: LimitKeeper,
  at: number,
): Exchange['limits'] =>
  policy.limits?.inputTokensPerMinute === undefined && Object.keys(fit?.toldLimits ?? {}).length > 0
    ? keeper.readings(at)
    : []
