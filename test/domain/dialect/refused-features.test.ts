import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { fitAnthropic } from '#domain/dialect/fit-anthropic.ts'
import { clientRecovers, refusedFeatures } from '#domain/dialect/refused-features.ts'
import { inOneGo } from '#domain/steps.ts'

const envelope = (message: string): string =>
  JSON.stringify({ type: 'error', error: { type: 'invalid_request_error', message }, request_id: 'req_1' })
const refused = (message: string, sentBetas?: readonly string[]) => refusedFeatures(400, envelope(message), sentBetas)
const fixture = (path: string): { readonly status: number; readonly body: string } => {
  const { status, body } = JSON.parse(readFileSync(new URL(`../../fixtures/${path}`, import.meta.url), 'utf8'))
  return { status, body: JSON.stringify(body) }
}
const BETAS =
  'Unexpected value(s) `foo-2026-01-01`, `bar-2026-02-02` for the `anthropic-beta` header. Please consult our documentation.'

describe('a refusal of values of the anthropic-beta header', () => {
  it('names them between backticks', () => {
    const { status, body } = fixture('anthropic/400.beta_header.json')
    expect(refusedFeatures(status, body)).toEqual(['beta:foo-2026-01-01', 'beta:bar-2026-02-02'])
    expect(clientRecovers(status, body)).toBe(false)
  })

  it('tells nothing of values that were not sent', () => {
    expect(refused(BETAS, ['bar-2026-02-02', 'x'])).toEqual(['beta:bar-2026-02-02'])
    expect(refused(BETAS, [])).toEqual([])
  })

  it('is ours to learn also for what the client would mend', () => {
    const message =
      'Unexpected value(s) `context-management-2025-06-27` for the `anthropic-beta` header, context_management'
    expect(refused(message)).toEqual(['beta:context-management-2025-06-27'])
    expect(clientRecovers(400, envelope(message))).toBe(false)
  })

  it.each([
    ['bare', envelope(BETAS)],
    ['in a list', `[${envelope(BETAS)}]`],
    [
      'as text within Google’s',
      JSON.stringify({ error: { code: 400, message: envelope(BETAS), status: 'INVALID_ARGUMENT' } }),
    ],
    ['as text within Google’s, in a list', JSON.stringify([{ error: { code: 400, message: envelope(BETAS) } }])],
    ['in Google’s own envelope', JSON.stringify({ error: { code: 400, message: BETAS, status: 'INVALID_ARGUMENT' } })],
    ['in an object of its own, as Bedrock says it', JSON.stringify({ message: BETAS })],
  ])('is understood %s', (_where, body) => {
    expect(refusedFeatures(400, body)).toEqual(['beta:foo-2026-01-01', 'beta:bar-2026-02-02'])
  })

  it.each([200, 401, 413, 429, 500])('is none with status %d', (status) => {
    expect(refusedFeatures(status, envelope(BETAS))).toEqual([])
    expect(clientRecovers(status, envelope('prompt is too long'))).toBe(false)
  })

  it.each(['', 'null', '[]', '{}', '"text"', '<html>', '{"error":', `[`.repeat(50_000)])('is none in %.20s', (body) => {
    expect(refusedFeatures(400, body)).toEqual([])
    expect(clientRecovers(400, body)).toBe(false)
  })
})

