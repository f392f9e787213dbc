import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { classifyAnswer } from '#domain/dialect/classify-answer.ts'
import type { FailureReason } from '#domain/failure.ts'

type Headers = readonly (readonly [string, string])[]
const at = Date.UTC(2026, 10, 23, 10, 0, 0)

const answer = (status: number, body: unknown, headers: Headers = [], whose: 'client' | 'gateway' = 'gateway') =>
  classifyAnswer(status, headers, typeof body === 'string' ? body : JSON.stringify(body), at, whose)
const reasonOf = (...given: Parameters<typeof answer>): FailureReason | undefined => answer(...given)?.reason

const envelope = (type: string, message = 'x', more: object = {}) => ({
  type: 'error',
  error: { type, message, ...more },
  request_id: 'req_vrtx_011',
})
const google = (code: number, status: string, message = 'x', details: readonly object[] = []) => ({
  error: { code, message, status, ...(details.length === 0 ? {} : { details }) },
})
const bedrock = (exception: string): Headers => [['x-amzn-errortype', exception]]

interface Heard {
  readonly status: number
  readonly type: string
  readonly message: string
  readonly retryAfter: string | undefined
  readonly shouldRetry: string | undefined
}
const heard = (...given: Parameters<typeof answer>): Heard | undefined => {
  const raised = answer(...given)?.raised
  if (raised === undefined) return undefined
  const body = JSON.parse(raised.body) as ReturnType<typeof envelope>
  const headers = new Map(raised.headers)
  return {
    status: raised.status,
    type: body.error.type,
    message: body.error.message,
    retryAfter: headers.get('retry-after'),
    shouldRetry: headers.get('x-should-retry'),
  }
}

