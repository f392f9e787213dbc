import { describe, expect, it } from '@effect/vitest'
import { classifyAnthropic, classifyAnthropicEvent, readError } from '#domain/dialect/classify-anthropic.ts'
import type { FailureReason } from '#domain/failure.ts'

const at = Date.UTC(2026, 10, 23, 10, 0, 0)
const december = Date.UTC(2026, 11, 1)

const envelope = (type: string, message = 'x', code?: string): string =>
  JSON.stringify({
    type: 'error',
    error: { type, message, ...(code === undefined ? {} : { details: { error_code: code } }) },
  })
const classify = (status: number, body = '', headers: readonly (readonly [string, string])[] = []) =>
  classifyAnthropic(status, headers, body, at, 'gateway')

describe('a status', () => {
  it.each<[string, FailureReason | undefined, FailureReason | undefined]>([
    ['any 2xx is a success', classify(201), undefined],
    ['a redirect is not an answer', classify(302), { _tag: 'Unknown', status: 302 }],
    ['408', classify(408), { _tag: 'ServerError', status: 408 }],
    ['407', classify(407), { _tag: 'ServerError', status: 407 }],
    ['421', classify(421), { _tag: 'ServerError', status: 421 }],
    ['409', classify(409, '', [['retry-after', '2']]), { _tag: 'ServerError', status: 409, until: at + 2_000 }],
    ['410', classify(410), { _tag: 'Retired', status: 410 }],
    ['418', classify(418), { _tag: 'InvalidRequest', status: 418 }],
    ['422', classify(422), { _tag: 'InvalidRequest', status: 422 }],
    ['413 of a proxy in front, as HTML', classify(413, '<html>'), { _tag: 'InvalidRequest', status: 413 }],
    [
      '413 of another meaning',
      classify(413, envelope('invalid_request_error')),
      { _tag: 'ContextTooLong', status: 413 },
    ],
    ['429 as HTML', classify(429, '<html>'), { _tag: 'RateLimited', status: 429 }],
    [
      '429 of a steep rise',
      classify(429, envelope('rate_limit_error', 'x', 'ramp_limit_exceeded'), [['retry-after', '5']]),
      { _tag: 'RateLimited', status: 429, until: at + 5_000 },
    ],
    [
      '429 of a contract',
      classify(429, envelope('rate_limit_error', 'x', 'contract_spend_limit_reached')),
      { _tag: 'QuotaExhausted', status: 429, until: december },
    ],
    [
      '500 with a time',
      classify(500, '', [['retry-after', '3']]),
      { _tag: 'ServerError', status: 500, until: at + 3_000 },
    ],
    ['502 as HTML', classify(502, '<html>'), { _tag: 'ServerError', status: 502 }],
    [
      '413 of Vertex for too many tokens, in its own spelling',
      classify(413, envelope('request_too_large', 'Prompt is too long')),
      { _tag: 'ContextTooLong', status: 413 },
    ],
    ['413 of too many bytes', classify(413, envelope('request_too_large')), { _tag: 'InvalidRequest', status: 413 }],
    ['403 about money', classify(403, envelope('billing_error')), { _tag: 'QuotaExhausted', status: 403 }],
    [
      '400 of an organization on hold',
      classify(400, envelope('invalid_request_error', 'x', 'organization_on_hold')),
      { _tag: 'QuotaExhausted', status: 400 },
    ],
    ['500 that says overloaded', classify(500, envelope('overloaded_error')), { _tag: 'Overloaded', status: 500 }],
    ['503', classify(503, envelope('api_error')), { _tag: 'ServerError', status: 503 }],
    ['503 that says overloaded', classify(503, envelope('overloaded_error')), { _tag: 'Overloaded', status: 503 }],
    ['504', classify(504, envelope('timeout_error')), { _tag: 'ServerError', status: 504 }],
    [
      '529 with a time',
      classify(529, '', [['retry-after', '4']]),
      { _tag: 'Overloaded', status: 529, until: at + 4_000 },
    ],
    ['599', classify(599), { _tag: 'ServerError', status: 599 }],
  ])('%s', (_what, reason, expected) => {
    expect(reason).toEqual(expected)
  })

  it('says whose credential was refused', () => {
    for (const whose of ['client', 'gateway'] as const) {
      expect(classifyAnthropic(401, [], envelope('authentication_error'), at, whose)).toEqual({
        _tag: 'CredentialRefused',
        status: 401,
        whose,
      })
    }
  })

  it('400 about money is about the account, not about the request', () => {
    const limit = 'You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.'
    expect(classify(400, envelope('invalid_request_error', limit))).toEqual({
      _tag: 'QuotaExhausted',
      status: 400,
      until: december,
    })
    expect(
      classify(400, envelope('invalid_request_error', 'Your credit balance is too low to access the Anthropic API.')),
    ).toEqual({ _tag: 'QuotaExhausted', status: 400 })
    expect(classify(400, envelope('invalid_request_error', 'Credit balance too low'))?._tag).toBe('QuotaExhausted')
    // The words in the middle of a sentence are the caller's own.
    expect(classify(400, envelope('invalid_request_error', 'messages.0: prompt is too long'))).toEqual({
      _tag: 'InvalidRequest',
      status: 400,
    })
  })

  it.each([
    'prompt is too long: 1048999 tokens > 1000000 maximum',
    'Prompt is too long',
    'Input is too long for requested model.',
    'input length and `max_tokens` exceed context limit: 190000 + 64000 > 200000, decrease input length or `max_tokens` and try again',
  ])('400 of %s is about the context', (message) => {
    expect(classify(400, envelope('invalid_request_error', message))).toEqual({ _tag: 'ContextTooLong', status: 400 })
    expect(classifyAnthropicEvent(envelope('invalid_request_error', message))).toEqual({ _tag: 'ContextTooLong' })
  })

  it('a spend cap of December ends with the year', () => {
    const body = envelope('rate_limit_error', 'x', 'enforced_spend_limit_reached')
    expect(classifyAnthropic(429, [], body, Date.UTC(2026, 11, 31, 23, 59), 'gateway')).toMatchObject({
      until: Date.UTC(2027, 0, 1),
    })
  })
})

