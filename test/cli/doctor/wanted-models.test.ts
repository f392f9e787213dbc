import { describe, expect, it } from 'vitest'
import { wantedModels } from '#cli/doctor/wanted-models.ts'
import { providerId } from '#domain/ids.ts'
import { defaultBreaker, defaultTimeouts, type ProviderPolicy } from '#domain/policy.ts'

const policy = (models: ProviderPolicy['models'], more: Partial<ProviderPolicy> = {}): ProviderPolicy => ({
  id: providerId('it'),
  kind: 'openai-compatible',
  enabled: true,
  priority: 1,
  models,
  breaker: defaultBreaker,
  timeouts: defaultTimeouts,
  ...more,
})

const of = (wanted: ReturnType<typeof wantedModels>, alias: string) => wanted.find((one) => one.alias === alias)

describe('what Claude Code wants of a provider', () => {
  it('is the newest of each family, under the names of the provider', () => {
    const wanted = wantedModels(policy({}, { naming: 'openrouter' }), undefined)
    expect(wanted.map(({ asked, model }) => [asked, model])).toEqual([
      ['claude-opus-5-5', 'anthropic/claude-opus-5.5'],
      ['claude-sonnet-5-5', 'anthropic/claude-sonnet-5.5'],
      ['claude-haiku-5-5', 'anthropic/claude-haiku-5.5'],
      ['claude-fable-5-2', 'anthropic/claude-fable-5.2'],
    ])
    expect(wanted.every(({ listed }) => listed === undefined)).toBe(true)
  })

  it.each([
    ['as it is', 'gpt-6-luna', 'gpt-6-luna'],
    ['behind a prefix, as Gemini lists', 'gemini-2.5-flash', 'models/gemini-2.5-flash'],
    ['with a tag, as Ollama lists', 'llama3', 'llama3:latest'],
    ['as a snapshot of the same Claude', 'claude-haiku-4-5', 'claude-haiku-4-5-20251001'],
  ])('is listed %s', (_, model, id) => {
    expect(of(wantedModels(policy({ 'claude-*': model }), [id]), 'opus')?.listed).toBe(true)
    expect(of(wantedModels(policy({ 'claude-*': model }), [`${id}-x`]), 'opus')?.listed).toBe(false)
  })

  it('has a nearest name where it is not listed: by spelling, else of the same family', () => {
    const misspelled = wantedModels(policy({ 'claude-*': 'gpt-6-lunar' }), ['gpt-6-luna', 'whisper'])
    expect(of(misspelled, 'haiku')).toMatchObject({ listed: false, nearest: ['gpt-6-luna'] })
    const older = wantedModels(policy({}), ['claude-3-5-haiku-20241022', 'claude-sonnet-4-6'])
    expect(of(older, 'haiku')?.nearest).toEqual(['claude-3-5-haiku-20241022'])
    expect(of(older, 'fable')?.nearest).toEqual([])
  })

  it('is nothing where no pattern maps it', () => {
    expect(of(wantedModels(policy({ 'claude-haiku-*': 'small' }), ['small']), 'opus')).toMatchObject({
      model: undefined,
      listed: undefined,
    })
  })
})