describe('an Anthropic envelope', () => {
  it('goes on unchanged, whoever sent it', () => {
    for (const [status, type] of [
      [400, 'invalid_request_error'],
      [401, 'authentication_error'],
      [404, 'not_found_error'],
      [429, 'rate_limit_error'],
      [500, 'api_error'],
      [529, 'overloaded_error'],
    ] as const) {
      expect(answer(status, envelope(type))?.raised).toBeUndefined()
    }
  })

  it.each<[string, (inner: object) => unknown]>([
    ['an array', (inner) => [inner]],
    ["the message of Google's error", (inner) => google(400, 'INVALID_ARGUMENT', JSON.stringify(inner))],
    ["an array of Google's error", (inner) => [google(400, 'INVALID_ARGUMENT', JSON.stringify(inner))]],
    ['a message that begins in words', (inner) => google(400, 'INVALID_ARGUMENT', `Model: ${JSON.stringify(inner)}`)],
    ['the error member', (inner) => ({ error: inner })],
    ['a detail', (inner) => ({ detail: JSON.stringify(inner) })],
    ["OpenRouter's raw", (inner) => ({ error: { code: 400, message: 'x', metadata: { raw: JSON.stringify(inner) } } })],
    ['another envelope', (inner) => envelope('invalid_request_error', JSON.stringify(inner))],
    ['two relays', (inner) => ({ error: { message: JSON.stringify({ error: { message: JSON.stringify(inner) } }) } })],
  ])('is found inside %s, and goes on alone', (_, wrap) => {
    const inner = envelope('invalid_request_error', 'messages.1.content.0: Invalid `signature` in `thinking` block')
    const failed = answer(400, wrap(inner))
    expect(failed?.reason).toEqual({ _tag: 'InvalidRequest', status: 400 })
    expect(JSON.parse(failed?.raised?.body ?? '')).toEqual(inner)
    expect(failed?.raised?.status).toBe(400)
  })

  it.each<[string, number, FailureReason, number]>([
    ['overloaded_error', 529, { _tag: 'Overloaded', status: 529 }, 529],
    ['rate_limit_error', 429, { _tag: 'RateLimited', status: 429 }, 429],
    ['timeout_error', 504, { _tag: 'ServerError', status: 504 }, 504],
    ['api_error', 500, { _tag: 'ServerError', status: 500 }, 500],
    ['not_found_error', 404, { _tag: 'InvalidRequest', status: 404 }, 404],
    ['request_too_large', 413, { _tag: 'InvalidRequest', status: 413 }, 413],
    ['billing_error', 402, { _tag: 'QuotaExhausted', status: 402 }, 402],
    ['permission_error', 403, { _tag: 'CredentialRefused', status: 403, whose: 'gateway' }, 502],
    ['authentication_error', 401, { _tag: 'CredentialRefused', status: 401, whose: 'gateway' }, 502],
    ['of_next_year', 400, { _tag: 'InvalidRequest', status: 400 }, 400],
  ])('of type %s inside another 400 means what its type means', (type, _status, reason, told) => {
    const body = google(400, 'INVALID_ARGUMENT', JSON.stringify(envelope(type)))
    expect(reasonOf(400, body)).toEqual(reason)
    expect(heard(400, body)?.status).toBe(told)
  })

  it('about the request keeps the status of a relay that means the same', () => {
    const inside = (status: number) => google(status, 'x', JSON.stringify(envelope('invalid_request_error')))
    expect([400, 413, 422, 500, 503].map((status) => reasonOf(status, inside(status)))).toEqual([
      { _tag: 'InvalidRequest', status: 400 },
      { _tag: 'ContextTooLong', status: 413 },
      { _tag: 'InvalidRequest', status: 422 },
      { _tag: 'InvalidRequest', status: 400 },
      { _tag: 'InvalidRequest', status: 400 },
    ])
  })

  it('inside a 200 is an error of its type', () => {
    expect(reasonOf(200, envelope('overloaded_error'))).toEqual({ _tag: 'Overloaded', status: 529 })
    expect(heard(200, envelope('overloaded_error'))).toMatchObject({ status: 529, type: 'overloaded_error' })
    expect(reasonOf(200, envelope('of_next_year'))).toEqual({ _tag: 'Unknown' })
  })

  it('of a prompt that is too long is a 400 in the words the client acts upon', () => {
    for (const [status, body] of [
      [413, envelope('invalid_request_error', 'Prompt is too long')],
      [413, envelope('request_too_large', 'Prompt is too long')],
      [413, google(413, 'INVALID_ARGUMENT', 'Prompt is too long')],
      [413, 'Prompt is too long'],
      [400, envelope('invalid_request_error', 'Prompt is too long')],
      [400, envelope('invalid_request_error', 'Input is too long for requested model.')],
    ] as const) {
      expect(reasonOf(status, body)).toEqual({ _tag: 'ContextTooLong', status })
      expect(heard(status, body)).toMatchObject({
        status: 400,
        type: 'invalid_request_error',
        message: expect.stringMatching(/^prompt is too long \(capability_rejected: prompt_too_long\)/),
        shouldRetry: 'false',
      })
    }
    // The words of Claude's own API stay.
    const numbers = 'input length and `max_tokens` exceed context limit: 190000 + 64000 > 200000'
    expect(heard(400, envelope('invalid_request_error', numbers))).toBeUndefined()
    expect(heard(400, [envelope('invalid_request_error', numbers)])?.message).toBe(numbers)
  })

  it('that quotes JSON of the request is not taken apart', () => {
    const quoting = envelope('invalid_request_error', `tools.0: ${JSON.stringify(envelope('overloaded_error'))}`)
    expect(answer(400, quoting)).toEqual({ reason: { _tag: 'InvalidRequest', status: 400 } })
  })

  it('is not looked for without end', () => {
    const wrapped = (times: number) =>
      `${'{"error":'.repeat(times)}${JSON.stringify(envelope('overloaded_error'))}${'}'.repeat(times)}`
    expect(reasonOf(400, wrapped(4))?._tag).toBe('Overloaded')
    expect(reasonOf(400, wrapped(1_000))).toEqual({ _tag: 'InvalidRequest', status: 400 })
  })
})

