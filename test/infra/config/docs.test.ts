import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { keyPaths } from '#infra/config/keys.ts'
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

  it('has an example that loads without a warning', () => {
    const config = place({ 'signalbox.yaml': read('signalbox.example.yaml') }).good()
    expect(config.providers.map(({ id }) => id)).toEqual(['anthropic', 'gateway'])
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
    ])
  })
})
