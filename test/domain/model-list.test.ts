import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { providerId } from '#domain/ids.ts'
import { listedModel, offered, readModelList } from '#domain/model-list.ts'
import { defaultBreaker, defaultTimeouts, type ProviderPolicy } from '#domain/policy.ts'

const encoder = new TextEncoder()
const idsOf = (body: unknown): readonly string[] =>
  readModelList(encoder.encode(JSON.stringify(body))).map(({ id }) => id)

const policy = (more: Partial<ProviderPolicy>): ProviderPolicy => ({
  id: providerId('it'),
  kind: 'anthropic-compatible',
  enabled: true,
  priority: 1,
  models: {},
  breaker: defaultBreaker,
  timeouts: defaultTimeouts,
  ...more,
})

describe('a list of models', () => {
  it.each([
    ["Anthropic's shape", { data: [{ id: 'a', type: 'model', display_name: 'A' }], has_more: false }],
    ["OpenAI's shape", { object: 'list', data: [{ id: 'a', object: 'model' }] }],
    ['a bare list, as of GitHub', [{ id: 'a', publisher: 'openai' }]],
    ['entries that are none among it', { data: [null, 'a', { name: 'b' }, { id: 'a' }] }],
  ])('is read in %s', (_, body) => {
    expect(idsOf(body)).toEqual(['a'])
  })

  it('is empty for anything else, and never an error', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => encoder.encode(text)),
        ),
        (body) => {
          for (const { id } of readModelList(body)) expect(typeof id).toBe('string')
        },
      ),
    )
    expect(idsOf({ models: [{ id: 'a' }] })).toEqual([])
    expect(readModelList(encoder.encode('<html>'))).toEqual([])
  })

  it.each(['', 'x'.repeat(201), 'claude-\u001b[2J', 'claude\n', 'claude-\u0000', 'claude-\u009b31m', 'claude-\ud800'])(
    'leaves out what is no name: %j',
    (id) => {
      const data = [{ id }, { id: 'claude-x', display_name: id }]
      expect(readModelList(encoder.encode(JSON.stringify({ data })))).toEqual([listedModel('claude-x', 'claude-x')])
    },
  )
})

describe('what a provider offers', () => {
  it("has Claude's names for what it lists in its own spelling", () => {
    const listed = [listedModel('anthropic/claude-opus-5.5', 'Opus'), listedModel('qwen/qwen3', 'Qwen')]
    const ids = offered(policy({ naming: 'openrouter' }), listed).map(({ id }) => id)
    expect(new Set(ids)).toEqual(new Set(['claude-opus-5-5', 'qwen/qwen3']))
  })

  it('leaves out what it would not be asked for', () => {
    const ids = offered(policy({ models: { small: 'qwen3' } }), [listedModel('qwen3', 'Qwen')]).map(({ id }) => id)
    expect(ids).toEqual(['small'])
  })
})
