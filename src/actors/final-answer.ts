/**
 * What the client hears when nobody served its request (docs/adr/0007): a provider's own error unchanged where it ends the
 * cascade, else Signalbox's, true about the cause and about when trying again makes sense.
 */
import type { UpstreamAnswer } from '#actors/ports.ts'
import type { ProviderError } from '#actors/provider-error.ts'
import type { RouteChosen } from '#domain/decisions.ts'
import { type ErrorAnswer, errorAnswer } from '#domain/dialect/anthropic-error.ts'
import { countsAgainst, type FailureReason, retryableElsewhere, uselessUntil } from '#domain/failure.ts'
import type { ProviderId } from '#domain/ids.ts'

export interface FailedAttempt {
  readonly provider: ProviderId
  readonly error: ProviderError
}

export type FinalAnswer = { readonly reason: FailureReason } & (
  | {
      readonly _tag: 'Upstream'
      readonly answer: UpstreamAnswer
      readonly provider: ProviderId
      readonly hopeless: boolean
    }
  | { readonly _tag: 'Own'; readonly answer: ErrorAnswer }
)

export type Skip = RouteChosen['skipped'][number]

/** Why the cascade tried nobody else. */
export type Stopped = 'exhausted' | 'retryBudget' | 'deadline'

/** `retry-after` of an outage that nobody gave a time for; the client backs off from there. */
const OUTAGE_WAIT_MS = 1_000

/** Whether the same request may succeed a while later without anybody doing anything. */
const waitingHelps = (reason: FailureReason): boolean => {
  const blame = countsAgainst(reason)
  return blame === 'provider' || blame === 'limit' || blame === 'nobody'
}

/** A client that follows a provider's redirect would leave the proxy and take its credential along. */
const isRedirect = (status: number): boolean => status >= 300 && status < 400

/** The provider said something that may be passed on. */
const isSpoken = (error: ProviderError): boolean => error.answer !== undefined && !isRedirect(error.answer.status)

const own = (reason: FailureReason, answer: ErrorAnswer): FinalAnswer => ({ _tag: 'Own', reason, answer })

/**
 * @param skipped providers that were not tried, from the route and from the walk along it
 * @param failures attempts in order
 * @param at epoch ms, for `retry-after`
 * @param needs `needs` of the admitted request, to name what nobody can do
 * @param budget name of the hard budget that left some out
 */
export const finalAnswer = (
  model: string,
  skipped: readonly Skip[],
  failures: readonly FailedAttempt[],
  stopped: Stopped,
  at: number,
  needs: readonly string[] = [],
  budget = '',
): FinalAnswer => {
  const last = failures.at(-1)
  return last === undefined
    ? nobodyTried(model, skipped, stopped, at, { needs, budget })
    : allFailed(last, failures, skipped, at)
}

