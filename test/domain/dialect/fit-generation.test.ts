import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { parseClaudeModel, sameModel, thinkingRules } from '#domain/claude-models.ts'
import { fitGeneration } from '#domain/dialect/fit-generation.ts'
import { inOneGo } from '#domain/steps.ts'
import { loadCaptures } from '#test/captures.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (array: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(array)
const fitted = (body: string, from: string, to: string): string => text(inOneGo(fitGeneration(bytes(body), from, to)))

const NEW = 'claude-opus-5-5'

describe('a request that another generation of Claude answers', () => {
  it.each([
    // thinking that only older models are asked for so
    [
      '{"max_tokens":64000,"thinking":{"type":"adaptive","display":"omitted"},"a":1}',
      'claude-sonnet-4-5',
      '{"max_tokens":64000,"thinking":{"type":"enabled","budget_tokens":31999,"display":"omitted"},"a":1}',
    ],
    [
      '{"max_tokens":64000,"thinking":{"display":"updates", "type":"adaptive"}}',
      'claude-haiku-4-5',
      '{"max_tokens":64000,"thinking":{"type":"enabled","budget_tokens":31999}}',
    ],
    [
      '{"max_tokens":64000,"output_config":{"effort":"low"},"thinking":{"type":"adaptive"}}',
      'claude-opus-4-5',
      '{"max_tokens":64000,"thinking":{"type":"enabled","budget_tokens":4000}}',
    ],
    [
      '{"max_tokens":64000,"output_config":{"effort":"medium","format":1},"thinking":{"type":"adaptive"}}',
      'claude-opus-4-5',
      '{"max_tokens":64000,"output_config":{"format":1},"thinking":{"type":"enabled","budget_tokens":10000}}',
    ],
    [
      '{"max_tokens":64000,"output_config":{"effort":"max"},"thinking":{"type":"adaptive"}}',
      'claude-opus-4-5',
      '{"max_tokens":64000,"thinking":{"type":"enabled","budget_tokens":31999}}',
    ],
    // a budget below max_tokens, or none
    [
      '{"max_tokens":8000,"thinking":{"type":"adaptive"}}',
      'claude-sonnet-4-5',
      '{"max_tokens":8000,"thinking":{"type":"enabled","budget_tokens":7999}}',
    ],
    [
      '{"max_tokens":1025,"thinking":{"type":"adaptive"}}',
      'claude-sonnet-4-5',
      '{"max_tokens":1025,"thinking":{"type":"enabled","budget_tokens":1024}}',
    ],
    ['{"max_tokens":1024,"thinking":{"type":"adaptive"}}', 'claude-sonnet-4-5', '{"max_tokens":1024}'],
    ['{"max_tokens":0,"thinking":{"type":"adaptive"}}', 'claude-sonnet-4-5', '{"max_tokens":0}'],
    [
      '{"messages":[],"thinking":{"type":"adaptive"}}',
      'claude-sonnet-4-5',
      '{"messages":[],"thinking":{"type":"enabled","budget_tokens":31999}}',
    ],
    // the longest answer of the model
    [
      '{"max_tokens":128000,"thinking":{"type":"adaptive"}}',
      'claude-opus-4-1',
      '{"max_tokens":32000,"thinking":{"type":"enabled","budget_tokens":31999}}',
    ],
    ['{"max_tokens":128000}', 'claude-sonnet-4-5', '{"max_tokens":64000}'],
    ['{"max_tokens" : 128000 }', 'claude-3-5-haiku', '{"max_tokens" : 8192 }'],
    // models without thinking
    [
      '{"thinking":{"type":"adaptive"},"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},"a":1}',
      'claude-3-5-haiku',
      '{"a":1}',
    ],
    // efforts
    [
      '{"output_config":{"effort":"xhigh"},"thinking":{"type":"adaptive"}}',
      'claude-opus-4-6',
      '{"output_config":{"effort":"high"},"thinking":{"type":"adaptive"}}',
    ],
    [
      '{"output_config":{"effort":"max"},"messages":[{"role":"system","content":"s","output_config":{"effort":"low"}}]}',
      'claude-sonnet-4-6',
      '{"output_config":{"effort":"max"},"messages":[{"role":"system","content":"s"}]}',
    ],
    [
      '{"output_config":{"effort":"xhigh"},"messages":[{"role":"system","content":"s","output_config":{"effort":"low"}}],"thinking":{"type":"adaptive"}}',
      'claude-sonnet-4-5',
      '{"messages":[{"role":"system","content":"s"}],"thinking":{"type":"enabled","budget_tokens":4000}}',
    ],
  ])('%s for %s', (source, to, expected) => {
    expect(fitted(source, NEW, to)).toBe(expected)
    expect(fitted(expected, NEW, to)).toBe(expected)
  })

  it.each([
    [
      '{"thinking":{"type":"enabled","budget_tokens":31999,"display":"omitted"}}',
      NEW,
      '{"thinking":{"type":"adaptive","display":"omitted"}}',
    ],
    ['{"thinking":{"budget_tokens":2000,"type":"enabled"}}', 'claude-opus-4-7', '{"thinking":{"type":"adaptive"}}'],
    ['{"thinking":{"type":"enabled","budget_tokens":2000}}', 'claude-opus-4-6', undefined],
    [
      '{"max_tokens":64000,"thinking":{"type":"enabled","budget_tokens":63999}}',
      'claude-opus-4-1',
      '{"max_tokens":32000,"thinking":{"type":"enabled","budget_tokens":31999}}',
    ],
    ['{"max_tokens":20000,"thinking":{"type":"enabled","budget_tokens":63999}}', 'claude-opus-4-1', undefined],
    ['{"thinking":{"type":"enabled","budget_tokens":2000},"a":1}', 'claude-3-5-haiku', '{"a":1}'],
    ['{"a":1,"thinking":{"type":"disabled"}}', NEW, '{"a":1}'],
    ['{"a":1,"thinking":{"type":"disabled"}}', 'claude-fable-5-2', '{"a":1}'],
    ['{"a":1,"thinking":{"type":"disabled"}}', 'claude-sonnet-5-5', undefined],
    ['{"a":1,"thinking":{"type":"between_tools"}}', 'claude-sonnet-5-5', undefined],
  ])('%s of Sonnet 4.5 for %s', (source, to, expected) => {
    expect(fitted(source, 'claude-sonnet-4-5', to)).toBe(expected ?? source)
  })

  it('thinks as the last effort said asks for', () => {
    const said = (...efforts: readonly string[]) =>
      JSON.stringify({
        messages: efforts.map((effort) => ({ role: 'system', content: 's', output_config: { effort } })),
        output_config: { effort: 'high' },
        thinking: { type: 'adaptive' },
      })
    const budget = (source: string) => JSON.parse(fitted(source, NEW, 'claude-sonnet-4-5')).thinking.budget_tokens
    expect([budget(said()), budget(said('low')), budget(said('low', 'medium'))]).toEqual([31_999, 4_000, 10_000])
  })

  it('is fitted in the raw text, whatever its form', () => {
    const source =
      '\uFEFF{ "é":1.0e2, "th\\u0069nking" : {"type" :"adaptive" } , "max_tokens":1e5, "output_config":{"effort":null} }'
    expect(fitted(source, NEW, 'claude-sonnet-4-5')).toBe(
      '\uFEFF{ "é":1.0e2, "th\\u0069nking" : {"type" :"enabled","budget_tokens":31999 } , "max_tokens":64000 }',
    )
  })

  it.each([
    ['claude-opus-5-5', 'claude-opus-5-5'],
    ['claude-opus-4-5-20251101', 'claude-opus-4-5@20251101'],
    ['claude-opus-4-5[1m]', 'anthropic/claude-opus-4.5'],
    ['claude-opus-5-5', 'openai/gpt-4.1'],
    ['claude-opus-5-5', 'my-local-model'],
    ['gpt-5', 'gpt-5'],
  ])('is the same array from %s to %s', (from, to) => {
    const body = bytes('{"max_tokens":999999,"thinking":{"type":"disabled"},"output_config":{"effort":"xhigh"}}')
    expect(inOneGo(fitGeneration(body, from, to))).toBe(body)
  })

  it('is fitted too when the asked name is not Claude’s', () => {
    expect(fitted('{"thinking":{"type":"disabled"}}', 'best', NEW)).toBe('{}')
  })
})

