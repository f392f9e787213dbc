/**
 * OpenAI's error answers (test/fixtures/openai holds the same shapes), and the other forms in which servers put them.
 */

import type { Sloppy } from '#infra/simulator/openai/sloppy.ts'
import type { Refusal } from '#infra/simulator/refusal.ts'
import type { StatusStep } from '#infra/simulator/script.ts'

interface ChatFailure {
  readonly status: number
  readonly message: string
  readonly type: string
  readonly param: string | null
  readonly code: string | null
}

/** @param model what was asked for, where it is known */
export const openAiStep = (refusal: Refusal, model: string, sloppy: Sloppy): StatusStep => {
  const failure = failureOf(refusal, model)
  const seconds = 'retryAfterSeconds' in refusal ? refusal.retryAfterSeconds : undefined
  return {
    _tag: 'Status',
    refusal,
    ...shaped({ ...failure, message: refusal.message ?? failure.message }, sloppy),
    headers: {
      ...(sloppy.htmlErrors ? { 'content-type': 'text/html' } : {}),
      ...(typeof seconds === 'number' ? { 'retry-after': String(seconds) } : {}),
    },
    ...(refusal._tag === 'RateLimited' ? { exhausted: refusal.limit } : {}),
  }
}

const failureOf = (refusal: Refusal, model: string): ChatFailure => {
  const says = (status: number, type: string, code: string | null, message: string, param: string | null = null) => ({
    status,
    message,
    type,
    param,
    code,
  })
  switch (refusal._tag) {
    case 'BadKey':
      return says(401, 'invalid_request_error', 'invalid_api_key', 'Incorrect API key provided: sk-****.')
    case 'Billing':
    case 'SpendCap':
      return says(
        429,
        'insufficient_quota',
        'insufficient_quota',
        'You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.',
      )
    case 'Forbidden':
      return says(403, 'invalid_request_error', null, 'You have insufficient permissions for this operation.')
    case 'NotFound':
      return says(404, 'invalid_request_error', null, refusal.message)
    case 'UnknownModel':
      return says(
        404,
        'invalid_request_error',
        'model_not_found',
        `The model \`${refusal.model}\` does not exist or you do not have access to it.`,
      )
    case 'InvalidRequest':
      return says(
        refusal.status ?? 400,
        'invalid_request_error',
        refusal.code ?? null,
        refusal.message,
        refusal.param ?? null,
      )
    case 'PromptTooLong':
      return says(
        400,
        'invalid_request_error',
        'context_length_exceeded',
        `This model's maximum context length is ${refusal.maximum} tokens. However, your messages resulted in ${refusal.tokens} tokens. Please reduce the length of the messages.`,
        'messages',
      )
    case 'BodyTooLarge':
      return says(413, 'invalid_request_error', null, 'Request body is too large.')
    case 'RateLimited': {
      const [type, unit] =
        refusal.limit === 'requests' ? ['requests', 'requests per min (RPM)'] : ['tokens', 'tokens per min (TPM)']
      const wait = refusal.retryAfterSeconds === null ? '' : ` Please try again in ${refusal.retryAfterSeconds}s.`
      return says(
        429,
        type,
        'rate_limit_exceeded',
        `Rate limit reached for ${model} in organization org-simulated on ${unit}: Limit ${refusal.perMinute}, Used ${refusal.perMinute}, Requested 1.${wait}`,
      )
    }
    case 'ServerError':
      return says(500, 'server_error', null, 'The server had an error while processing your request. Sorry about that!')
    case 'Unavailable':
    case 'Overloaded':
      return says(503, 'server_error', 'overloaded', 'The engine is currently overloaded, please try again later.')
    case 'GatewayTimeout':
      return says(504, 'server_error', null, 'The upstream server timed out.')
  }
}

/** The failure in the form of the server's kind; several flags: the first of html, fastapi, string, array. */
const shaped = (failure: ChatFailure, sloppy: Sloppy): Pick<StatusStep, 'status' | 'body'> => {
  const { status, ...error } = failure
  if (sloppy.htmlErrors) {
    return {
      status,
      body: `<html>\r\n<head><title>${status}</title></head>\r\n<body>\r\n<center><h1>${status}</h1></center>\r\n</body>\r\n</html>\r\n`,
    }
  }
  if (sloppy.fastapiErrors) {
    // FastAPI answers 422 to a body of the wrong shape, and says where.
    return status === 400
      ? {
          status: 422,
          body: { detail: [{ loc: ['body', ...locationOf(error.param)], msg: error.message, type: 'value_error' }] },
        }
      : { status, body: { detail: error.message } }
  }
  if (sloppy.stringErrors) return { status, body: { error: error.message } }
  return { status, body: sloppy.arrayErrors ? [{ error }] : { error } }
}

/** `messages[0].content` → `["messages", 0, "content"]` */
const locationOf = (param: string | null): readonly (string | number)[] =>
  (param ?? '')
    .split(/[.[\]]+/)
    .filter((step) => step !== '')
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step))
