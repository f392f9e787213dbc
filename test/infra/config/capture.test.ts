/** Captures, as the configuration says them. */
import { describe, expect, it } from 'vitest'
import { redactedConfig } from '#infra/config/redacted-config.ts'
import { place } from './place.ts'

const files = (capture: string, url = 'sqlite:data/log.db') =>
  place({
    'signalbox.yaml': `{ providers: { a: { kind: anthropic } }, database: { url: '${url}' }, capture: ${capture} }`,
  })
const environment = { ANTHROPIC_API_KEY: 'x' }

describe('captures', () => {
  it('are off unless they are switched on', () => {
    const { capture, database } = files('{}').good({ environment })
    expect(capture).toEqual({
      enabled: false,
      sampleShare: 1,
      only: [],
      retentionMs: 7 * 86_400_000,
      maxBytes: 1_000_000_000,
      redact: [],
      file: database.url.replace('sqlite:', '').replace('log.db', 'captures.db'),
    })
  })

  it('take rules, a key, patterns and a folder', () => {
    const { capture, source } = files(
      '{ enabled: true, sampleShare: 0.1, only: { mine: { key: anna, provider: a, kind: main } }, retention: 12 h, maxBytes: 50 MB, key: { env: CAPTURE_KEY }, redact: [ACME-\\d+], folder: kept }',
    ).good({ environment })
    expect(capture).toEqual({
      enabled: true,
      sampleShare: 0.1,
      only: [{ key: 'anna', provider: 'a', kind: 'main' }],
      retentionMs: 43_200_000,
      maxBytes: 50_000_000,
      key: { _tag: 'Env', name: 'CAPTURE_KEY', header: 'bearer' },
      redact: ['ACME-\\d+'],
      file: source.files[0]?.replace('signalbox.yaml', 'kept/captures.db'),
    })
  })

  it('show where their key is found, and not the key', () => {
    const config = files('{ key: { env: CAPTURE_KEY } }').good({ environment: { ...environment, CAPTURE_KEY: 'hush' } })
    const shown = JSON.stringify(redactedConfig(config).capture)
    expect(shown).toContain('the environment variable CAPTURE_KEY')
    expect(shown).not.toContain('hush')
  })

  it.each([
    ['{ maxBytes: 10 kB }', 'capture.maxBytes: expected at least 1 MB'],
    ['{ retention: 0 }', 'capture.retention: nothing would be kept'],
    ['{ redact: ["("] }', 'capture.redact: expected regular expressions'],
    ['{ only: { x: { provider: b } } }', 'capture.only.x.provider: there is no provider b'],
    [
      '{ key: { env: "sk-ant-api03-abcdefghijklmnop" } }',
      'capture.key.env: expected the name of an environment variable',
    ],
  ])('refuse %s', (capture, problem) => {
    expect(files(capture).problems({ environment })).toEqual([expect.stringContaining(problem)])
  })

  it('need a folder when the log is in memory', () => {
    expect(files('{ enabled: true }', 'sqlite::memory:').problems({ environment })).toEqual([
      expect.stringContaining('capture.folder: is missing'),
    ])
  })
})
