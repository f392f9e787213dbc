/** What presets need of the operator, where it may come from, and what it must not do to a URL. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { offers } from '#infra/config/upstreams-markdown.ts'
import { place } from './place.ts'

const files = (provider: string) => place({ 'signalbox.yaml': `providers: { a: { ${provider} } }` })
const problems = (provider: string, environment = {}) => files(provider).problems({ environment })
const provider = (text: string, environment = {}) => files(text).good({ environment }).providers[0]

/** A provider for each setting, to which only that setting is missing. */
const NEEDING = {
  project: 'kind: vertex',
  location: 'kind: vertex, project: p',
  workspace: 'kind: vertex, preset: anthropic-managed, project: p',
  organization: 'kind: github-models',
  region: 'kind: anthropic-compatible, preset: bedrock-mantle',
  resource: 'kind: anthropic-compatible, preset: foundry',
  apiVersion: "kind: openai-compatible, preset: azure, resource: r, models: { '*': m }",
}

describe('a setting', () => {
  it('that is missing is named once, with the variable that may say it', () => {
    expect(problems('kind: vertex')).toEqual([
      'signalbox.yaml:1:14 providers.a.project: is missing; Claude on Vertex AI, managed by Google needs it (or set GOOGLE_CLOUD_PROJECT)',
    ])
    expect(problems('kind: vertex, preset: anthropic-managed')).toEqual([
      expect.stringContaining('providers.a.project: is missing'),
      expect.stringContaining(
        'providers.a.workspace: is missing; Claude on Google Cloud, managed by Anthropic needs it',
      ),
    ])
    expect(problems(NEEDING.region)).toEqual([expect.stringContaining('region: is missing')])
    expect(problems('kind: openai-compatible, preset: azure')).toEqual([
      expect.stringContaining('resource: is missing'),
    ])
  })

  it('comes from the variables of the service’s own tools, after the file and before the default', () => {
    const environment = { ANTHROPIC_VERTEX_PROJECT_ID: 'claude', GCLOUD_PROJECT: 'gcloud', CLOUD_ML_REGION: 'eu' }
    const call = (text: string, more = {}) => provider(text, { ...environment, ...more })?.profile.paths.call
    expect(call('kind: vertex')).toContain('projects/gcloud/locations/eu/')
    expect(call('kind: vertex', { GCLOUD_PROJECT: '' })).toContain('projects/claude/locations/eu/')
    expect(call('kind: vertex, project: file, location: us')).toContain('projects/file/locations/us/')
    expect(call('kind: vertex', { CLOUD_ML_REGION: '' })).toContain('/locations/global/')
    expect(provider(NEEDING.region, { AWS_DEFAULT_REGION: 'eu-west-1' })?.baseUrl).toContain('.eu-west-1.')
  })

  it('is not needed for an address that the file says', () => {
    const text = `${NEEDING.region}, baseUrl: https://bedrock.example/anthropic, credential: { env: A }`
    expect(problems(text)).toEqual([])
  })

  it('is an error where nothing uses it', () => {
    expect(problems('kind: anthropic, project: p')).toEqual([
      expect.stringContaining('providers.a.project: is not used by Anthropic'),
    ])
    expect(problems('kind: vertex, project: p, workspace: w')).toEqual([
      expect.stringContaining('workspace: is not used'),
    ])
    // The same variables may be set for other tools.
    expect(problems('kind: anthropic', { GOOGLE_CLOUD_PROJECT: '../x', AWS_REGION: '?' })).toEqual([])
  })

  it('of a wrong form is refused, and the variable that held it is named', () => {
    expect(problems('kind: vertex, project: p, location: Europe')).toEqual([
      expect.stringContaining('providers.a.location: expected global, us, eu or a region such as us-east5'),
    ])
    expect(problems('kind: vertex, project: p, location: constructor')).toEqual([
      expect.stringContaining('providers.a.location: expected global, us, eu or a region such as us-east5'),
    ])
    expect(problems('kind: vertex', { GOOGLE_CLOUD_PROJECT: 'a/b' })).toEqual([
      expect.stringContaining(
        'expected the id of a Google Cloud project in the environment variable GOOGLE_CLOUD_PROJECT',
      ),
    ])
  })

  const evil = fc.oneof(
    fc.constantFrom(
      '../x',
      '..',
      '.',
      'a/b',
      'a?x',
      '?x',
      'a#x',
      '@host',
      'u@host',
      'host:80/',
      'a b',
      'a%2fb',
      'a\\b',
      'é',
      '{model}',
    ),
    fc
      .tuple(
        fc.stringMatching(/^[a-z0-9]{0,4}$/),
        fc.constantFrom(...'/?#@%\\ {};&+'),
        fc.stringMatching(/^[a-z0-9]{0,4}$/),
      )
      .map((parts) => parts.join('')),
  )
  it.each(Object.entries(NEEDING))('cannot lead a request elsewhere: %s', (name, text) => {
    fc.assert(
      fc.property(evil, (value) => {
        const found = problems(`${text}, ${name}: ${JSON.stringify(value)}`)
        expect(found.join('\n'), value).toContain(`providers.a.${name}: expected `)
      }),
      { numRuns: 30 },
    )
  })

  it('has a place in every preset that uses it, and every place its setting', () => {
    for (const { kind, name, preset } of offers) {
      const pathsWith = preset.dialect === 'openai' ? Object.values(preset.pathsWith ?? {}) : []
      const templates = [preset.baseUrl ?? '', ...[preset.paths ?? {}, ...pathsWith].flatMap(Object.values)].join(' ')
      const places = new Set([...templates.matchAll(/\{(\w+)\}/g)].map(([, place]) => place))
      places.delete('model')
      expect([...places].sort(), `${kind} ${name}`).toEqual(Object.keys(preset.settings ?? {}).sort())
    }
  })
})

describe('a preset', () => {
  it('of another kind is answered with its kind', () => {
    expect(problems('kind: anthropic-compatible, preset: groq, baseUrl: http://127.0.0.1:1')).toEqual([
      expect.stringContaining(
        'providers.a.preset: groq is a preset of the kind openai-compatible, not of anthropic-compatible',
      ),
    ])
  })

  it('that nobody knows is answered with the nearest', () => {
    const [problem] = problems('kind: openai-compatible, preset: mistrall')
    expect(problem).toContain('found "mistrall"; did you mean mistral?')
  })

  it('says the rest; members of the body that the request makes are no one’s to add', () => {
    expect(problems('kind: openrouter, extraBody: { stream: true, provider: { order: [anthropic] } }')).toEqual([
      expect.stringContaining('providers.a.extraBody.stream: cannot be added'),
    ])
  })
})
