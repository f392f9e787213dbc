/**
 * OpenRouter's error answers (test/fixtures/openrouter holds the same shapes): one canonical error type, worded as a chat error
 * or in the Anthropic envelope.
 */
import type { Refusal } from '#infra/simulator/refusal.ts'
import type { StatusStep } from '#infra/simulator/script.ts'

export type Skin = 'messages' | 'chat'

interface Failure {
  readonly status: number
  /** Of the Anthropic API. */
  readonly type: string
  /** OpenRouter's own. */
  readonly errorType: string
  readonly message: string
  /** Members of the chat error beside code and message. */
  readonly more?: { readonly metadata?: object; readonly availability?: object }
}

/** @param model what was asked for, where it is known */
export const openRouterStep = (refusal: Refusal, skin: Skin, model: string): StatusStep => {
  const { status, type, errorType, ...failure } = failureOf(refusal, skin, model)
  const message = refusal.message ?? failure.message
  const seconds = 'retryAfterSeconds' in refusal ? refusal.retryAfterSeconds : undefined
  const platform = refusal._tag === 'RateLimited' && refusal.limit === 'requests'
  return {
    _tag: 'Status',
    status,
    headers: {
      ...(typeof seconds === 'number' ? { 'retry-after': String(seconds) } : {}),
      ...(platform ? { 'x-ratelimit-limit': String(refusal.perMinute), 'x-ratelimit-remaining': '0' } : {}),
    },
    body:
      skin === 'messages'
        ? { type: 'error', error: { type, message, error_type: errorType } }
        : {
            error: {
              code: status,
              message,
              // A wrong key is told without more.
              ...(refusal._tag === 'BadKey' ? {} : { metadata: { error_type: errorType, ...failure.more?.metadata } }),
              ...(failure.more?.availability === undefined ? {} : { availability: failure.more.availability }),
            },
          },
    ...(platform ? { exhausted: refusal.limit } : {}),
    refusal,
  }
}

const failureOf = (refusal: Refusal, skin: Skin, model: string): Failure => {
  switch (refusal._tag) {
    case 'BadKey':
      return says(
        401,
        'authentication_error',
        'authentication',
        skin === 'chat' ? 'User not found.' : 'Invalid credentials',
      )
    case 'Billing':
    case 'SpendCap':
      return says(
        402,
        'billing_error',
        'payment_required',
        'Insufficient credits. Add more using https://openrouter.ai/credits',
      )
    case 'Forbidden':
      return says(403, 'permission_error', 'permission_denied', 'This key may not use this model.')
    case 'NotFound':
      return says(404, 'not_found_error', 'not_found', refusal.message)
    case 'UnknownModel': {
      const message = `${refusal.model} is not a valid model ID`
      if (skin === 'messages') return says(404, 'not_found_error', 'not_found', message)
      return says(400, 'invalid_request_error', 'invalid_request', message, {
        availability: { ...availability('model_not_found', refusal.model), retryable: false },
      })
    }
    case 'InvalidRequest':
      return says(400, 'invalid_request_error', 'invalid_request', refusal.message)
    case 'PromptTooLong':
      return says(
        400,
        'invalid_request_error',
        'context_length_exceeded',
        skin === 'messages'
          ? `prompt is too long: ${refusal.tokens} tokens > ${refusal.maximum} maximum`
          : `This endpoint's maximum context length is ${refusal.maximum} tokens. However, you requested about ${refusal.tokens} tokens (${refusal.tokens} of text input). Please reduce the length of either one, or use the context-compression plugin to compress your prompt automatically.`,
      )
    case 'BodyTooLarge':
      return says(413, 'invalid_request_error', 'payload_too_large', 'Request body is too large')
    case 'RateLimited':
      return rateLimited(refusal, skin, model)
    case 'ServerError':
      return says(500, 'api_error', 'server', 'Internal Server Error')
    case 'Unavailable':
      return says(502, 'api_error', 'provider_unavailable', 'Provider returned error')
    case 'GatewayTimeout':
      return says(504, 'timeout_error', 'timeout', 'The provider did not answer in time')
    case 'Overloaded':
      return says(
        503,
        'overloaded_error',
        'provider_overloaded',
        skin === 'messages' ? 'Provider is temporarily overloaded' : 'Service temporarily unavailable',
        {
          availability: {
            ...availability('temporarily_unavailable', model),
            retryable: true,
            ...(refusal.retryAfterSeconds === undefined ? {} : { retry_after: refusal.retryAfterSeconds }),
          },
        },
      )
  }
}

const says = (status: number, type: string, errorType: string, message: string, more?: Failure['more']): Failure => ({
  status,
  type,
  errorType,
  message,
  ...(more === undefined ? {} : { more }),
})

/** Requests are counted by OpenRouter itself, tokens by the providers behind it. */
const rateLimited = (refusal: Extract<Refusal, { _tag: 'RateLimited' }>, skin: Skin, model: string): Failure => {
  const { retryAfterSeconds, limit } = refusal
  if (limit === 'requests') {
    const message = skin === 'chat' ? 'Rate limit exceeded: free-models-per-min' : 'Rate limit exceeded'
    return says(429, 'rate_limit_error', 'rate_limit_exceeded', message)
  }
  const wait = retryAfterSeconds === null ? '' : ` Retry after ${retryAfterSeconds} seconds.`
  return says(429, 'rate_limit_error', 'rate_limit_exceeded', `All providers for ${model} are at capacity.${wait}`, {
    metadata: {
      provider_code: 'rate_limited',
      previous_errors: [{ provider: 'anthropic', code: 'capacity_exhausted', status: 429 }],
    },
    availability: {
      ...availability('capacity_exhausted', model),
      retryable: true,
      ...(retryAfterSeconds === null ? {} : { retry_after: retryAfterSeconds }),
      affected_providers: ['anthropic'],
    },
  })
}

const availability = (code: string, model: string): object => ({
  code,
  requested_models: [model],
  docs_url: `https://openrouter.ai/docs/errors#${code}`,
})
