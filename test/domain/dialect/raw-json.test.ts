import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { setTopLevelString } from '#domain/dialect/raw-json.ts'
import { loadCaptures } from '#test/captures.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (array: Uint8Array): string => new TextDecoder().decode(array)

// A JSON text is made of segments, so that the test knows where the values of the top-level member lie.
const space = fc.constantFrom('', '', '', ' ', '\n', '\t ', '\r\n  ')
const decoyText = fc.constantFrom(
  '"model":"decoy"',
  '{"model": "decoy"}',
  'model',
  '\\',
  '\\\\"',
  '","model":"x',
  '}],:',
  'é\u{1F600}\u2028',
  '',
)
const stringText = fc.oneof(decoyText, fc.string({ unit: 'grapheme' })).map((value) => JSON.stringify(value))
const plainName = fc.constantFrom(
  '"messages"',
  '"Model"',
  '"model "',
  '"models"',
  '"mode"',
  '"a\\"model"',
  '"max_tokens"',
  '""',
)
const modelName = fc.constantFrom('"model"', '"mod\\u0065l"', '"\\u006dodel"', '"\\u006d\\u006F\\u0064\\u0065\\u006c"')

const { value } = fc.letrec<{ value: string; object: string; array: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    stringText,
    fc.constantFrom('0', '-1.5e+10', 'true', 'false', 'null', '{}', '[]', '[ ]'),
    tie('object'),
    tie('array'),
  ),
  object: fc
    .array(fc.tuple(space, fc.oneof(plainName, modelName), space, space, tie('value'), space), { maxLength: 4 })
    .map((members) => `{${members.map(([a, name, b, c, v, d]) => `${a}${name}${b}:${c}${v}${d}`).join(',')}}`),
  array: fc
    .array(fc.tuple(space, tie('value'), space), { maxLength: 4 })
    .map((items) => `[${items.map(([a, v, b]) => a + v + b).join(',')}]`),
}))

interface Member {
  readonly before: string
  readonly value: string
  readonly after: string
  readonly isModel: boolean
}

const member = (name: fc.Arbitrary<string>, isModel: boolean): fc.Arbitrary<Member> =>
  fc.tuple(space, name, space, space, value, space).map(([a, n, b, c, v, d]) => ({
    before: `${a}${n}${b}:${c}`,
    value: v,
    after: d,
    isModel,
  }))

const documents = fc
  .tuple(
    space,
    fc.array(
      fc.oneof({ arbitrary: member(plainName, false), weight: 3 }, { arbitrary: member(modelName, true), weight: 1 }),
      {
        maxLength: 6,
      },
    ),
    space,
  )
  .map(([front, members, back]) => {
    const write = (of: (one: Member) => string): string =>
      `${front}{${members.map((one) => one.before + of(one) + one.after).join(',')}}${back}`
    return {
      source: write((one) => one.value),
      edited: (replacement: string) => write((one) => (one.isModel ? JSON.stringify(replacement) : one.value)),
      hasModel: members.some((one) => one.isModel),
    }
  })

describe('setting a top-level string in a JSON text', () => {
  it('replaces every value of that member and no other byte', () => {
    let withModel = 0
    fc.assert(
      fc.property(documents, fc.string({ unit: 'grapheme' }), ({ source, edited, hasModel }, replacement) => {
        const before = bytes(source)
        const after = setTopLevelString(before, 'model', replacement)
        expect(text(after)).toBe(edited(replacement))
        expect(text(before)).toBe(source)
        if (hasModel) {
          withModel++
          expect(JSON.parse(text(after))).toEqual({ ...JSON.parse(source), model: replacement })
        } else expect(after).toBe(before)
      }),
      { numRuns: 1000 },
    )
    expect(withModel).toBeGreaterThan(100)
  })

  it.each([
    ['a duplicate', '{"model":"a","model":"b"}', '{"model":"X","model":"X"}'],
    ['a value that is not a string', '{"model":{"model":"a"},"n":1}', '{"model":"X","n":1}'],
    ['a number at the end', '{"n":1,"model": 12 }', '{"n":1,"model": "X" }'],
    ['an escaped name', '{"mod\\u0065l":"a"}', '{"mod\\u0065l":"X"}'],
    [
      'a name in the middle of decoys',
      '{"s":"\\"model\\":\\"a\\"","o":{"model":"a"},"model":"a"}',
      '{"s":"\\"model\\":\\"a\\"","o":{"model":"a"},"model":"X"}',
    ],
    ['a string that ends in backslashes', '{"a":"\\\\","model":"a\\\\\\\\"}', '{"a":"\\\\","model":"X"}'],
    ['a byte-order mark', '\uFEFF{"model":"a"}', '\uFEFF{"model":"X"}'],
  ])('finds its way past %s', (_what, source, expected) => {
    expect(Buffer.from(setTopLevelString(bytes(source), 'model', 'X'))).toEqual(Buffer.from(expected))
  })

  it.each([
    ['{}'],
    ['{"messages":[{"model":"a"}]}'],
    ['["model","a"]'],
    ['"model"'],
    ['{"models":"a"}'],
    ['{"model":"X"}'],
  ])('gives the same array back for %s', (source) => {
    const before = bytes(source)
    expect(setTopLevelString(before, 'model', 'X')).toBe(before)
  })

  it('changes only the name in every recorded request', () => {
    let edited = 0
    for (const { exchanges } of loadCaptures()) {
      for (const { body } of exchanges) {
        if (body.length === 0) continue
        const source = body.toString()
        const model = JSON.stringify((JSON.parse(source) as { readonly model?: string }).model)
        if (model === undefined) continue
        edited++
        const at = source.indexOf(`"model":${model}`)
        const expected = `${source.slice(0, at)}"model":"other/model"${source.slice(at + 8 + model.length)}`
        expect(text(setTopLevelString(body, 'model', 'other/model')) === expected).toBe(true)
      }
    }
    expect(edited).toBeGreaterThan(100)
  })
})