describe('a refusal of a field', () => {
  it.each([
    ['safeguards', 'safeguards'],
    ['thinking.display', 'thinking.display'],
    ['thinking.adaptive.display', 'thinking.display'],
    ['output_config.task_budget', 'output_config.task_budget'],
    ['tools.0.defer_loading', 'tools.*.defer_loading'],
    ['tools.12.custom.defer_loading', 'tools.*.defer_loading'],
    ['tools.0.web_search_20250305.allowed_callers', 'tools.*.allowed_callers'],
    ['system.1.cache_control.scope', '**.cache_control.scope'],
    ['system.1.cache_control.ephemeral.scope', '**.cache_control.scope'],
    ['messages.3.content.0.text.cache_control.ttl', '**.cache_control.ttl'],
    ['messages.3.content.0.tool_use.caller', 'messages.*.content.*.caller'],
    ['messages.3.content.0.tool_result.content.1.image.title', 'messages.*.content.*.title'],
    ['messages.3.clear_at', 'messages.*.clear_at'],
  ])('at %s is one of %s', (path, field) => {
    expect(refused(`${path}: Extra inputs are not permitted`)).toEqual([`field:${field}`])
  })

  it('is read in the text within Google’s, where quotes are escaped', () => {
    const body = JSON.stringify({
      error: { code: 400, message: envelope('"thinking.type.enabled" is not supported for this model.') },
    })
    expect(refusedFeatures(400, body)).toEqual(['thinking:enabled'])
  })

  it('may name several', () => {
    expect(
      refused(
        'a: Extra inputs are not permitted; tools.0.custom.b: Extra inputs are not permitted\ntools.1.custom.b: Extra inputs are not permitted',
      ),
    ).toEqual(['field:a', 'field:tools.*.b'])
  })

  it.each([
    'model',
    'messages',
    'tools.0.custom.name',
    'messages.0.content',
    'tools.0.custom.input_schema.foo',
    'messages.0.content.1.tool_use.input.x',
    'messages.0.content.1',
  ])('is nothing to learn at %s, without which it is another request', (path) => {
    expect(refused(`${path}: Extra inputs are not permitted`)).toEqual([])
  })

  it.each([
    [
      '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.',
      'thinking:enabled',
    ],
    ['"thinking.type.disabled" is not supported for this model. Thinking is always on.', 'thinking:disabled'],
    ['adaptive thinking is not supported on this model', 'thinking:adaptive'],
    ['This model does not support the effort parameter.', 'field:output_config.effort'],
  ])('is told of a model as %s', (message, feature) => {
    expect(refused(message)).toEqual([feature])
  })

  it.each([
    'messages: at least one message is required',
    'max_tokens: Field required',
    'Your credit balance is too low',
    'tools.0.custom.name: String should match pattern',
    'This model does not support assistant message prefill.',
  ])('is not %s', (message) => {
    expect(refused(message)).toEqual([])
  })

  it('is one that can be taken out of the request that was refused', () => {
    const body = new TextEncoder().encode(
      '{"tools":[{"name":"a","defer_loading":true}],"thinking":{"type":"adaptive","display":"updates"}}',
    )
    for (const path of ['tools.0.custom.defer_loading', 'thinking.adaptive.display']) {
      const without = refused(`${path}: Extra inputs are not permitted`)
      expect(without).toHaveLength(1)
      expect(inOneGo(fitAnthropic({ body, betas: [], without })).removed).toEqual(expect.arrayContaining([...without]))
    }
  })

  it.each(['unsupported_parameter', 'unsupported_value'])('has a code in OpenAI’s dialect: %s', (code) => {
    const body = (param: unknown) =>
      JSON.stringify({ error: { message: 'm', type: 'invalid_request_error', param, code } })
    expect(refusedFeatures(400, body('temperature'))).toEqual(['param:temperature'])
    for (const param of [null, 'tools', 'messages[0].role']) expect(refusedFeatures(400, body(param))).toEqual([])
  })

  it('is not every complaint of OpenAI’s dialect', () => {
    const { status, body } = fixture('openai/400.context_length.json')
    expect(refusedFeatures(status, body)).toEqual([])
  })
})

describe('what Claude Code mends by itself', () => {
  const wordings = [
    'prompt is too long: 1048999 tokens > 1000000 maximum',
    'input length and `max_tokens` exceed context limit: 190000 + 64000 > 200000, decrease input length or `max_tokens` and try again',
    'capability_rejected: prompt_too_long',
    'context_management: Extra inputs are not permitted',
    'context_management.edits.0: Extra inputs are not permitted',
    "messages.1.role: Input should be 'user' or 'assistant'",
    'messages.1.role: Extra inputs are not permitted',
    "role 'system' is not supported on this model",
    'messages.2.output_config: Extra inputs are not permitted',
    'messages.1.content.0: Invalid `signature` in `thinking` block',
    'messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation.',
    'messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks must remain as they were.',
    'messages.1.content.0.thinking.signature: Field required',
    'messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`.',
  ]

  it.each(wordings)('is never hidden: %s', (message) => {
    expect(clientRecovers(400, envelope(message))).toBe(true)
    expect(refused(message)).toEqual([])
    expect(clientRecovers(400, JSON.stringify([{ error: { code: 400, message: envelope(message) } }]))).toBe(true)
  })

  it.each([
    'anthropic/400.prompt_too_long.json',
    'anthropic/400.thinking_prefix.json',
    'anthropic/400.thinking_signature.json',
    'vertex/400.anthropic_envelope.json',
  ])('is recognised in %s', (path) => {
    const { status, body } = fixture(path)
    expect(clientRecovers(status, body)).toBe(true)
    expect(refusedFeatures(status, body)).toEqual([])
  })

  it.each([
    'safeguards: Extra inputs are not permitted',
    'adaptive thinking is not supported on this model',
    'messages: at least one message is required',
    'tools.0.custom.defer_loading: Extra inputs are not permitted',
  ])('is not %s', (message) => {
    expect(clientRecovers(400, envelope(message))).toBe(false)
  })

  it('and what we learn never overlap', () => {
    const parts = fc.constantFrom(
      ...wordings,
      BETAS,
      'safeguards: Extra inputs are not permitted',
      'adaptive thinking is not supported on this model',
      'x',
    )
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 3 }), (said) => {
        const body = envelope(said.join(' '))
        expect(clientRecovers(400, body) && refusedFeatures(400, body).length > 0).toBe(false)
      }),
    )
  })
})
