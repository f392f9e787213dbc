import { Redacted } from 'effect'
import { describe, expect, it } from 'vitest'
import { banner } from '#cli/banner.ts'
import type { AdminAccess } from '#infra/admin-token.ts'
import { place } from '../infra/config/place.ts'

const shown = (environment: Readonly<Record<string, string>>, admin?: AdminAccess) => {
  const config = place().good({ environment })
  const { providers, simulator: simulated } = config
  return banner({
    version: '1',
    url: 'http://127.0.0.1:8080',
    config,
    providers,
    simulated,
    logPosition: 0,
    abandoned: 0,
    ...(admin === undefined ? {} : { admin }),
  })
}

describe('the banner', () => {
  it('names each provider with its preset, address and credential reference', () => {
    const text = shown({ OPENAI_API_KEY: 'tell-no-one' })
    expect(text).toMatch(
      /openai +openai-compatible\/openai +https:\/\/api\.openai\.com\/v1 {2}\(the environment variable OPENAI_API_KEY\)/,
    )
    expect(text).not.toContain('tell-no-one')
  })

  it('says in one line what was looked for and is not there', () => {
    const lines = shown({ ANTHROPIC_API_KEY: 'x' })
      .split('\n')
      .filter((line) => line.includes('_API_KEY'))
    expect(lines).toHaveLength(2)
    expect(lines[1]).toMatch(
      /^ {2}Not found: GOOGLE_CLOUD_PROJECT with GOOGLE_APPLICATION_CREDENTIALS, .*GROQ_API_KEY$/,
    )
    expect(lines[1]).not.toContain('ANTHROPIC_API_KEY')
    expect(lines[1]).not.toContain('GITHUB_TOKEN')
  })

  it('links to the dashboard with the token that Signalbox made, behind the # that no server sees', () => {
    const text = shown({}, { tokens: { admin: Redacted.make('made-here') }, isGenerated: true })
    expect(text).toMatch(/^Dashboard +http:\/\/127\.0\.0\.1:8080\/#token=made-here$/m)
  })

  it('links to it without a token that the operator has set', () => {
    const text = shown({}, { tokens: { admin: Redacted.make('tell-no-one') }, isGenerated: false })
    expect(text).toMatch(/^Dashboard +http:\/\/127\.0\.0\.1:8080\/ /m)
    expect(text).not.toContain('tell-no-one')
  })

  it('prints no token where others reach the box, and what it prints may be read by others', () => {
    const admin = { tokens: { admin: Redacted.make('tell-no-one') }, isGenerated: true, file: '/data/admin-token' }
    const text = shown({ SIGNALBOX_HOST: '0.0.0.0' }, admin)
    expect(text).not.toContain('tell-no-one')
    expect(text).toMatch(/^Dashboard .*the token in \/data\/admin-token/m)
    expect(shown({ SIGNALBOX_HOST: '::1' }, admin)).toContain('#token=tell-no-one')
  })
})