describe('any request', () => {
  const models = fc.constantFrom(
    ...['claude-fable-5-2', 'claude-opus-5-5', 'anthropic/claude-opus-5', 'claude-opus-4-8', 'claude-sonnet-4-6'],
    ...['claude-opus-4-5@20251101', 'us.anthropic.claude-haiku-4-5', 'claude-opus-4-1', 'claude-3-5-haiku', 'gpt-5'],
  )
  const efforts = fc.constantFrom('low', 'medium', 'high', 'xhigh', 'max')
  const requests = fc.record(
    {
      model: fc.constant('claude-opus-5-5'),
      max_tokens: fc.oneof(fc.constantFrom(1, 1024, 1025, 8192, 32_000, 128_000), fc.nat(200_000)),
      thinking: fc.oneof(
        fc.record(
          { type: fc.constant('adaptive'), display: fc.constantFrom('omitted', 'updates') },
          { requiredKeys: ['type'] },
        ),
        fc.record({ type: fc.constant('enabled'), budget_tokens: fc.integer({ min: 1024, max: 130_000 }) }),
        fc.constant({ type: 'disabled' }),
      ),
      output_config: fc.record({ effort: efforts, format: fc.constant({}) }, { requiredKeys: [] }),
      messages: fc.array(
        fc.record(
          {
            role: fc.constant('system'),
            content: fc.constantFrom('s', 'é'),
            output_config: fc.record({ effort: efforts }),
          },
          { requiredKeys: ['role', 'content'] },
        ),
        { maxLength: 3 },
      ),
    },
    { requiredKeys: ['model', 'max_tokens', 'messages'] },
  )
  type Request = {
    readonly max_tokens: number
    readonly messages: readonly { readonly output_config?: object }[]
    readonly thinking?: {
      readonly type: 'adaptive' | 'enabled' | 'disabled'
      readonly budget_tokens?: number
      readonly display?: string
    }
    readonly output_config?: { readonly effort?: string }
  }

  it('asks for nothing afterwards that the model refuses, and says the rest as before', () => {
    let refitted = 0
    fc.assert(
      fc.property(requests, models, models, (request, from, to) => {
        const source = JSON.stringify(request)
        const served = parseClaudeModel(to)
        const after = fitted(source, from, to)
        if (served === undefined || sameModel(from, to)) {
          expect(after).toBe(source)
          return
        }
        const rules = thinkingRules(served)
        const { thinking, output_config, max_tokens, messages, ...rest }: Request = JSON.parse(after)
        expect(rest).toEqual({ model: 'claude-opus-5-5' })
        expect(max_tokens).toBe(Math.min(request.max_tokens, rules.maxOutputTokens))
        if (thinking !== undefined) expect(rules[thinking.type]).toBe(true)
        if (thinking?.type === 'enabled' && request.thinking?.type === 'adaptive') {
          expect(thinking.budget_tokens).toBeGreaterThanOrEqual(1024)
          expect(thinking.budget_tokens).toBeLessThan(max_tokens)
        }
        expect(thinking?.type === 'adaptive' && 'budget_tokens' in thinking).toBe(false)
        if (thinking?.display === 'updates') expect(rules.adaptive).toBe(true)
        if (output_config?.effort !== undefined) expect(rules.efforts).toContain(output_config.effort)
        expect(messages.length).toBe(request.messages.length)
        if (!rules.messageEffort) expect(messages.every((message) => message.output_config === undefined)).toBe(true)
        if (after !== source) refitted++
      }),
      { numRuns: 500 },
    )
    expect(refitted).toBeGreaterThan(150)
  })

  it('fits after having been fitted', () => {
    fc.assert(
      fc.property(requests, models, models, (request, from, to) => {
        const once = inOneGo(fitGeneration(bytes(JSON.stringify(request)), from, to))
        expect(inOneGo(fitGeneration(once, from, to))).toBe(once)
      }),
    )
  })
})

