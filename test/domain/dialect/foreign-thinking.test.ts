import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { markFrame, markMessage } from '#domain/dialect/foreign-thinking.ts'
import { cleanForClaude, cleanForVendor, isOurs, unwrapSignature, wrapSignature } from '#domain/dialect/provenance.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (data: Uint8Array): string => new TextDecoder().decode(data)
const frame = (type: string, data: object): Uint8Array =>
  bytes(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`)

const signatures = fc.oneof(fc.base64String({ minLength: 4, maxLength: 400 }), fc.string({ minLength: 1 }))

describe('the signature of another vendor', () => {
  it('is marked as not Claude’s, and is told to its own provider alone', () => {
    fc.assert(
      fc.property(signatures, fc.string(), fc.string(), (signature, provider, other) => {
        const wrapped = wrapSignature(provider, signature)
        expect(isOurs(wrapped)).toBe(true)
        expect(unwrapSignature(provider, wrapped)).toBe(signature)
        if (other !== provider) expect(unwrapSignature(other, wrapped)).toBeUndefined()
        expect(unwrapSignature(provider, signature)).toBeUndefined()
      }),
    )
  })

  it('is marked in the stream, and nothing else of it changes', () => {
    const signed = markFrame(
      'kimi',
      frame('content_block_delta', { index: 0, delta: { type: 'signature_delta', signature: 'abc' } }),
    )
    expect(textOf(signed)).toBe(
      `event: content_block_delta\ndata: ${JSON.stringify({
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'signature_delta', signature: wrapSignature('kimi', 'abc') },
      })}\n\n`,
    )
    for (const other of [
      frame('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'my "signature": "x"' } }),
      frame('content_block_delta', { index: 0, delta: { type: 'signature_delta', signature: '' } }),
      frame('content_block_start', { index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } }),
      frame('message_start', { message: { signature: 'x' } }),
      bytes('event: content_block_delta\ndata: {"signature\n\n'),
      bytes(': "signature"\n\n'),
    ]) {
      expect(markFrame('kimi', other)).toBe(other)
    }
  })

  it('is marked where a block comes whole', () => {
    const block = { type: 'thinking', thinking: 'hm', signature: 'abc' }
    const start = markFrame('kimi', frame('content_block_start', { index: 0, content_block: block }))
    expect(textOf(start)).toContain(wrapSignature('kimi', 'abc'))
    const message = { type: 'message', content: [block, { type: 'text', text: 'x' }], usage: {} }
    expect(JSON.parse(textOf(markMessage('kimi', bytes(JSON.stringify(message)))))).toEqual({
      ...message,
      content: [
        { ...block, signature: wrapSignature('kimi', 'abc') },
        { type: 'text', text: 'x' },
      ],
    })
    for (const other of ['<html>"signature"</html>', '{"type":"error","signature":1}', '{}']) {
      const body = bytes(other)
      expect(markMessage('kimi', body)).toBe(body)
    }
  })
})

describe('a history with thinking of several makers', () => {
  const claude = { type: 'thinking', thinking: 'c', signature: 'EqQBCkg=' }
  const kimi = { type: 'thinking', thinking: 'k', signature: wrapSignature('kimi', 'kimi-signature/+=') }
  const zai = { type: 'thinking', thinking: 'z', signature: wrapSignature('zai', 'zai-signature') }
  const said = { type: 'text', text: 'x' }
  const body = bytes(
    JSON.stringify({
      model: 'm',
      messages: [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: [claude, kimi, said, zai] },
        { role: 'user', content: 'b' },
        { role: 'assistant', content: [kimi, said] },
        { role: 'user', content: 'c' },
      ],
    }),
  )
  const contents = (data: Uint8Array) =>
    (JSON.parse(textOf(data)).messages as { readonly content: unknown }[]).map(({ content }) => content)

  it('reaches Claude with Claude’s alone', () => {
    expect(contents(cleanForClaude(body))).toEqual(['a', [claude, said], 'b', [said], 'c'])
  })

  it('reaches a vendor with Claude’s, and with its own as it made it', () => {
    const own = { ...kimi, signature: 'kimi-signature/+=' }
    expect(contents(cleanForVendor(body, 'kimi'))).toEqual(['a', [claude, own, said], 'b', [own, said], 'c'])
  })

  it('is left as it is, byte for byte, where nothing is marked', () => {
    const plain = bytes(
      '{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":""}]}]}',
    )
    expect(cleanForVendor(plain, 'kimi')).toBe(plain)
  })
})
