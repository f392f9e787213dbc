import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { keyPaths } from '#infra/config/keys.ts'
import { minimalEntry, offers } from '#infra/config/upstreams-markdown.ts'
import { generatedDocs } from '../../../scripts/write-docs.ts'
import { place } from './place.ts'

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')
const docs = generatedDocs()

describe('the documentation of the configuration', () => {
  it.each(Object.keys(docs))('%s is up to date (npm run docs writes it)', (path) => {
    expect(read(path)).toBe(docs[path])
  })

  it('describes every key', () => {
    const page = docs['docs/configuration.md'] ?? ''
    for (const { path, keys } of keyPaths()) {
      if (path.at(-1)?.startsWith('<') && keys._tag === 'Leaf') continue
      if (path.length === 1) expect(page).toContain(`### ${path[0]}`)
      else if (!path.at(-1)?.startsWith('<')) expect(page).toContain(`| \`${path.join('.')}\` |`)
      if (!path.at(-1)?.startsWith('<')) expect(keys.description, path.join('.')).not.toBe('')
    }
  })

  it('tells of every kind and preset what it needs at least, and that is enough', () => {
    const page = docs['docs/upstreams.md'] ?? ''
    for (const offer of offers) {
      const entry = minimalEntry(offer)
      const config = place({ 'signalbox.yaml': stringify({ providers: { it: entry } }) }).good()
      const unexpected = config.warnings.filter(({ key }) => key !== 'providers.it.kind')
      expect(unexpected, JSON.stringify(entry)).toEqual([])
      expect(page).toContain(`: { kind: ${offer.kind}${offer.name === undefined ? '' : `, preset: ${offer.name}`}`)
      for (const model of Object.values(offer.preset.models ?? {})) expect(page).toContain(model)
    }
    expect(offers.length).toBeGreaterThan(25)
  })

  it('writes pages whose own examples load', () => {
    const examples = [...(docs['docs/upstreams.md'] ?? '').matchAll(/^```yaml\n([\s\S]*?)^```$/gm)]
    expect(examples.length).toBeGreaterThan(offers.length)
    for (const [, text = ''] of examples) expect(place({ 'signalbox.yaml': text }).problems(), text).toEqual([])
  })

  it('has an example that loads without a warning', () => {
    const config = place({ 'signalbox.yaml': read('signalbox.example.yaml') }).good()
    expect(config.providers.map(({ id }) => id)).toEqual([
      'anthropic',
      'vertex',
      'openrouter',
      'gateway',
      'openai',
      'local',
    ])
    expect(config.warnings).toEqual([])
  })

  it('gives editors a schema that knows the keys, and no others', () => {
    const schema = JSON.parse(docs['docs/configuration.schema.json'] ?? '')
    expect(schema.additionalProperties).toBe(false)
    expect(schema.properties.routing.properties.deadline).toMatchObject({ default: '4 min' })
    const { credential } = schema.properties.providers.additionalProperties.properties
    expect(credential.anyOf.map((form: { readonly type: string }) => form.type)).toEqual([
      'string',
      'object',
      'object',
      'object',
      'object',
    ])
  })
})
