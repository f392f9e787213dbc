import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { toVertexBody, toVertexCountBody } from '#domain/dialect/vertex-body.ts'
import { loadCaptures } from '#test/captures.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (array: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(array)

describe('a body for Google Cloud', () => {
  it.each([
    ['{"model":"m","n":1}', '{"anthropic_version":"vertex-2023-10-16","n":1}'],
    ['{ "n":1.0e2 , "model" : "m" }', '{ "n":1.0e2 , "anthropic_version":"vertex-2023-10-16" }'],
    ['{"n":1,"mod\\u0065l":"m"}', '{"n":1,"anthropic_version":"vertex-2023-10-16"}'],
    ['{"model":"a","x":"é","model":"b"}', '{"anthropic_version":"vertex-2023-10-16","x":"é"}'],
    ['{"model":"m","anthropic_version":"x"}', '{"anthropic_version":"vertex-2023-10-16"}'],
    ['{"anthropic_version":"x","n":1}', '{"anthropic_version":"vertex-2023-10-16","n":1}'],
    ['{"n":1}', '{"anthropic_version":"vertex-2023-10-16","n":1}'],
    [
      '\uFEFF {"messages":[{"model":"m"}]}',
      '\uFEFF {"anthropic_version":"vertex-2023-10-16","messages":[{"model":"m"}]}',
    ],
    ['{}', '{"anthropic_version":"vertex-2023-10-16"}'],
  ])('has the version where the model was: %s', (source, expected) => {
    expect(text(toVertexBody(bytes(source), '2023-06-01'))).toBe(expected)
  })

  it.each([
    [undefined, 'vertex-2023-10-16'],
    ['2023-06-01', 'vertex-2023-10-16'],
    ['2026-10-21', '2026-10-21'],
  ])('for a client of version %s names version %s', (asked, named) => {
    expect(JSON.parse(text(toVertexBody(bytes('{"model":"m"}'), asked)))).toEqual({ anthropic_version: named })
  })

  it('for a token count keeps the model, by the provider’s name', () => {
    const count = (source: string) => text(toVertexCountBody(bytes(source), '2023-06-01', 'claude-opus-4-5@20251101'))
    expect(count('{"messages":[], "model":"claude-opus-4-5"}')).toBe(
      '{"anthropic_version":"vertex-2023-10-16","messages":[], "model":"claude-opus-4-5@20251101"}',
    )
    expect(count('{"anthropic_version":"x","model":"m"}')).toBe(
      '{"anthropic_version":"vertex-2023-10-16","model":"claude-opus-4-5@20251101"}',
    )
  })

  const names = fc.constantFrom('model', 'anthropic_version', 'messages', 'ü')
  const members = fc.array(fc.tuple(names, fc.jsonValue()), { maxLength: 6 })
  const write = (list: readonly (readonly [string, unknown])[]): string =>
    `{${list.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(', ')}}`

  it('says once and for all which version it is, and changes nothing else', () => {
    fc.assert(
      fc.property(members, (list) => {
        const after = text(toVertexBody(bytes(write(list)), undefined))
        const { model: _, ...rest } = JSON.parse(write(list))
        expect(JSON.parse(after)).toEqual({ ...rest, anthropic_version: 'vertex-2023-10-16' })
        expect(after.split('"anthropic_version":"vertex-2023-10-16"').length).toBe(2)
        expect(text(toVertexBody(bytes(after), undefined))).toBe(after)
      }),
    )
  })

  it('is made from every recorded request by one replacement', () => {
    let made = 0
    for (const { exchanges } of loadCaptures()) {
      for (const { body } of exchanges) {
        if (!body.includes('"messages"')) continue
        const source = body.toString()
        const { model } = JSON.parse(source) as { readonly model?: string }
        if (model === undefined) continue
        const expected = source.replace(`"model":"${model}"`, '"anthropic_version":"vertex-2023-10-16"')
        expect(text(toVertexBody(body, '2023-06-01')) === expected).toBe(true)
        made++
      }
    }
    expect(made).toBeGreaterThan(100)
  })
})
