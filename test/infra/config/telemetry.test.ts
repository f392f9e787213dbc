/** Log lines and traces in the configuration: where they go, and that no secret is written down. */
import { describe, expect, it } from 'vitest'
import { redactedConfig } from '#infra/config/redacted-config.ts'
import { place } from './place.ts'

const BASE = 'providers: { a: { kind: anthropic } }\n'
const here = (text: string) => place({ 'signalbox.yaml': `${BASE}${text}\n` })
const traces = (text: string) => here(`telemetry: { traces: ${text} }`)

describe('the log in the configuration', () => {
  it('goes to standard error alone, in the form that fits who listens, unless something is said', () => {
    expect(here('').good().log).toEqual({ level: 'info' })
  })

  it('goes to a file too, beside the configuration or anywhere else, with defaults for its size and age', () => {
    const test = here('log: { format: json, file: { path: logs/box.log } }')
    expect(test.good().log).toEqual({
      level: 'info',
      format: 'json',
      file: {
        path: `${test.folder}/logs/box.log`,
        maxBytes: 50_000_000,
        maxAgeMs: 86_400_000,
        keep: 14,
        compress: true,
      },
    })
    const environment = { SIGNALBOX_LOG__FILE__PATH: '/logs/x.log', SIGNALBOX_LOG__FILE__MAX_AGE: '0' }
    expect(place({ 'signalbox.yaml': BASE }).good({ environment }).log.file).toMatchObject({
      path: '/logs/x.log',
      maxAgeMs: 0,
    })
  })

  it.each([
    ['{ file: { maxBytes: 1 MB } }', /log\.file\.path: is missing/],
    ['{ file: { path: a, maxBytes: 999 } }', /log\.file\.maxBytes: expected at least 1 kB/],
    ['{ file: { path: a, keep: -1 } }', /log\.file\.keep: expected a whole number from 0/],
    ['{ format: xml }', /log\.format: /],
  ])('does not take %s', (log, message) => {
    const problems = here(`log: ${log}`).problems()
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(message)
  })
})

describe('traces in the configuration', () => {
  it('go nowhere and are told to nobody unless something is said', () => {
    expect(here('').good().telemetry.traces).toEqual({ headers: [], sampleShare: 1, propagate: false })
  })

  it('go to a collector, whose credential is a reference', () => {
    const config = traces(
      '{ endpoint: "https://traces.example.com/v1/traces?team=web", headers: { Authorization: { env: COLLECTOR } }, sampleShare: 0.1, propagate: true }',
    ).good()
    expect(config.telemetry.traces).toEqual({
      endpoint: 'https://traces.example.com/v1/traces?team=web',
      headers: [['authorization', { _tag: 'Env', name: 'COLLECTOR', header: 'bearer' }]],
      sampleShare: 0.1,
      propagate: true,
    })
    expect(redactedConfig(config).telemetry.traces).toMatchObject({
      endpoint: 'https://traces.example.com/v1/traces?•••',
      headers: { authorization: 'the environment variable COLLECTOR' },
    })
  })

  it.each([
    ['{ endpoint: collector }', /telemetry\.traces\.endpoint: expected a URL/],
    [
      '{ endpoint: "https://me:s3cret@traces.example.com" }',
      /the URL holds a secret; send it in telemetry\.traces\.headers$/,
    ],
    ['{ headers: { Authorization: Bearer s3cret } }', /a secret does not belong/],
    ['{ headers: { Host: here } }', /cannot be set here/],
    ['{ sampleShare: 2 }', /expected a number from 0 to 1/],
  ])('do not take %s', (text, message) => {
    const problems = traces(text).problems()
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(message)
    expect(problems[0]).not.toContain('s3cret')
  })
})
