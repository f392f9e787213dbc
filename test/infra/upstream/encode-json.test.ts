import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { encodeJson } from '#infra/upstream/encode-json.ts'

/** The bytes, and how often it paused. */
const run = (body: { readonly [key: string]: unknown }): { readonly json: string; readonly pauses: number } => {
  const encoding = encodeJson(body)
  for (let pauses = 0; ; pauses++) {
    const step = encoding.next()
    if (step.done === true) return { json: Buffer.from(step.value).toString(), pauses }
  }
}

const values = fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' }), fc.constant(undefined))

describe('JSON in steps', () => {
  it('is what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), values), (body) => {
        expect(run(body).json).toBe(JSON.stringify(body))
      }),
    )
  })

  it('pauses in a long list of messages, and writes the same', () => {
    const messages = Array.from({ length: 300 }, (_, index) => ({
      role: 'user',
      content: `${index} zażółć 🚂\n`.repeat(500),
    }))
    const body = { model: 'a-model', messages, stream: true }
    const { json, pauses } = run(body)
    expect(json).toBe(JSON.stringify(body))
    expect(pauses).toBeGreaterThanOrEqual(8)
  })

  it('does not pause for a short one', () => {
    expect(run({ messages: [{ role: 'user', content: 'hello' }] })).toEqual({
      json: '{"messages":[{"role":"user","content":"hello"}]}',
      pauses: 0,
    })
  })
})
