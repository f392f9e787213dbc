import { describe, expect, it } from '@effect/vitest'
import { type FailedAttempt, type FinalAnswer, finalAnswer, type Skip, type Stopped } from '#actors/final-answer.ts'
import { ProviderError } from '#actors/provider-error.ts'
import type { FailureReason } from '#domain/failure.ts'
import { providerId } from '#domain/ids.ts'

const at = 1_800_000_000_000

const failed = (provider: string, reason: FailureReason, status?: number): FailedAttempt => ({
  provider: providerId(provider),
  error: new ProviderError({
    reason,
    stage: 'S0',
    usage: undefined,
    upstreamRequestId: undefined,
    headers: [],
    answer:
      status === undefined
        ? undefined
        : { status, headers: [['x-from', provider]], body: Buffer.from(`the body of ${provider}`) },
    mirror: undefined,
  }),
})

const skip = (provider: string, reason: Skip['reason'], inMs?: number): Skip => ({
  provider: providerId(provider),
  reason,
  ...(inMs === undefined ? {} : { until: at + inMs }),
})

interface Told {
  readonly status: number
  readonly type: string
  readonly retryAfter: string | undefined
  readonly shouldRetry: string | undefined
}

const told = (final: FinalAnswer): Told => {
  if (final._tag !== 'Own') throw new Error(`not an answer of ours but that of ${final.provider}`)
  const header = (name: string) => final.answer.headers.find(([key]) => key === name)?.[1]
  return {
    status: final.answer.status,
    type: final.answer.type,
    retryAfter: header('retry-after'),
    shouldRetry: header('x-should-retry'),
  }
}

const rateLimit = (retryAfter: string | undefined, shouldRetry: string): Told => ({
  status: 429,
  type: 'rate_limit_error',
  retryAfter,
  shouldRetry,
})
const outage = (retryAfter: string, shouldRetry = 'true'): Told => ({
  status: 529,
  type: 'overloaded_error',
  retryAfter,
  shouldRetry,
})
const final = (status: number, type: string): Told => ({ status, type, retryAfter: undefined, shouldRetry: 'false' })

