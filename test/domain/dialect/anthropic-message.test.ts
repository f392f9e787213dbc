import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@effect/vitest'
import { readMessage } from '#domain/dialect/anthropic-message.ts'
import { noUsage } from '#domain/usage.ts'

const read = (body: unknown) => readMessage(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)))
const sample = JSON.parse(readFileSync(new URL('../../fixtures/anthropic/200.message.json', import.meta.url), 'utf8'))

describe('a whole answer', () => {
  it('gives model, stop reason and usage', () => {
    expect(read(sample.body)).toEqual({
      _tag: 'Message',
      model: 'claude-opus-5-5',
      stopReason: 'tool_use',
      usage: {
        inputTokens: 42,
        outputTokens: 77,
        cacheReadTokens: 18_000,
        cacheWrite5mTokens: 1_000,
        cacheWrite1hTokens: 2_000,
      },
    })
  })

  it('is one without usage, without content and with a stop reason nobody knows', () => {
    expect(read({ type: 'message', content: [], stop_reason: 'next_year' })).toEqual({
      _tag: 'Message',
      model: undefined,
      stopReason: 'next_year',
      usage: noUsage,
    })
    expect(read({ type: 'message', content: [], stop_reason: null, usage: null })).toMatchObject({ stopReason: null })
  })

  it('may be an error in the clothes of a 200', () => {
    expect(read({ type: 'error', error: { type: 'overloaded_error', message: 'x' } })).toEqual({ _tag: 'Error' })
  })

  it.each([
    ['<html>Login</html>'],
    [''],
    ['null'],
    ['"message"'],
    ['[]'],
    ['{"type":"message"}'],
    ['{"object":"chat.completion","choices":[]}'],
    ['{"type":"message","content":[{"type":"te'],
  ])('is not %j', (text) => {
    expect(read(text)).toEqual({ _tag: 'NotAMessage' })
  })
})
