import { describe, expect, expectTypeOf, it } from 'vitest'
import type { OpenAiQuirks } from '#domain/dialect/openai/target.ts'
import type { QuirksFile } from '#infra/config/schema-quirks.ts'
import { place } from './place.ts'

const profileOf = (provider: string) => {
  const { profile } = place({ 'signalbox.yaml': `providers: { a: ${provider} }` }).good().providers[0] ?? {}
  if (profile?.dialect !== 'openai') throw new Error('expected the chat dialect')
  return profile
}

/** A flag of the file may also be `false`. */
type Meant<Q> = { readonly [K in keyof Q]-?: Q[K] extends boolean | undefined ? true : Exclude<Q[K], undefined> }

describe('quirks', () => {
  it('of the file are those of the dialect, name for name and value for value', () => {
    expectTypeOf<Meant<QuirksFile>>().toEqualTypeOf<Meant<OpenAiQuirks>>()
  })

  it('of a preset are there without a word, and what the file says is on top of them', () => {
    expect(profileOf('{ kind: openai-compatible, preset: mistral }').quirks).toMatchObject({
      toolIds: 'alnum9',
      strictAlternation: true,
      maxTokensField: 'max_tokens',
    })
    const said = profileOf('{ kind: openai-compatible, preset: mistral, quirks: { toolIds: any40, noImages: true } }')
    expect(said.quirks).toMatchObject({ toolIds: 'any40', noImages: true, strictAlternation: true })
  })

  it('that are false take a flag of the preset away, and are not passed on', () => {
    const said = profileOf('{ kind: openai-compatible, preset: mistral, quirks: { strictAlternation: false } }')
    expect(said.quirks).not.toHaveProperty('strictAlternation')
    expect(said.quirks).toHaveProperty('noStreamOptions', true)
  })

  it('of some models give way to what the file says, and to nothing else', () => {
    const standard = profileOf('{ kind: openai-compatible, preset: openai }')
    const said = profileOf(
      '{ kind: openai-compatible, preset: openai, quirks: { noSampling: false, maxOutputTokens: 7 } }',
    )
    const reasoning = (profile: typeof said) => profile.modelQuirks.find(({ models }) => models.includes('o3*'))?.quirks
    expect(reasoning(standard)).toMatchObject({ noSampling: true, maxOutputTokens: 128_000, systemRole: 'developer' })
    expect(reasoning(said)).toMatchObject({ systemRole: 'developer', noStop: true })
    expect(reasoning(said)).not.toHaveProperty('noSampling')
    expect(reasoning(said)).not.toHaveProperty('maxOutputTokens')
    expect(said.quirks.maxOutputTokens).toBe(7)
  })

  it('are refused where no chat dialect is spoken, and taken for what OpenRouter is asked in it', () => {
    const problems = (provider: string) => place({ 'signalbox.yaml': `providers: { a: ${provider} }` }).problems()
    expect(problems('{ kind: anthropic, quirks: { noImages: true } }')).toEqual([
      expect.stringContaining('providers.a.quirks: are of the chat dialect'),
    ])
    expect(problems('{ kind: openrouter, chatModels: ["google/*"], quirks: { noImages: true } }')).toEqual([])
    expect(problems('{ kind: anthropic, chatModels: ["google/*"] }')).toEqual([
      expect.stringContaining('providers.a.chatModels: is for a provider that speaks both dialects'),
    ])
  })

  it('with a mistaken name are answered with the right one', () => {
    const [problem] = place({
      'signalbox.yaml': 'providers: { a: { kind: openai-compatible, preset: openai, quirks: { noImage: true } } }',
    }).problems()
    expect(problem).toContain('did you mean noImages?')
  })
})