describe('an error event', () => {
  it.each<[string, FailureReason]>([
    ['overloaded_error', { _tag: 'Overloaded' }],
    ['rate_limit_error', { _tag: 'RateLimited' }],
    ['billing_error', { _tag: 'QuotaExhausted' }],
    ['api_error', { _tag: 'ServerError' }],
    ['timeout_error', { _tag: 'ServerError' }],
    ['authentication_error', { _tag: 'CredentialRefused', whose: 'gateway' }],
    ['permission_error', { _tag: 'CredentialRefused', whose: 'gateway' }],
    ['invalid_request_error', { _tag: 'InvalidRequest' }],
    ['not_found_error', { _tag: 'InvalidRequest', status: 404 }],
    ['request_too_large', { _tag: 'InvalidRequest' }],
    ['error_of_next_year', { _tag: 'Unknown' }],
  ])('%s', (type, reason) => {
    expect(classifyAnthropicEvent(envelope(type))).toEqual(reason)
  })

  it('of a spend cap', () => {
    expect(classifyAnthropicEvent(envelope('rate_limit_error', 'x', 'enforced_spend_limit_reached'))).toEqual({
      _tag: 'QuotaExhausted',
    })
  })

  it("about the client's own credential is the client's", () => {
    expect(classifyAnthropicEvent(envelope('authentication_error'), 'client')).toEqual({
      _tag: 'CredentialRefused',
      whose: 'client',
    })
  })

  it('that cannot be read is unknown', () => {
    for (const data of ['', '{', 'null', '[]', '{"error":"overloaded_error"}']) {
      expect(classifyAnthropicEvent(data)).toEqual({ _tag: 'Unknown' })
    }
  })
})

describe('an error envelope', () => {
  it('is read without trusting any member', () => {
    expect(readError(envelope('a', 'b', 'c'))).toEqual({ type: 'a', code: 'c', message: 'b' })
    for (const body of ['', 'null', '[]', '{"error":[]}', '{"error":{"type":7,"message":{},"details":"x"}}']) {
      expect(readError(body)).toEqual({ type: undefined, code: undefined, message: '' })
    }
  })
})