const allFailed = (
  last: FailedAttempt,
  failures: readonly FailedAttempt[],
  skipped: readonly Skip[],
  at: number,
): FinalAnswer => {
  const { reason } = last.error
  const passOn = (failed: FailedAttempt): FinalAnswer | undefined =>
    failed.error.answer === undefined || !isSpoken(failed.error)
      ? undefined
      : {
          _tag: 'Upstream',
          reason: failed.error.reason,
          answer: failed.error.answer,
          provider: failed.provider,
          hopeless: failed.error.reason._tag === 'QuotaExhausted' || failed.error.reason._tag === 'Retired',
        }
  if (!retryableElsewhere(reason)) return passOn(last) ?? own(reason, errorAnswer.hopeless(describe(last)))

  // What waiting can cure comes before what it cannot: one full provider is a reason to come back, whatever the others said.
  const passing = failures.filter(({ error }) => waitingHelps(error.reason))
  if (passing.length === 0) {
    // A prompt that is too long for one provider is the only cause that the client can cure itself: it compacts.
    const tooLong = failures.findLast(({ error }) => error.reason._tag === 'ContextTooLong')
    if (tooLong !== undefined) return passOn(tooLong) ?? own(tooLong.error.reason, PROMPT_TOO_LONG)
    const spoken = failures.findLast(({ error }) => error.reason._tag !== 'CredentialRefused' && isSpoken(error))
    return (spoken && passOn(spoken)) ?? own(reason, cannotServe(failures))
  }
  // Of the limits the one that frees first is the true answer; the last provider that said anything speaks for outages.
  const limits = passing.filter(({ error }) => error.reason._tag === 'RateLimited')
  const until = ({ error }: FailedAttempt) => uselessUntil(error.reason) ?? Number.POSITIVE_INFINITY
  const limit = limits.toSorted((a, b) => until(a) - until(b)).at(0)
  const skippedUntil = Math.min(...skipped.flatMap((skip) => (skip.until === undefined ? [] : [skip.until])))
  if (limit !== undefined && skippedUntil < until(limit) && Number.isFinite(until(limit))) {
    return own(
      { _tag: 'RateLimited', until: skippedUntil },
      errorAnswer.rateLimited(`No provider has room now: ${failures.map(describe).join('; ')}.`, skippedUntil - at),
    )
  }
  const spoken = limit ?? passing.findLast(({ error }) => isSpoken(error))
  const spokenAnswer = spoken && passOn(spoken)
  if (spokenAnswer !== undefined) return spokenAnswer
  return own(
    reason,
    errorAnswer.overloaded(
      `No provider could serve this request: ${failures.map(describe).join('; ')}.`,
      waitMs([...failures.map(({ error }) => uselessUntil(error.reason)), ...skipped.map((skip) => skip.until)], at) ??
        OUTAGE_WAIT_MS,
    ),
  )
}

/** Nobody said anything that may be passed on, and no waiting helps. A 400 only if it is the request that nobody can serve. */
const cannotServe = (failures: readonly FailedAttempt[]): ErrorAnswer => {
  const message = failures.map(describe).join('; ')
  return failures.every(({ error }) => error.reason._tag === 'FeatureRefused')
    ? errorAnswer.invalidRequest(message)
    : errorAnswer.hopeless(message)
}

/** The client compacts on this wording, as on the API's own. */
const PROMPT_TOO_LONG = errorAnswer.invalidRequest('prompt is too long')

