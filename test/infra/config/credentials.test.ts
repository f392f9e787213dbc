/** Which credential goes where: each belongs to the service that gave it. */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { place } from './place.ts'

const files = (provider: string) => place({ 'signalbox.yaml': `providers: { a: { ${provider} } }` })
const problems = (provider: string) => files(provider).problems()
const credential = (provider: string) => files(provider).good().providers[0]?.credential

describe('a Google token', () => {
  it('is the default of Vertex AI, also through a server on this machine', () => {
    expect(credential('kind: vertex, project: p')).toEqual({ _tag: 'GoogleAdc', header: 'bearer' })
    expect(credential('kind: vertex, project: p, baseUrl: http://127.0.0.1:9000/v1')).toMatchObject({
      _tag: 'GoogleAdc',
    })
  })

  it('may come from a file, relative to the one that says it', () => {
    const at = files('kind: vertex, project: p, credential: { adc: keys/google.json }')
    expect(at.good().providers[0]?.credential).toEqual({
      _tag: 'GoogleAdc',
      file: join(at.folder, 'keys/google.json'),
      header: 'bearer',
    })
  })

  it('goes to https addresses of googleapis.com, whatever the kind', () => {
    for (const text of [
      'kind: openai-compatible, preset: gemini, credential: adc',
      'kind: anthropic-compatible, baseUrl: https://claude.googleapis.com/v1/x/invoke, credential: { adc: /k.json }',
      'kind: vertex, project: p, baseUrl: https://europe-west1-aiplatform.p.googleapis.com/v1',
    ]) {
      expect(problems(text), text).toEqual([])
    }
  })

  it('goes nowhere else', () => {
    for (const text of [
      'kind: anthropic, credential: adc',
      'kind: openrouter, credential: { adc: /k.json }',
      'kind: vertex, project: p, baseUrl: https://gateway.example.com/v1',
      'kind: vertex, project: p, baseUrl: https://evilgoogleapis.com/v1',
      'kind: vertex, project: p, baseUrl: https://googleapis.com.evil.example/v1',
      'kind: vertex, project: p, baseUrl: http://aiplatform.googleapis.com/v1',
      'kind: vertex, project: p, baseUrl: https://127.0.0.1.evil.example/v1',
    ]) {
      expect(problems(text), text).toEqual([
        expect.stringContaining('providers.a.credential: adc is for https addresses of googleapis.com only'),
      ])
    }
  })

  it('goes as a bearer token, however it was come by', () => {
    expect(credential('kind: vertex, project: p, credential: { command: [gcloud-token] }')).toMatchObject({
      _tag: 'Command',
      header: 'bearer',
    })
    expect(problems('kind: vertex, project: p, credential: { adc: /k.json, header: x-api-key }')).toEqual([
      expect.stringContaining('credential.header: does not go with adc'),
    ])
  })
})

describe('the client’s credential', () => {
  it('goes to servers of the Anthropic format', () => {
    for (const text of [
      'kind: anthropic, credential: client',
      'kind: anthropic-compatible, baseUrl: https://gateway.example.com, credential: client',
      'kind: openrouter, credential: client',
    ]) {
      expect(credential(text), text).toEqual({ _tag: 'Client' })
    }
  })

  it('means nothing to others', () => {
    for (const text of [
      'kind: openai-compatible, preset: openai, credential: client',
      'kind: github-models, credential: client',
      'kind: vertex, project: p, credential: client',
      'kind: vertex, preset: anthropic-managed, project: p, workspace: w, credential: client',
    ]) {
      expect(problems(text), text).toEqual([
        expect.stringContaining('providers.a.credential: client is for servers of the Anthropic format'),
      ])
    }
    expect(problems('kind: openrouter, credential: client, chatModels: ["google/*"]')).toEqual([
      expect.stringContaining('client is not possible with chatModels'),
    ])
  })
})

describe('the credential of a preset', () => {
  it('is sent as its service wants it, also when the file names another place', () => {
    expect(credential('kind: openrouter')).toEqual({ _tag: 'Env', name: 'OPENROUTER_API_KEY', header: 'bearer' })
    expect(credential('kind: openrouter, credential: { env: MINE }')).toMatchObject({ name: 'MINE', header: 'bearer' })
    expect(credential('kind: anthropic, credential: { file: /k }')).toMatchObject({ header: 'x-api-key' })
    expect(
      credential(
        "kind: openai-compatible, baseUrl: http://127.0.0.1:1/v1, credential: { env: MINE }, models: { '*': m }",
      ),
    ).toMatchObject({ header: 'bearer' })
  })

  it('belongs to its service: another server gets none unless the file says which', () => {
    for (const text of [
      'kind: openrouter',
      'kind: github-models',
      'kind: anthropic',
      'kind: openai-compatible, preset: groq',
    ]) {
      const moved = `${text}, baseUrl: https://gateway.example.com/v2`
      expect(problems(moved), text).toEqual([expect.stringContaining('providers.a.credential: is missing; ')])
      expect(problems(`${moved}, credential: { env: MINE }`), text).toEqual([])
      expect(problems(`${moved}, credential: none`), text).toEqual([])
    }
    const [problem] = problems('kind: openrouter, baseUrl: https://gateway.example.com')
    expect(problem).toContain(
      'OPENROUTER_API_KEY is for OpenRouter, so say what gateway.example.com may have: { env: NAME }',
    )
  })

  it('is for all addresses of its service, and for servers on this machine', () => {
    for (const baseUrl of [
      'https://eu.openrouter.ai/api/v1',
      'http://127.0.0.1:1/v2',
      'http://localhost:1',
      'http://[::1]:1',
    ]) {
      expect(problems(`kind: openrouter, baseUrl: "${baseUrl}"`), baseUrl).toEqual([])
    }
    expect(problems('kind: openrouter, baseUrl: https://notopenrouter.ai')).toHaveLength(1)
    expect(problems('kind: openrouter, baseUrl: http://openrouter.ai/api/v1')).toHaveLength(1)
  })
})
