/**
 * The error answers of Vertex AI (test/fixtures/vertex holds the same shapes): Google's own where Google refuses, the
 * Anthropic envelope where the model does. Neither says when to come back.
 */
import { generationOf } from '#infra/simulator/anthropic/strict-models.ts'
import type { LimitName } from '#infra/simulator/rate-limits.ts'
import type { Refusal } from '#infra/simulator/refusal.ts'
import { anthropicStep } from '#infra/simulator/refusals.ts'
import type { StatusStep } from '#infra/simulator/script.ts'
import { type Place, publisherModel } from '#infra/simulator/vertex/paths.ts'

/** What was asked for, and whether quota refusals come as an array. */
export interface Asked {
  readonly place: Place
  readonly model: string
  readonly quotaAsArray: boolean
}

export const vertexStep = (refusal: Refusal, asked: Asked): StatusStep => {
  switch (refusal._tag) {
    case 'InvalidRequest':
    case 'PromptTooLong':
    case 'BodyTooLarge':
    case 'Overloaded':
      return { ...anthropicStep(refusal), headers: {} }
    case 'UnknownModel':
      return googleStep(refusal, 404, 'NOT_FOUND', notFound(asked.place, refusal.model))
    case 'RateLimited': {
      const step = googleStep(refusal, 429, 'RESOURCE_EXHAUSTED', quotaWords(refusal.limit, asked))
      return asked.quotaAsArray ? { ...step, body: [step.body] } : step
    }
    default:
      return googleRefusal(refusal, publisherModel(asked.place, asked.model))
  }
}

/** The refusals that are Google's on every path; `resource` is what was asked for. */
export const googleRefusal = (refusal: Refusal, resource: string): StatusStep => {
  switch (refusal._tag) {
    case 'BadKey':
      return {
        ...googleStep(refusal, 401, 'UNAUTHENTICATED', UNAUTHENTICATED),
        headers: { 'www-authenticate': 'Bearer realm="https://accounts.google.com/", error="invalid_token"' },
      }
    case 'Forbidden':
      return googleStep(
        refusal,
        403,
        'PERMISSION_DENIED',
        `Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/${resource}' (or it may not exist).`,
      )
    case 'Billing':
    case 'SpendCap':
      return googleStep(refusal, 403, 'PERMISSION_DENIED', 'This API method requires billing to be enabled.')
    case 'NotFound':
    case 'UnknownModel':
      return googleStep(
        refusal,
        404,
        'NOT_FOUND',
        refusal._tag === 'NotFound' ? refusal.message : `Model ${refusal.model} was not found.`,
      )
    case 'InvalidRequest':
      return googleStep(refusal, refusal.status ?? 400, 'INVALID_ARGUMENT', refusal.message)
    case 'PromptTooLong':
      return googleStep(
        refusal,
        400,
        'INVALID_ARGUMENT',
        `The input token count (${refusal.tokens}) exceeds the maximum number of tokens allowed (${refusal.maximum}).`,
      )
    case 'BodyTooLarge':
      return googleStep(refusal, 413, 'INVALID_ARGUMENT', 'Request payload size exceeds the limit: 31457280 bytes.')
    case 'RateLimited':
      return googleStep(
        refusal,
        429,
        'RESOURCE_EXHAUSTED',
        'You exceeded your current quota.',
        refusal.retryAfterSeconds === null ? undefined : [retryInfo(refusal.retryAfterSeconds)],
      )
    case 'ServerError':
      return googleStep(refusal, 500, 'INTERNAL', 'Internal error encountered.')
    case 'Unavailable':
    case 'Overloaded':
      return googleStep(refusal, 503, 'UNAVAILABLE', 'The service is currently unavailable.')
    case 'GatewayTimeout':
      return googleStep(refusal, 504, 'DEADLINE_EXCEEDED', 'Deadline expired before operation could complete.')
  }
}

const UNAUTHENTICATED =
  'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.'

const googleStep = (
  refusal: Refusal,
  code: number,
  status: string,
  message: string,
  details?: readonly object[],
): StatusStep => ({
  _tag: 'Status',
  status: code,
  headers: {},
  body: {
    error: { code, message: refusal.message ?? message, status, ...(details === undefined ? {} : { details }) },
  },
  refusal,
})

const retryInfo = (seconds: number): object => ({
  '@type': 'type.googleapis.com/google.rpc.RetryInfo',
  retryDelay: `${seconds}s`,
})

const notFound = (place: Place, model: string): string =>
  `Publisher Model \`${publisherModel(place, model)}\` was not found or your project does not have access to it.`

const METRICS: { readonly [K in LimitName]: string } = {
  requests: 'online_prediction_requests_per_base_model',
  'input-tokens': 'online_prediction_input_tokens_per_minute_per_base_model',
  'output-tokens': 'online_prediction_output_tokens_per_minute_per_base_model',
}

/** One bucket per line of models and kind of endpoint. */
const quotaWords = (limit: LimitName, { place: { location }, model }: Asked): string => {
  const where =
    location === 'global' ? 'global_' : location === 'us' || location === 'eu' ? `${location}_multi_region_` : ''
  const line = generationOf(model)?.line ?? 'opus'
  return `Quota exceeded for aiplatform.googleapis.com/${where}${METRICS[limit]} with base model: anthropic-claude-${line}. Please submit a quota increase request. https://cloud.google.com/vertex-ai/docs/generative-ai/quotas-genai.`
}