describe('when nobody was tried', () => {
  it.each<[string, readonly Skip[], Stopped, Told, FailureReason['_tag']]>([
    [
      'all at a limit',
      [skip('a', 'throttled', 30_000), skip('b', 'throttled', 7_500)],
      'exhausted',
      rateLimit('8', 'true'),
      'RateLimited',
    ],
    ['a limit of just a minute', [skip('a', 'throttled', 60_000)], 'exhausted', rateLimit('60', 'true'), 'RateLimited'],
    [
      'a limit of more than a minute',
      [skip('a', 'throttled', 60_001)],
      'exhausted',
      rateLimit('61', 'false'),
      'RateLimited',
    ],
    ['a limit of a day', [skip('a', 'throttled', 86_400_000)], 'exhausted', rateLimit('86400', 'false'), 'RateLimited'],
    [
      'a limit that ended as we looked',
      [skip('a', 'throttled', -5)],
      'exhausted',
      rateLimit('1', 'true'),
      'RateLimited',
    ],
    [
      'a limit nobody gave a time for',
      [skip('a', 'throttled')],
      'exhausted',
      rateLimit(undefined, 'true'),
      'RateLimited',
    ],
    [
      'a limit that this request would exceed',
      [skip('a', 'limitReached', 12_300)],
      'exhausted',
      rateLimit('13', 'true'),
      'RateLimited',
    ],
    [
      'limits that were hit and one that would be, which frees first',
      [skip('a', 'throttled', 90_000), skip('b', 'limitReached', 4_000), skip('c', 'limitReached', 70_000)],
      'exhausted',
      rateLimit('4', 'true'),
      'RateLimited',
    ],
    [
      'a limit per day that this request would exceed, beside circuits that open later still',
      [skip('a', 'limitReached', 3_600_000), skip('b', 'circuitOpen', 7_200_000)],
      'exhausted',
      rateLimit('3600', 'false'),
      'RateLimited',
    ],
    [
      'as many requests under way as the one provider takes, beside one that the prompt is too large for',
      [skip('a', 'limitReached', 0), skip('b', 'inputTooLarge')],
      'exhausted',
      rateLimit('1', 'true'),
      'RateLimited',
    ],
    [
      'a limit, and an open circuit that ends sooner',
      [skip('a', 'throttled', 90_000), skip('b', 'circuitOpen', 10_000)],
      'exhausted',
      rateLimit('10', 'true'),
      'RateLimited',
    ],
    [
      'a limit beside what can never serve',
      [skip('a', 'throttled', 5_000), skip('b', 'disabled'), skip('c', 'modelNotMapped'), skip('d', 'inputTooLarge')],
      'exhausted',
      rateLimit('5', 'true'),
      'RateLimited',
    ],
    [
      'all circuits open',
      [skip('a', 'circuitOpen', 20_000), skip('b', 'circuitOpen', 12_000)],
      'exhausted',
      outage('12'),
      'Overloaded',
    ],
    ['circuits open for long', [skip('a', 'circuitOpen', 300_000)], 'exhausted', outage('300', 'false'), 'Overloaded'],
    ['a probe in flight', [skip('a', 'probeInFlight')], 'exhausted', outage('1'), 'Overloaded'],
    ['the deadline', [], 'deadline', outage('1'), 'Timeout'],
    [
      'too large for all',
      [skip('a', 'inputTooLarge'), skip('b', 'modelNotMapped')],
      'exhausted',
      final(400, 'invalid_request_error'),
      'ContextTooLong',
    ],
    [
      'a model nobody has',
      [skip('a', 'modelNotMapped'), skip('b', 'disabled')],
      'exhausted',
      final(404, 'not_found_error'),
      'InvalidRequest',
    ],
    [
      'a limit beside what never comes back',
      [skip('a', 'retired'), skip('b', 'featureLacking'), skip('c', 'throttled', 5_000)],
      'exhausted',
      rateLimit('5', 'true'),
      'RateLimited',
    ],
    [
      'too large for the one, and the other gone: the client can compact',
      [skip('a', 'retired'), skip('b', 'inputTooLarge')],
      'exhausted',
      final(400, 'invalid_request_error'),
      'ContextTooLong',
    ],
    ['all gone for good', [skip('a', 'retired')], 'exhausted', final(502, 'api_error'), 'Retired'],
    [
      'gone for good, and the others could not do it: only the operator can help, so no 400',
      [skip('a', 'featureLacking'), skip('b', 'retired'), skip('c', 'modelNotMapped')],
      'exhausted',
      final(502, 'api_error'),
      'Retired',
    ],
    [
      'what nobody can do',
      [skip('a', 'featureLacking'), skip('b', 'modelNotMapped'), skip('c', 'disabled')],
      'exhausted',
      final(400, 'invalid_request_error'),
      'FeatureRefused',
    ],
    [
      'a rule that keeps the request to providers without the model: only the operator can help',
      [skip('a', 'ruledOut'), skip('b', 'modelNotMapped')],
      'exhausted',
      final(502, 'api_error'),
      'Unknown',
    ],
    ['all switched off', [skip('a', 'disabled')], 'exhausted', final(502, 'api_error'), 'Unknown'],
    ['no provider at all', [], 'exhausted', final(502, 'api_error'), 'Unknown'],
  ])('%s', (_what, skipped, stopped, expected, reason) => {
    const answer = finalAnswer('claude-x', skipped, [], stopped, at)
    expect(told(answer)).toEqual(expected)
    expect(answer.reason._tag).toBe(reason)
  })

  it('the client compacts on the wording of a too large prompt', () => {
    const answer = finalAnswer('claude-x', [skip('a', 'inputTooLarge')], [], 'exhausted', at)
    expect(answer._tag === 'Own' && answer.answer.message).toMatch(/^prompt is too long/)
  })

  it('the message names the model and who is at a limit or out of service', () => {
    const limited = finalAnswer(
      'claude-x',
      [skip('a', 'throttled', 1), skip('b', 'circuitOpen', 1)],
      [],
      'exhausted',
      at,
    )
    expect(limited._tag === 'Own' && limited.answer.message).toMatch(/claude-x.*\(a\)/)
    const open = finalAnswer(
      'claude-x',
      [skip('a', 'circuitOpen', 1), skip('b', 'circuitOpen', 1)],
      [],
      'exhausted',
      at,
    )
    expect(open._tag === 'Own' && open.answer.message).toMatch(/claude-x.*\(a, b\)/)
    const unknown = finalAnswer('claude-x', [skip('a', 'modelNotMapped')], [], 'exhausted', at)
    expect(unknown._tag === 'Own' && unknown.answer.message).toBe('model: claude-x')
  })
})

