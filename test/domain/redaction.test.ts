/** What has the form of a credential does not stay in a text. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { redactAnswer } from '#domain/dialect/redact-stream.ts'
import { CREDENTIAL_FORMS, REDACTED, redact } from '#domain/redaction.ts'
import { CREDENTIALS } from '#test/credentials.ts'

describe('redaction', () => {
  it.each(CREDENTIALS)('replaces %s', (_, before, secret) => {
    const { text, found } = redact(`see ${before}${secret}, please`, CREDENTIAL_FORMS)
    expect(text).not.toContain(secret)
    expect(text).toBe(`see ${before}${REDACTED}, please`)
    expect(found).toBe(1)
  })

  it.each(CREDENTIALS)('replaces %s inside JSON, which stays JSON', (_, before, secret) => {
    const { text } = redact(JSON.stringify({ content: `${before}${secret}` }), CREDENTIAL_FORMS)
    expect(JSON.parse(text)).toEqual({ content: `${before}${REDACTED}` })
  })

  it.each([
    'a task-force-something-or-other',
    'the bearer of the news came',
    'Bearer authentication is common',
    'const secret_access_key = process.env.SECRET',
    'BEGIN PRIVATE KEY is how they start',
    'commit 3f786850e387550fdab836ed7e6dc881de23001b',
    'Akiaxxxx and AKIA',
  ])('leaves prose and code alone: %s', (text) => {
    expect(redact(text, CREDENTIAL_FORMS)).toEqual({ text, found: 0 })
  })

  it('lets no form take away what another one knows its credential by', () => {
    const { text } = redact('Bearer aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', CREDENTIAL_FORMS)
    expect(text).not.toContain('wJalrXUtnFEMI')
  })

  it('replaces a private key whose end is missing', () => {
    const { text } = redact('"-----BEGIN EC PRIVATE KEY-----\\nMHcCAQEEIBkg"', CREDENTIAL_FORMS)
    expect(text).toBe(`"${REDACTED}"`)
  })

  it('replaces what an operator names, and is not led astray by a form that fits nothing everywhere', () => {
    expect(redact('order 4711 of ACME', [/ACME/gu, /x*/gu])).toEqual({ text: `order 4711 of ${REDACTED}`, found: 1 })
  })

  it('takes no longer for what is meant to keep it busy', () => {
    const hostile = [' '.repeat(300_000), '-----BEGIN PRIVATE KEY-----'.repeat(10_000), 'bearer '.repeat(50_000)]
    const begun = performance.now()
    for (const text of hostile) redact(text, CREDENTIAL_FORMS)
    expect(performance.now() - begun).toBeLessThan(5_000)
  })
})

const delta = (index: number, value: object): string =>
  `event: content_block_delta\ndata: ${JSON.stringify({ type: 'content_block_delta', index, delta: value })}\n\n`

/** The texts that a client would see, by block. */
const seen = (stream: string): string =>
  [...stream.matchAll(/^data: (.*)$/gm)].map(([, json = '']) => JSON.parse(json).delta?.text ?? '').join('')

describe('redaction of a stream', () => {
  it.each(CREDENTIALS)('replaces %s, wherever the stream cuts it', (_, before, secret) => {
    const whole = `see ${before}${secret}, please`
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 6 }), (cuts) => {
        const edges = [0, ...cuts.toSorted((a, b) => a - b), whole.length]
        const parts = edges.slice(1).map((edge, index) => whole.slice(edges[index], edge))
        const { text, found } = redactAnswer(
          parts.map((part) => delta(0, { type: 'text_delta', text: part })).join(''),
          CREDENTIAL_FORMS,
        )
        expect(seen(text)).toBe(`see ${before}${REDACTED}, please`)
        expect(found).toBe(1)
      }),
      { numRuns: 30 },
    )
  })

  it('looks at each block for itself, and at the input of tools', () => {
    const stream = [
      delta(0, { type: 'text_delta', text: 'sk-ant-' }),
      delta(1, { type: 'input_json_delta', partial_json: '{"key":"ghp_0123456789' }),
      delta(0, { type: 'text_delta', text: 'canary-77aa.' }),
      delta(1, { type: 'input_json_delta', partial_json: 'abcdefghijklmn"}' }),
    ].join('')
    const { text, found } = redactAnswer(stream, CREDENTIAL_FORMS)
    expect(found).toBe(2)
    expect(text).not.toMatch(/canary|ghp_|abcdefghijklmn/)
    expect(text).toContain('"partial_json":"{\\"key\\":\\"[redacted]"')
  })

  it('leaves a stream without credentials as it is, to the byte', () => {
    const stream = `${delta(0, { text: 'nothing' })}data: {"half\n: comment\n${delta(1, { thinking: 'of it' })}`
    expect(redactAnswer(stream, CREDENTIAL_FORMS)).toEqual({ text: stream, found: 0 })
  })
})
