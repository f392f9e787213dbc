import { Effect } from 'effect'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { configCheck, configShow } from '#cli/config.ts'
import { place } from '../infra/config/place.ts'

const good =
  'providers: { a: { kind: anthropic, headers: { x-token: tell-no-one } }, b: { kind: anthropic, enabled: false } }'

describe('signalbox config', () => {
  it('check says that the configuration is good, and which providers it gives', () => {
    const { options } = place({ 'signalbox.yaml': good })
    const outcome = Effect.runSync(configCheck(options))
    expect(outcome.exitCode).toBe(0)
    expect(outcome.text).toContain('Providers: a, b (disabled)')
  })

  it('check tells of each provider what it is, where and as whom it is asked, and for which models', () => {
    const { options } = place({
      'signalbox.yaml': `
providers:
  fast: { kind: openai-compatible, preset: groq, priority: 2, models: { claude-haiku-5-5: mine } }
  google: { kind: vertex, project: p }
`,
    })
    const { text } = Effect.runSync(configCheck(options))
    for (const part of [
      'openai-compatible/groq, priority 2',
      'https://api.groq.com/openai/v1 (chat dialect, translated)',
      'the environment variable GROQ_API_KEY',
      'claude-haiku-5-5 → mine',
      'claude-haiku-* → openai/gpt-oss-20b',
      'https://aiplatform.googleapis.com/v1 (Anthropic format of Vertex AI)',
      "Google's application default credentials",
    ]) {
      expect(text).toContain(part)
    }
    expect(text).not.toContain('Not found')
  })

  it('check says what was looked for in the environment, in one line', () => {
    const { options } = place()
    const { text } = Effect.runSync(configCheck({ ...options, environment: { GEMINI_API_KEY: 'x' } }))
    expect(text).toContain('Providers: gemini\n')
    expect(text.split('\n').filter((line) => line.startsWith('Not found: ANTHROPIC_API_KEY, '))).toHaveLength(1)
  })

  it('check and show say what is wrong, and fail', () => {
    const { options } = place({ 'signalbox.yaml': `${good}\nroutnig: {}` })
    for (const command of [configCheck(options), configShow(options, { json: false })]) {
      const outcome = Effect.runSync(command)
      expect(outcome.exitCode).toBe(1)
      expect(outcome.text).toContain('signalbox.yaml:2:1 routnig: unknown key; did you mean routing?')
    }
  })

  it('show prints the same as YAML and as JSON, without secrets', () => {
    const { options } = place({ 'signalbox.yaml': good })
    const yaml = Effect.runSync(configShow(options, { json: false })).text
    const json = Effect.runSync(configShow(options, { json: true })).text
    expect(parse(yaml)).toEqual(JSON.parse(json))
    expect(JSON.parse(json)).toMatchObject({ routing: { strategy: 'intelligent' }, simulator: false })
    expect(yaml + json).not.toContain('tell-no-one')
  })
})