describe("OpenRouter's messages skin", () => {
  const skin = (type: string, error_type: string, more: object = {}) => envelope(type, 'x', { error_type, ...more })

  it.each<[number, object, FailureReason]>([
    [402, skin('billing_error', 'payment_required'), { _tag: 'QuotaExhausted', status: 402 }],
    [404, skin('not_found_error', 'not_found'), { _tag: 'InvalidRequest', status: 404 }],
    [504, skin('timeout_error', 'timeout'), { _tag: 'ServerError', status: 504 }],
    [503, skin('overloaded_error', 'provider_overloaded'), { _tag: 'Overloaded', status: 503 }],
    [529, skin('overloaded_error', 'provider_overloaded'), { _tag: 'Overloaded', status: 529 }],
    [502, skin('api_error', 'provider_unavailable'), { _tag: 'ServerError', status: 502 }],
    [400, skin('invalid_request_error', 'content_policy_violation'), { _tag: 'ContentRefused', status: 400 }],
  ])('%i %j', (status, body, reason) => {
    expect(answer(status, body)).toEqual({ reason })
  })

  it('says with its own word that a prompt is too long, and the client hears it in Claude’s', () => {
    const body = skin('invalid_request_error', 'context_length_exceeded')
    expect(reasonOf(400, body)).toEqual({ _tag: 'ContextTooLong', status: 400, limit: 'provider' })
    expect(heard(400, body)?.message).toMatch(/^prompt is too long/)
  })

  it('says with its availability whether waiting helps', () => {
    const busy = skin('invalid_request_error', 'x', { availability: { retryable: true, retry_after: 7 } })
    expect(reasonOf(400, busy)).toEqual({ _tag: 'Overloaded', status: 400, until: at + 7_000 })
    expect(heard(400, busy)).toMatchObject({ status: 529, type: 'overloaded_error', retryAfter: '7' })
    const region = skin('permission_error', 'permission_denied', { availability: { code: 'region_restricted' } })
    expect(reasonOf(403, region)).toEqual({ _tag: 'InvalidRequest', status: 404 })
    expect(heard(403, region)?.status).toBe(404)
  })

  it('reports moderation as a refusal of the content, not of the key', () => {
    const flagged = { error: { code: 403, message: 'x', metadata: { reasons: ['violence'], flagged_input: '…' } } }
    expect(reasonOf(403, flagged)).toEqual({ _tag: 'ContentRefused', status: 403 })
  })
})