type Message = { readonly output_config?: object; readonly content?: string | readonly object[] }

describe('the recorded requests of Claude Code', () => {
  it('change in thinking, effort and length alone when Sonnet 4.5 answers, and not at all when the next generation does', () => {
    let seen = 0
    for (const { exchanges } of loadCaptures()) {
      for (const { body } of exchanges) {
        if (!body.includes('"thinking":{"type":"adaptive"')) continue
        const source = JSON.parse(body.toString())
        const { thinking: _thinking, output_config: _config, ...kept } = source
        expect(inOneGo(fitGeneration(body, source.model, 'claude-sonnet-5'))).toBe(body)
        expect(JSON.parse(text(inOneGo(fitGeneration(body, source.model, 'claude-sonnet-4-5'))))).toEqual({
          ...kept,
          max_tokens: 64_000,
          thinking: {
            type: 'enabled',
            budget_tokens: expect.any(Number),
            ...(source.thinking.display === 'omitted' ? { display: 'omitted' } : {}),
          },
          // A message without content was there for its effort alone.
          messages: source.messages.flatMap(({ output_config: own, ...message }: Message) =>
            own !== undefined && message.content?.length === 0 ? [] : [message],
          ),
        })
        seen++
      }
    }
    expect(seen).toBeGreaterThan(50)
  })
})