describe('the message when nobody is left to try', () => {
  const message = (skipped: readonly Skip[], needs?: readonly string[]): string => {
    const answer = finalAnswer('claude-x', skipped, [], 'exhausted', at, needs)
    return answer._tag === 'Own' ? answer.answer.message : ''
  }

  it('names the providers that are gone for good, and says what to do', () => {
    const gone = message([skip('github', 'retired'), skip('old', 'retired'), skip('c', 'featureLacking')])
    expect(gone).toMatch(/claude-x.*github, old said to be gone for good/)
    expect(gone).toContain('Change or remove its entry in the configuration')
  })

  it('names what no configured provider can do, where it is known', () => {
    const skipped = [skip('a', 'featureLacking'), skip('b', 'featureLacking')]
    expect(message(skipped, ['tool:web_search_20250305', 'source:url'])).toBe(
      'No configured provider that serves claude-x (a, b) can do what this request needs: tool:web_search_20250305, source:url.',
    )
    expect(message(skipped)).toMatch(/No configured provider .* can do what this request needs\.$/)
  })
})

const refused: FailureReason = { _tag: 'CredentialRefused', status: 401, whose: 'gateway' }
const limited: FailureReason = { _tag: 'RateLimited', status: 429, until: at + 5_000 }
const overloaded: FailureReason = { _tag: 'Overloaded', status: 529 }
const unreachable: FailureReason = { _tag: 'Transport', code: 'ECONNREFUSED', connect: true }
const unknownField: FailureReason = { _tag: 'FeatureRefused', status: 400, features: ['field:thinking'] }
const tooLongHere: FailureReason = { _tag: 'ContextTooLong', status: 400, limit: 'provider' }
const invalid: FailureReason = { _tag: 'InvalidRequest', status: 400 }