describe('Google', () => {
  const retry = (retryDelay: unknown) => ({ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay })
  const quota = google(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded')

  it.each<[string, number | undefined]>([
    ['34s', 34_000],
    ['0.5s', 500],
    ['34.074824224s', 34_074.824_224],
    ['1h2m3s', 3_723_000],
    ['soon', undefined],
  ])('asks to wait %s', (delay, ms) => {
    const reason = { _tag: 'RateLimited', status: 429, ...(ms === undefined ? {} : { until: at + ms }) }
    for (const body of [google(429, 'RESOURCE_EXHAUSTED', 'x', [{ violations: [] }, retry(delay)])]) {
      expect(reasonOf(429, body)).toEqual(reason)
      expect(reasonOf(429, [body])).toEqual(reason)
    }
  })

  it('asks to wait until a quota is refilled', () => {
    const info = { reason: 'RATE_LIMIT_EXCEEDED', metadata: { quotaResetDelay: '1m30s' } }
    expect(reasonOf(429, google(429, 'RESOURCE_EXHAUSTED', 'x', [info]))).toMatchObject({ until: at + 90_000 })
  })

  it.each<[string, number, unknown, FailureReason]>([
    ['quota in an array', 429, [quota], { _tag: 'RateLimited', status: 429 }],
    [
      'a code as text',
      429,
      { error: { code: '429', status: 'resource_exhausted' } },
      { _tag: 'RateLimited', status: 429 },
    ],
    ['cancelled', 499, google(499, 'CANCELLED'), { _tag: 'ServerError', status: 499 }],
    ['too late', 504, google(504, 'DEADLINE_EXCEEDED'), { _tag: 'ServerError', status: 504 }],
    ['internal', 500, google(500, 'INTERNAL'), { _tag: 'ServerError', status: 500 }],
    ['invalid', 400, google(400, 'INVALID_ARGUMENT'), { _tag: 'InvalidRequest', status: 400 }],
    ['no model here', 404, google(404, 'NOT_FOUND'), { _tag: 'InvalidRequest', status: 404 }],
    ['no such model, as an array', 404, [google(404, 'NOT_FOUND')], { _tag: 'InvalidRequest', status: 404 }],
    ['not allowed', 400, google(400, 'FAILED_PRECONDITION'), { _tag: 'InvalidRequest', status: 404 }],
    [
      'no billing',
      403,
      google(403, 'PERMISSION_DENIED', 'x', [{ reason: 'BILLING_DISABLED' }]),
      { _tag: 'QuotaExhausted', status: 403 },
    ],
    [
      'a service that is off',
      403,
      google(403, 'PERMISSION_DENIED', 'x', [{ reason: 'SERVICE_DISABLED' }]),
      { _tag: 'CredentialRefused', status: 403, whose: 'gateway' },
    ],
    [
      'too long for Gemini',
      400,
      google(400, 'INVALID_ARGUMENT', 'The input token count (1200000) exceeds the maximum number of tokens allowed.'),
      { _tag: 'ContextTooLong', status: 400, limit: 'provider' },
    ],
  ])('%s', (_, status, body, reason) => {
    expect(reasonOf(status, body)).toEqual(reason)
  })

  it('is told without the ids of projects', () => {
    const told = (message: string) => heard(404, google(404, 'NOT_FOUND', message))?.message
    expect(told('Publisher Model `projects/my-project/locations/global/publishers/anthropic/models/c` not found')).toBe(
      'Publisher Model `projects/…/locations/global/publishers/anthropic/models/c` not found',
    )
    expect(told("Project `000000000000` and Project 'my-project' may not")).toBe("Project `…` and Project '…' may not")
    expect(told("consumer 'project_number:123456789012', project 123456789012")).toBe(
      "consumer 'project_number:…', project …",
    )
    expect(told('PROJECTS/my-project')).toBe('PROJECTS/…')
    expect(told('the project is large, see projects')).toBe('the project is large, see projects')
  })
})

describe('Bedrock', () => {
  it.each<[string, number, string, unknown, FailureReason]>([
    ['throttled', 429, 'ThrottlingException', { message: 'Too many requests' }, { _tag: 'RateLimited', status: 429 }],
    [
      'throttled, in a namespace',
      400,
      'com.amazon.coral#ThrottlingException',
      '',
      { _tag: 'RateLimited', status: 400 },
    ],
    ['not ready', 429, 'ModelNotReadyException', { message: 'x' }, { _tag: 'Overloaded', status: 429 }],
    ['busy', 503, 'ServiceUnavailableException:http://internal.example/', '', { _tag: 'Overloaded', status: 503 }],
    [
      'busy, with a status of the request',
      400,
      'ServiceUnavailableException:http://x/',
      '',
      { _tag: 'Overloaded', status: 400 },
    ],
    ['late', 408, 'ModelTimeoutException', { message: 'x' }, { _tag: 'ServerError', status: 408 }],
    ['failed', 424, 'ModelErrorException', { message: 'x' }, { _tag: 'ServerError', status: 424 }],
    ['internal', 500, 'InternalServerException', { message: 'x' }, { _tag: 'ServerError', status: 500 }],
    ['quota', 400, 'ServiceQuotaExceededException', { message: 'x' }, { _tag: 'QuotaExhausted', status: 400 }],
    ['gone', 404, 'ResourceNotFoundException', { Message: 'x' }, { _tag: 'InvalidRequest', status: 404 }],
    ['invalid', 400, 'ValidationException', { message: 'x' }, { _tag: 'InvalidRequest', status: 400 }],
    [
      'too long',
      400,
      'ValidationException',
      { message: 'Input is too long for requested model.' },
      { _tag: 'ContextTooLong', status: 400 },
    ],
    [
      'another model',
      400,
      'ValidationException',
      { message: 'The provided model identifier is invalid.' },
      { _tag: 'InvalidRequest', status: 404 },
    ],
    [
      'denied',
      403,
      'AccessDeniedException',
      { Message: 'User: arn:aws:iam::123456789012:user/x is not authorized' },
      { _tag: 'CredentialRefused', status: 403, whose: 'gateway' },
    ],
  ])('%s', (_, status, exception, body, reason) => {
    expect(reasonOf(status, body, bedrock(exception))).toEqual(reason)
  })

  it('names its exception in the body too', () => {
    expect(reasonOf(429, { __type: 'com.amazon.bedrock#ModelNotReadyException', message: 'x' })?._tag).toBe(
      'Overloaded',
    )
  })

  it('is heard in its own words, whichever way it spells their name', () => {
    for (const body of [{ message: 'slow down' }, { Message: 'slow down' }]) {
      expect(heard(429, body, bedrock('ThrottlingException'))?.message).toBe('slow down')
    }
  })

  it('is told without the account', () => {
    const message = 'Model arn:aws:bedrock:us-east-1:123456789012:inference-profile/x not found'
    expect(heard(404, { message }, bedrock('ResourceNotFoundException'))?.message).toBe(
      'Model arn:aws:bedrock:us-east-1:…:inference-profile/x not found',
    )
  })
})

describe('the end of a service', () => {
  it.each<[string, number, unknown, Headers]>([
    ['410 with an error', 410, { error: { code: 'x' } }, []],
    ['410 as HTML', 410, '<html>', []],
    ['410 without anything', 410, '', []],
    ['410 as an envelope', 410, envelope('not_found_error'), []],
    ["GitHub's word, whatever the status", 503, { error: { code: 'github_models_retirement_brownout' } }, []],
    ["GitHub's word in capitals", 400, { error: { code: 'GITHUB_MODELS_RETIREMENT_BROWNOUT' } }, []],
    ['an empty 403 with a sunset', 403, '', [['sunset', 'Thu, 30 Jul 2026 00:00:00 GMT']]],
    ['a blank 403 with a deprecation', 403, ' \n', [['deprecation', '@1777939200']]],
  ])('%s', (_, status, body, headers) => {
    expect(reasonOf(status, body, headers)).toEqual({ _tag: 'Retired', status })
  })

  it('is not a 403 that has something to say, nor an empty one alone', () => {
    expect(reasonOf(403, { message: 'no' }, [['sunset', 'x']])?._tag).toBe('CredentialRefused')
    expect(reasonOf(403, '')?._tag).toBe('CredentialRefused')
  })
})

describe('servers of the chat dialect and proxies', () => {
  it.each<[string, number, unknown, FailureReason]>([
    ['a text', 500, '"out of memory"', { _tag: 'ServerError', status: 500 }],
    ['words of a proxy', 503, 'upstream connect error', { _tag: 'ServerError', status: 503 }],
    ['markup', 429, '<html>', { _tag: 'RateLimited', status: 429 }],
    ['an array of nothing', 502, '[]', { _tag: 'ServerError', status: 502 }],
    ['null', 400, 'null', { _tag: 'InvalidRequest', status: 400 }],
    ['nothing', 400, '', { _tag: 'InvalidRequest', status: 400 }],
    ['half a body', 500, '{"error":{"mess', { _tag: 'ServerError', status: 500 }],
    ["Cloudflare's own time-out", 524, '<html>', { _tag: 'ServerError', status: 524 }],
    ['an endpoint that is not there', 405, '', { _tag: 'InvalidRequest', status: 404 }],
    ["Azure's gateway", 429, { statusCode: 429, message: 'Try again in 5 s' }, { _tag: 'RateLimited', status: 429 }],
    [
      'a nested detail',
      400,
      { detail: { error: { code: 'model_not_found' } } },
      { _tag: 'InvalidRequest', status: 404 },
    ],
    [
      'a list of errors',
      401,
      { errors: [{ message: 'x' }] },
      { _tag: 'CredentialRefused', status: 401, whose: 'gateway' },
    ],
    ['words in capitals', 429, { error: { code: 'INSUFFICIENT_QUOTA' } }, { _tag: 'QuotaExhausted', status: 429 }],
    ['words with hyphens', 400, { error: { type: 'Content-Filter' } }, { _tag: 'ContentRefused', status: 400 }],
    ['an error of the model', 400, { error: { code: 'tool_use_failed' } }, { _tag: 'ServerError', status: 400 }],
    ['a failed dependency', 424, '', { _tag: 'ServerError', status: 424 }],
    [
      'a limit that waiting does not lift',
      429,
      { error: { availability: { retryable: false } } },
      { _tag: 'QuotaExhausted', status: 429 },
    ],
    ['an account in arrears', 400, { code: 'Arrearage', message: 'x' }, { _tag: 'QuotaExhausted', status: 400 }],
    [
      'a wait as text',
      503,
      { error: { availability: { retry_after: '12' } } },
      { _tag: 'Overloaded', status: 503, until: at + 12_000 },
    ],
    ['a wait that is none', 503, { error: { retry_after: -1 } }, { _tag: 'Overloaded', status: 503 }],
    [
      "llama.cpp's full context, as a 500",
      500,
      { error: { code: 500, type: 'exceed_context_size_error' } },
      { _tag: 'ContextTooLong', status: 500, limit: 'provider' },
    ],
    [
      'a request larger than a minute',
      413,
      { error: { type: 'tokens', code: 'rate_limit_exceeded' } },
      { _tag: 'ContextTooLong', status: 413, limit: 'provider' },
    ],
    [
      'a detail as text',
      400,
      { detail: "This model's maximum context length is 9 tokens" },
      { _tag: 'ContextTooLong', status: 400, limit: 'provider' },
    ],
  ])('%s', (_, status, body, reason) => {
    expect(reasonOf(status, body)).toEqual(reason)
  })

  it("never answer a refused key of the gateway's with 401 or with the key", () => {
    for (const status of [401, 403]) {
      const told = heard(status, { error: { message: 'Incorrect API key provided: sk-proj-abcdef.' } })
      expect(told).toMatchObject({ status: 502, type: 'api_error', shouldRetry: 'false' })
      expect(told?.message).not.toContain('abcdef')
    }
    expect(heard(400, { error: { message: 'bad key sk-proj-abcdef12 or gsk_abcdef12' } })?.message).toBe(
      'bad key … or …',
    )
    expect(heard(401, { error: { message: 'x' } }, [], 'client')?.status).toBe(401)
  })

  it('have a time for every 429 and 529 that the client hears', () => {
    expect(heard(429, '')).toMatchObject({ retryAfter: '1', shouldRetry: 'true' })
    expect(heard(503, { error: {} })).toMatchObject({ status: 529, retryAfter: '1', shouldRetry: 'true' })
    expect(heard(429, '', [['retry-after-ms', '2500']])?.retryAfter).toBe('3')
    expect(heard(429, '', [['retry-after', '61']])).toMatchObject({ retryAfter: '61', shouldRetry: 'false' })
    const resets: Headers = [
      ['x-ratelimit-remaining', '0'],
      ['x-ratelimit-reset', String((at + 9_000) / 1000)],
    ]
    expect(heard(429, '', resets)?.retryAfter).toBe('9')
  })

  it('are not heard at any length', () => {
    expect(heard(400, { error: { message: 'x'.repeat(100_000) } })?.message).toBe('x'.repeat(2_000))
  })

  it('time out as time-outs', () => {
    for (const status of [408, 504, 522, 524]) {
      expect(heard(status, '')).toMatchObject({ status: 504, type: 'timeout_error' })
    }
  })
})

describe('any answer', () => {
  const anyBody = fc.oneof(
    fc.string(),
    fc.json(),
    fc.record({ error: fc.jsonValue() }).map((value) => JSON.stringify(value)),
    fc
      .record({ type: fc.constant('error'), error: fc.record({ type: fc.string(), message: fc.jsonValue() }) })
      .map((value) => JSON.stringify(value)),
  )

  it('is classified, and what is raised is an envelope with a status of an error', () => {
    fc.assert(
      fc.property(fc.integer({ min: 300, max: 599 }), anyBody, (status, body) => {
        const failed = classifyAnswer(status, [], body, at, 'gateway')
        expect(failed).toBeDefined()
        const raised = failed?.raised
        if (raised === undefined) return
        expect(raised.status).toBeGreaterThanOrEqual(400)
        const parsed = JSON.parse(raised.body) as { type: string; error: { type: unknown; message: unknown } }
        expect(parsed.type).toBe('error')
        expect([typeof parsed.error.type, typeof parsed.error.message]).toEqual(['string', 'string'])
      }),
      { numRuns: 300 },
    )
  })

  it('of the gateway’s refused key is never heard as a 401 unless the provider speaks for itself', () => {
    fc.assert(
      fc.property(fc.constantFrom(401, 403), anyBody, (status, body) => {
        const raised = classifyAnswer(status, [], body, at, 'gateway')?.raised
        if (raised !== undefined) expect([401, 403]).not.toContain(raised.status)
      }),
    )
  })
})
