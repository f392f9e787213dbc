import { describe, expect, it } from '@effect/vitest'
import { classifyOpenAi } from '#domain/dialect/openai/classify.ts'
import { raiseError } from '#domain/dialect/openai/raise-error.ts'
import { durationMs, exhaustedUntil } from '#domain/dialect/openai/rate-headers.ts'
import type { FailureReason } from '#domain/failure.ts'

const at = Date.UTC(2026, 10, 23, 10, 0, 0)

interface Envelope {
  readonly type: string
  readonly error: { readonly type: string; readonly message: string }
}
const messageOf = (body: string): string => (JSON.parse(body) as Envelope).error.message

const classify = (status: number, body: unknown, headers: readonly (readonly [string, string])[] = []) =>
  classifyOpenAi(status, headers, typeof body === 'string' ? body : JSON.stringify(body), at, 'gateway')

describe('other answers', () => {
  it.each<[string, number, unknown, FailureReason | undefined]>([
    [
      'an empty account',
      429,
      { error: { code: 'insufficient_quota', type: 'insufficient_quota' } },
      { _tag: 'QuotaExhausted', status: 429 },
    ],
    [
      "Azure's filter",
      400,
      { error: { code: 'content_filter', innererror: { code: 'ResponsibleAIPolicyViolation' } } },
      { _tag: 'ContentRefused', status: 400 },
    ],
    [
      "Azure's missing deployment",
      404,
      { error: { code: 'DeploymentNotFound' } },
      { _tag: 'InvalidRequest', status: 404 },
    ],
    [
      "Google's wrong key is a 400",
      400,
      { error: { code: 400, status: 'INVALID_ARGUMENT', details: [{ reason: 'API_KEY_INVALID' }] } },
      { _tag: 'CredentialRefused', status: 400, whose: 'gateway' },
    ],
    ['HTML of a proxy', 503, '<html>', { _tag: 'ServerError', status: 503 }],
    ['HTML of 502', 502, '<html>', { _tag: 'ServerError', status: 502 }],
    ['nothing at all', 500, '', { _tag: 'ServerError', status: 500 }],
    [
      'an unknown model as 400',
      400,
      { error: { code: 400, availability: { code: 'model_not_found', retryable: false } } },
      { _tag: 'InvalidRequest', status: 404 },
    ],
    [
      'a 404 that passes',
      404,
      { error: { code: 404, availability: { code: 'temporarily_unavailable', retryable: true, retry_after: 4 } } },
      { _tag: 'Overloaded', status: 404, until: at + 4_000 },
    ],
    [
      'a request larger than a minute',
      413,
      { error: { type: 'tokens', code: 'rate_limit_exceeded' } },
      { _tag: 'ContextTooLong', status: 413, limit: 'provider' },
    ],
    ['413 of a proxy', 413, '<html>', { _tag: 'InvalidRequest', status: 413 }],
    ['a redirect', 302, '', { _tag: 'Unknown', status: 302 }],
    ['an error inside a 200', 200, { error: { code: 503, message: 'x' } }, { _tag: 'Overloaded', status: 503 }],
    ['an error without a code inside a 200', 200, { error: 'x' }, { _tag: 'ServerError', status: 500 }],
    ['a word inside a 200', 200, { error: { code: 'insufficient_quota' } }, { _tag: 'QuotaExhausted', status: 402 }],
    ['a success', 200, { choices: [] }, undefined],
    ['a success with an empty error', 200, { choices: [], error: null }, undefined],
  ])('%s', (_, status, body, reason) => {
    expect(classify(status, body)).toEqual(reason)
  })

  it('the empty 403 with a sunset header is the end, without it a refusal', () => {
    expect(classify(403, '', [['sunset', 'Thu, 30 Jul 2026 00:00:00 GMT']])).toEqual({ _tag: 'Retired', status: 403 })
    expect(classify(403, '')).toEqual({ _tag: 'CredentialRefused', status: 403, whose: 'gateway' })
    expect(classify(403, '{"error":{}}', [['sunset', 'x']])?._tag).toBe('CredentialRefused')
  })

  it('a 503 that speaks of contexts is still an outage', () => {
    expect(classify(503, { error: { message: 'maximum context length worker lost' } })?._tag).toBe('Overloaded')
  })
})