describe("a provider's own error", () => {
  it.each<[string, readonly FailedAttempt[], string]>([
    ['a wrong request ends it at once', [failed('a', invalid, 400)], 'a'],
    ['a wrong request after an outage', [failed('a', overloaded, 529), failed('b', invalid, 400)], 'b'],
    ['a prompt that is too long', [failed('a', { _tag: 'ContextTooLong', status: 400 }, 400)], 'a'],
    ["the client's own key", [failed('a', { _tag: 'CredentialRefused', status: 401, whose: 'client' }, 401)], 'a'],
    ['the last of several', [failed('a', overloaded, 529), failed('b', limited, 429)], 'b'],
    [
      'the last that spoke, when the others could not be reached',
      [failed('a', limited, 429), failed('b', unreachable)],
      'a',
    ],
    ['the last that spoke of anything but our key', [failed('a', refused, 401), failed('b', overloaded, 529)], 'b'],
    ['a model that no provider has', [failed('a', { _tag: 'InvalidRequest', status: 404 }, 404)], 'a'],
    ['a feature that no provider knows', [failed('a', unknownField, 400), failed('b', unknownField, 400)], 'b'],
    ['a feature that the last did not know', [failed('a', refused, 401), failed('b', unknownField, 400)], 'b'],
    [
      'an outage of one when another does not know a feature',
      [failed('a', overloaded, 529), failed('b', unknownField, 400)],
      'a',
    ],
    ["a prompt beyond a provider's own limit, and nobody else to try", [failed('a', tooLongHere, 400)], 'a'],
    [
      "a prompt beyond one provider's own limit when the others fail for good: the client compacts",
      [failed('a', tooLongHere, 400), failed('b', refused, 401), failed('c', unknownField, 400)],
      'a',
    ],
    [
      "an outage rather than a prompt beyond another provider's own limit: nobody need lose its context",
      [failed('a', tooLongHere, 400), failed('b', overloaded, 529)],
      'b',
    ],
    ['an error event of a held stream, status 200', [failed('a', { _tag: 'Overloaded' }, 200)], 'a'],
  ])('is passed on unchanged: %s', (_what, failures, provider) => {
    const answer = finalAnswer('claude-x', [], failures, 'exhausted', at)
    const spoken = failures.find((one) => one.provider === provider)
    expect(answer).toEqual({
      _tag: 'Upstream',
      provider,
      reason: spoken?.error.reason,
      answer: spoken?.error.answer,
      hopeless: false,
    })
    // The very same object: no byte of it was touched.
    expect(answer._tag === 'Upstream' && answer.answer).toBe(spoken?.error.answer)
  })

  it.each<[string, FailureReason, number]>([
    ['an empty account', { _tag: 'QuotaExhausted', status: 402 }, 402],
    ['a service that is gone', { _tag: 'Retired', status: 410 }, 410],
  ])('is marked hopeless: %s', (_what, reason, status) => {
    expect(finalAnswer('claude-x', [], [failed('a', reason, status)], 'exhausted', at)).toMatchObject({
      _tag: 'Upstream',
      hopeless: true,
    })
  })

  it('a limit speaks before a refused credential, whichever came last', () => {
    const full = failed('a', limited, 429)
    const shut = failed('b', refused, 401)
    for (const failures of [
      [full, shut],
      [shut, full],
    ]) {
      expect(finalAnswer('claude-x', [], failures, 'exhausted', at)).toMatchObject({ _tag: 'Upstream', provider: 'a' })
    }
  })

  it('of several limits the one that frees first is passed on', () => {
    const soon = failed('a', { _tag: 'RateLimited', status: 429, until: at + 5_000 }, 429)
    const late = failed('b', { _tag: 'RateLimited', status: 429, until: at + 3_600_000 }, 429)
    expect(finalAnswer('claude-x', [], [soon, late], 'exhausted', at)).toMatchObject({
      _tag: 'Upstream',
      provider: 'a',
    })
  })

  it('a limit of an hour is not the answer while a skipped provider is back in five seconds', () => {
    const late = failed('b', { _tag: 'RateLimited', status: 429, until: at + 3_600_000 }, 429)
    expect(told(finalAnswer('claude-x', [skip('c', 'throttled', 5_000)], [late], 'exhausted', at))).toEqual(
      rateLimit('5', 'true'),
    )
  })

  it('that is a redirect is not passed on: the client would take its credential along', () => {
    const moved = failed('a', { _tag: 'Unknown', status: 302 }, 302)
    expect(told(finalAnswer('claude-x', [], [moved], 'exhausted', at))).toEqual(outage('1'))
    expect(finalAnswer('claude-x', [], [failed('b', overloaded, 529), moved], 'exhausted', at)).toMatchObject({
      _tag: 'Upstream',
      provider: 'b',
    })
  })
})

