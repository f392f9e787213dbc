/**
 * The error answers of GitHub Models as it was, and those of its end (test/fixtures/github-models). What the models
 * themselves refuse has OpenAI's form.
 */
import { openAiStep } from '#infra/simulator/openai/refusals.ts'
import type { Refusal } from '#infra/simulator/refusal.ts'
import type { StatusStep } from '#infra/simulator/script.ts'

/** @param model `publisher/model`, where it is known */
export const githubStep = (refusal: Refusal, model: string): StatusStep => {
  const says = (status: number, code: string, message: string, headers: StatusStep['headers'] = {}): StatusStep => {
    const words = refusal.message ?? message
    return { _tag: 'Status', status, headers, body: { error: { code, message: words, details: words } }, refusal }
  }
  switch (refusal._tag) {
    case 'BadKey':
      return says(401, 'unauthorized', 'Bad credentials')
    case 'Forbidden':
      return says(403, 'no_access', `No access to model: ${model}`)
    case 'NotFound':
      return says(404, 'not_found', refusal.message)
    case 'UnknownModel':
      return says(404, 'unknown_model', `Unknown model: ${refusal.model}`)
    case 'BodyTooLarge':
    case 'PromptTooLong': {
      const maximum = refusal._tag === 'PromptTooLong' ? refusal.maximum : 8_000
      const name = model.slice(model.indexOf('/') + 1)
      return says(413, 'tokens_limit_reached', `Request body too large for ${name} model. Max size: ${maximum} tokens.`)
    }
    case 'Billing':
    case 'SpendCap':
      return limitReached(refusal, 50, DAY_S, 5_631)
    case 'RateLimited': {
      const wait = refusal.retryAfterSeconds ?? 60
      return limitReached(refusal, refusal.perMinute, wait > MINUTE_S ? DAY_S : MINUTE_S, wait)
    }
    default:
      return openAiStep(refusal, model, {})
  }
}

const MINUTE_S = 60
const DAY_S = 86_400

/** A limit that opens again later than in a minute is the daily one. */
const limitReached = (refusal: Refusal, count: number, windowSeconds: number, waitSeconds: number): StatusStep => {
  const type = windowSeconds === DAY_S ? 'UserByModelByDay' : 'UserByModelByMinute'
  const words =
    refusal.message ??
    `Rate limit of ${count} per ${windowSeconds}s exceeded for ${type}. Please wait ${waitSeconds} seconds before retrying.`
  return {
    _tag: 'Status',
    status: 429,
    headers: { 'retry-after': String(waitSeconds), 'x-ratelimit-type': type },
    body: { error: { code: 'RateLimitReached', message: words, details: words } },
    refusal,
  }
}

/** Since the shut-down; "temporarily" is GitHub's own word. */
export const brownout: StatusStep = {
  _tag: 'Status',
  status: 410,
  body: {
    error: {
      code: 'github_models_retirement_brownout',
      message: 'GitHub Models is temporarily unavailable as part of a scheduled retirement brownout.',
    },
  },
}

/** Before it, for accounts that were no customers. */
export const announcedEnd: StatusStep = {
  _tag: 'Status',
  status: 403,
  headers: {
    deprecation: '@1777939200',
    sunset: 'Thu, 30 Jul 2026 00:00:00 GMT',
    link: '<https://github.blog/changelog/2026-07-01-github-models-is-being-fully-retired-on-july-30-2026/>; rel="deprecation"',
  },
  body: '',
}