describe('the words of an overflow', () => {
  const raise = (message: string) => messageOf(raiseError(400, [], JSON.stringify({ error: { message } }), at).body)
  it.each([
    [
      "This model's maximum context length is 128000 tokens. However, your messages resulted in 130512 tokens.",
      'prompt is too long: 130512 tokens > 128000 maximum',
    ],
    [
      "This model's maximum context length is 32768 tokens. However, you requested 40000 tokens (7232 in the messages, 32768 in the completion).",
      'input length and `max_tokens` exceed context limit: 7232 + 32768 > 32768',
    ],
    [
      "'max_tokens' or 'max_completion_tokens' is too large: 64000. This model's maximum context length is 32768 tokens and your request has 5000 input tokens (64000 > 32768 - 5000).",
      'input length and `max_tokens` exceed context limit: 5000 + 64000 > 32768',
    ],
    [
      "This endpoint's maximum context length is 131072 tokens. However, you requested about 140000 tokens (12000 of text input, 128000 in the output).",
      'input length and `max_tokens` exceed context limit: 12000 + 128000 > 131072',
    ],
    [
      "This model's maximum prompt length is 131072 but the request contains 200000 tokens.",
      'prompt is too long: 200000 tokens > 131072 maximum',
    ],
    [
      'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
      'prompt is too long (capability_rejected: prompt_too_long): The input',
    ],
    [
      "This model's maximum context length is 32768 tokens.",
      'prompt is too long (capability_rejected: prompt_too_long): This',
    ],
  ])('%s', (told, begins) => {
    expect(raise(told).startsWith(begins)).toBe(true)
  })

  it('are not found in other refusals', () => {
    expect(classify(400, { error: { message: 'max_tokens is too large: 64000 > 16384' } })?._tag).toBe('InvalidRequest')
  })
})

describe('secrets', () => {
  it("of a refused key stay out of the client's answer", () => {
    const raised = raiseError(
      401,
      [],
      '{"error":{"message":"Incorrect API key provided: sk-abcd.","code":"invalid_api_key"}}',
      at,
    )
    expect(raised.body).not.toContain('sk-abcd')
  })
  it("the client's own refused key is a 401", () => {
    expect(raiseError(401, [], '', at, 'client').status).toBe(401)
    expect(raiseError(403, [], '', at, 'client').status).toBe(403)
  })
})

describe('rate headers', () => {
  it.each([
    ['6m0s', 360_000],
    ['120ms', 120],
    ['1h2m3.5s', 3_723_500],
    ['7.66s', 7_660],
    ['2', 2_000],
    ['', undefined],
    ['6 m', undefined],
    ['soon', undefined],
    ['-1s', undefined],
  ])('%s is %s ms', (text, ms) => {
    expect(durationMs(text)).toBe(ms)
  })

  it('count only for limits that are used up, the latest of them', () => {
    const limits = (requests: string, tokens: string) =>
      exhaustedUntil(
        [
          ['x-ratelimit-remaining-requests', requests],
          ['x-ratelimit-reset-requests', '1s'],
          ['x-ratelimit-remaining-tokens', tokens],
          ['x-ratelimit-reset-tokens', '6m0s'],
        ],
        at,
      )
    expect(limits('1', '1')).toBeUndefined()
    expect(limits('0', '1')).toBe(at + 1_000)
    expect(limits('0', '0')).toBe(at + 360_000)
  })

  it.each(['Infinity', '1e400', 'NaN', `9${'0'.repeat(400)}`])(
    'tell no time by a number beyond all numbers',
    (reset) => {
      const headers = [
        ['x-ratelimit-remaining', '0'],
        ['x-ratelimit-reset', reset],
      ] as const
      expect(exhaustedUntil(headers, at)).toBeUndefined()
      expect(durationMs(reset)).toBeUndefined()
    },
  )
})