describe('when all attempts failed and no provider spoke', () => {
  it.each<[string, readonly FailedAttempt[], readonly Skip[], Told]>([
    ['unreachable', [failed('a', unreachable)], [], outage('1')],
    ['timed out', [failed('a', { _tag: 'Timeout', phase: 'headers' }), failed('b', unreachable)], [], outage('1')],
    ['unreadable', [failed('a', { _tag: 'MalformedOutput', detail: 'HTML' })], [], outage('1')],
    ['out of time as a whole', [failed('a', { _tag: 'Timeout', phase: 'deadline' })], [], outage('1')],
    ['one that told a time without an answer', [failed('a', limited), failed('b', unreachable)], [], outage('5')],
    [
      'another that is back soon',
      [failed('a', unreachable)],
      [skip('b', 'throttled', 20_000), skip('c', 'circuitOpen', 40_000)],
      outage('20'),
    ],
    [
      'another that is back late',
      [failed('a', unreachable)],
      [skip('b', 'throttled', 3_600_000)],
      outage('3600', 'false'),
    ],
    ['a wrong request without an answer', [failed('a', { _tag: 'InvalidRequest' })], [], final(502, 'api_error')],
    [
      'what nobody can do, as Signalbox knew beforehand',
      [failed('a', { _tag: 'FeatureRefused', features: ['field:x'] })],
      [],
      final(400, 'invalid_request_error'),
    ],
    [
      'what one cannot do, and another that refused our key: no 400',
      [failed('a', { _tag: 'FeatureRefused', features: ['field:x'] }), failed('b', refused)],
      [],
      final(502, 'api_error'),
    ],
    [
      "a prompt beyond a provider's own limit without an answer",
      [failed('a', { _tag: 'ContextTooLong', limit: 'provider' }), failed('b', refused)],
      [],
      final(400, 'invalid_request_error'),
    ],
    ['one that is gone without an answer', [failed('a', { _tag: 'Retired' })], [], final(502, 'api_error')],
  ])('%s', (_what, failures, skipped, expected) => {
    expect(told(finalAnswer('claude-x', skipped, failures, 'exhausted', at))).toEqual(expected)
  })

  it('the message names each provider and what happened to it', () => {
    const answer = finalAnswer(
      'claude-x',
      [],
      [
        failed('a', unreachable),
        failed('b', { _tag: 'Timeout', phase: 'firstContent' }),
        failed('c', { _tag: 'MalformedOutput', detail: 'not JSON' }),
        failed('d', { _tag: 'ServerError', status: 503 }),
      ],
      'exhausted',
      at,
    )
    const message = answer._tag === 'Own' ? answer.answer.message : ''
    for (const part of [
      'a could not be reached (ECONNREFUSED)',
      'b timed out (firstContent)',
      'c sent an unreadable answer (not JSON)',
      'd failed (ServerError 503)',
    ]) {
      expect(message).toContain(`provider ${part}`)
    }
  })
})

describe('when nothing that waiting cures failed', () => {
  it('the message names each cause, so that the operator finds the one to mend', () => {
    const failures = [
      failed('a', refused, 401),
      failed('b', { _tag: 'FeatureRefused', features: ['beta:x', 'field:y'] }),
      failed('c', { _tag: 'Retired' }),
    ]
    const answer = finalAnswer('claude-x', [], failures, 'exhausted', at)
    const message = answer._tag === 'Own' ? answer.answer.message : ''
    expect(message).toContain('provider a refused the credential')
    expect(message).toContain('provider b cannot do what this request needs (beta:x, field:y)')
    expect(message).toContain('provider c is gone for good; change or remove its entry in the configuration')
  })
})

describe('a credential that Signalbox holds', () => {
  it('and a provider refused is a 502 that names the provider, never the key or the answer', () => {
    const answer = finalAnswer('claude-x', [], [failed('vertex', refused, 401)], 'exhausted', at)
    expect(told(answer)).toEqual(final(502, 'api_error'))
    const message = answer._tag === 'Own' ? answer.answer.message : ''
    expect(message).toContain('provider vertex refused the credential')
    expect(message).toContain('401')
    expect(message).not.toContain('the body of vertex')
  })

  it('and that cannot be read is not said to be refused with a status that nobody sent', () => {
    const answer = finalAnswer(
      'claude-x',
      [],
      [failed('vertex', { _tag: 'CredentialRefused', whose: 'gateway' })],
      'exhausted',
      at,
    )
    expect(told(answer)).toEqual(final(502, 'api_error'))
    const message = answer._tag === 'Own' ? answer.answer.message : ''
    expect(message).toContain('provider vertex')
    expect(message).not.toContain('401')
  })
})