const nobodyTried = (
  model: string,
  skipped: readonly Skip[],
  stopped: Stopped,
  at: number,
  { needs, budget }: { readonly needs: readonly string[]; readonly budget: string },
): FinalAnswer => {
  const having = (...reasons: Skip['reason'][]) => skipped.filter((skip) => reasons.includes(skip.reason))
  const names = (skips: readonly Skip[]) => skips.map((skip) => skip.provider).join(', ')
  const soonest = (skips: readonly Skip[]) =>
    waitMs(
      skips.map((skip) => skip.until),
      at,
    )

  // A limit that would be reached holds as one that was: in both cases waiting helps.
  const throttled = having('throttled', 'limitReached')
  const open = having('circuitOpen', 'probeInFlight')
  if (throttled.length > 0) {
    const wait = soonest([...throttled, ...open])
    return own(
      { _tag: 'RateLimited', ...(wait === undefined ? {} : { until: at + wait }) },
      errorAnswer.rateLimited(`Every provider that serves ${model} is at a limit now (${names(throttled)}).`, wait),
    )
  }
  if (open.length > 0) {
    const wait = soonest(open)
    return own(
      { _tag: 'Overloaded', ...(wait === undefined ? {} : { until: at + wait }) },
      errorAnswer.overloaded(
        `Every provider that serves ${model} is out of service now (${names(open)}).`,
        wait ?? OUTAGE_WAIT_MS,
      ),
    )
  }
  const overBudget = having('overBudget')
  if (overBudget.length > 0) {
    const wait = soonest(overBudget) ?? 0
    return own(
      { _tag: 'BudgetExceeded', budget, until: at + wait },
      errorAnswer.rateLimited(
        `The budget ${budget} has nothing left for this request until ${new Date(at + wait).toISOString()}. Raise it in the configuration, or wait.`,
        wait,
      ),
    )
  }
  if (having('inputTooLarge').length > 0) {
    return own({ _tag: 'ContextTooLong', status: 400 }, PROMPT_TOO_LONG)
  }
  if (stopped === 'deadline') {
    return own(
      { _tag: 'Timeout', phase: 'deadline' },
      errorAnswer.overloaded('The request timed out before a provider was tried.', OUTAGE_WAIT_MS),
    )
  }
  const refused = having('credentialRefused')
  if (refused.length > 0) {
    return own(
      { _tag: 'CredentialRefused', whose: 'gateway' },
      errorAnswer.hopeless(
        `Of the providers that serve ${model}, ${names(refused)} refused the credential that Signalbox holds for it, and nobody else can serve. Check the key that the configuration names; \`signalbox doctor\` helps.`,
      ),
    )
  }
  const missing = having('credentialMissing')
  if (missing.length > 0) {
    return own(
      { _tag: 'CredentialRefused', whose: 'client' },
      errorAnswer.unauthorized(
        `${names(missing)} is asked with the client's own credential, and this request brought none. Log in with the client, or give the provider a credential in the configuration.`,
      ),
    )
  }
  const unpriced = having('priceUnknown')
  if (unpriced.length > 0) {
    return own(
      { _tag: 'BudgetExceeded', budget },
      errorAnswer.hopeless(
        `The budget ${budget} cannot be kept: nobody knows what ${model} costs at ${names(unpriced)}. Name its price in \`providers.….prices\` (0 where it is free).`,
      ),
    )
  }
  const retired = having('retired')
  if (retired.length > 0) {
    return own(
      { _tag: 'Retired' },
      errorAnswer.hopeless(
        `No provider that serves ${model} is left: ${names(retired)} said to be gone for good and will not be asked again. Change or remove its entry in the configuration, or add another provider.`,
      ),
    )
  }
  const lacking = having('featureLacking')
  if (lacking.length > 0) {
    const what = needs.length === 0 ? '' : `: ${needs.join(', ')}`
    return own(
      { _tag: 'FeatureRefused', features: needs },
      errorAnswer.invalidRequest(
        `No configured provider that serves ${model} (${names(lacking)}) can do what this request needs${what}.`,
      ),
    )
  }
  const ruledOut = having('ruledOut')
  if (ruledOut.length > 0) {
    return own(
      { _tag: 'Unknown' },
      errorAnswer.hopeless(
        `The rule of routing.rules that fits this request leaves nobody for ${model}; left out: ${names(ruledOut)}. \`signalbox explain\` names the rule.`,
      ),
    )
  }
  if (having('modelNotMapped').length > 0) {
    return own({ _tag: 'InvalidRequest', status: 404 }, errorAnswer.notFound(`model: ${model}`))
  }
  return own(
    { _tag: 'Unknown' },
    errorAnswer.hopeless('No provider is enabled. Add one to the configuration; `signalbox config check` explains.'),
  )
}

const waitMs = (untils: readonly (number | undefined)[], at: number): number | undefined => {
  const known = untils.filter((until) => until !== undefined)
  return known.length === 0 ? undefined : Math.max(0, Math.min(...known) - at)
}

const describe = ({ provider, error: { reason } }: FailedAttempt): string => {
  switch (reason._tag) {
    case 'CredentialRefused':
      return reason.status === undefined
        ? `provider ${provider} cannot be asked with the credential that Signalbox holds for it; check the key that the configuration names`
        : `provider ${provider} refused the credential that Signalbox holds for it (status ${reason.status}); check the key that the configuration names`
    case 'Timeout':
      return `provider ${provider} timed out (${reason.phase})`
    case 'Transport':
      return `provider ${provider} could not be reached (${reason.code})`
    case 'Retired':
      return `provider ${provider} is gone for good; change or remove its entry in the configuration`
    case 'FeatureRefused':
      return `provider ${provider} cannot do what this request needs${reason.features.length === 0 ? '' : ` (${reason.features.join(', ')})`}`
    case 'MalformedOutput':
      return `provider ${provider} sent an unreadable answer (${reason.detail})`
    default:
      return `provider ${provider} failed (${reason._tag}${'status' in reason && reason.status !== undefined ? ` ${reason.status}` : ''})`
  }
}
