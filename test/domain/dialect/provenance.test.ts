import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { cleanForClaude, cleanForVendor, isClean, isOurs, markThinking } from '#domain/dialect/provenance.ts'
import { loadCaptures } from '#test/captures.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const clean = (text: string): string => new TextDecoder().decode(cleanForClaude(bytes(text)))
const cleaned = (messages: readonly object[]) => JSON.parse(clean(JSON.stringify({ model: 'm', messages }))).messages

const ours = (thinking = 'hm') => ({ type: 'thinking', thinking, signature: markThinking('kimi', thinking) })
const unsigned = { type: 'thinking', thinking: 'hm', signature: '' }
const claudes = { type: 'thinking', thinking: '', signature: 'EqQBCkgIBRABGAIiQK+/=' }
const redacted = { type: 'redacted_thinking', data: 'x' }
const text = (value: string) => ({ type: 'text', text: value })
const user = (content: unknown) => ({ role: 'user', content })
const assistant = (...content: readonly unknown[]) => ({ role: 'assistant', content })
const system = (content: unknown) => ({ role: 'system', content })

describe('the mark on foreign thinking', () => {
  it('is recognised, whoever made it and whatever it was', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (provider, thought) => isOurs(markThinking(provider, thought))))
    expect(isOurs('signalbox.v2.whatever')).toBe(true)
  })

  it('is one per provider and text, opaque, and no base64, so never one of Claude’s', () => {
    expect(markThinking('a', 'x')).toBe(markThinking('a', 'x'))
    expect(new Set([markThinking('a', 'x'), markThinking('b', 'x'), markThinking('a', 'y')]).size).toBe(3)
    expect(markThinking('kimi', 'secret')).toMatch(/^signalbox\.v1\.[0-9a-f]{16}$/)
    expect(markThinking('kimi', 'secret')).not.toMatch(/^[A-Za-z0-9+/=_-]*$/)
  })

  it.each([undefined, null, 1, '', 'EqQB', 'xsignalbox.v1.a', 'signalbox'])('is not %j', (signature) => {
    expect(isOurs(signature)).toBe(false)
  })
})

describe('history on its way to Claude', () => {
  it('loses thinking with our mark or with an empty signature, and no other', () => {
    expect(
      cleaned([user('a'), assistant(ours(), claudes, unsigned, redacted, text('b'), ours('x')), user('c')]),
    ).toEqual([user('a'), assistant(claudes, redacted, text('b')), user('c')])
  })

  it('keeps thinking without a signature, which is for Claude to judge', () => {
    const bare = { type: 'thinking', thinking: 'x' }
    expect(cleaned([user('a'), assistant(bare, ours(), text('b'))])).toEqual([user('a'), assistant(bare, text('b'))])
  })

  it('keeps what only looks like thinking: in text, in the input of a tool, in its result', () => {
    const quoted = JSON.stringify(ours())
    const messages = [
      user(quoted),
      assistant(text(quoted), { type: 'tool_use', id: 't1', name: 'x', input: { content: [ours()], id: 'a b' } }),
      user([{ type: 'tool_result', tool_use_id: 't1', content: [text(quoted)] }]),
    ]
    const body = bytes(JSON.stringify({ model: 'm', messages }))
    expect(cleanForClaude(body)).toBe(body)
  })

  it('loses a message of nothing else between those of the user', () => {
    expect(cleaned([user('a'), assistant(ours(), unsigned), user('b'), assistant(ours())])).toEqual([
      user('a'),
      user('b'),
    ])
  })

  it('keeps such a message with a placeholder where the order of roles needs it', () => {
    const placeholder = assistant(text('…'))
    expect(cleaned([user('a'), system('s'), assistant(ours()), user('b')])).toEqual([
      user('a'),
      system('s'),
      placeholder,
      user('b'),
    ])
    expect(cleaned([user('a'), assistant(ours()), system('s'), user('b')])).toEqual([
      user('a'),
      placeholder,
      system('s'),
      user('b'),
    ])
    expect(cleaned([user('a'), system('s'), assistant(ours())])).toEqual([user('a'), system('s')])
    expect(cleaned([assistant(ours()), user('b')])).toEqual([placeholder, user('b')])
  })

  it('gets tool call ids that Claude takes, alike in call and result; good ones stay', () => {
    const messages = cleaned([
      user('a'),
      assistant(
        ours(),
        ...['Bash:12', 'toolu_1', ''].map((id) => ({ type: 'tool_use', id, name: 'x', input: { id } })),
      ),
      user(['toolu_1', 'Bash:12', ''].map((id) => ({ tool_use_id: id, type: 'tool_result', content: 'r' }))),
    ])
    const [a, b, c] = messages[1].content.map((block: { id: string }) => block.id)
    expect([a, b, c]).toEqual([
      expect.stringMatching(/^toolu_[0-9a-f]{16}$/),
      'toolu_1',
      expect.stringMatching(/^toolu_/),
    ])
    expect(messages[2].content.map((block: { tool_use_id: string }) => block.tool_use_id)).toEqual([b, a, c])
    expect(messages[1].content[0].input).toEqual({ id: 'Bash:12' })
  })

  it('is cut in the raw text: every other byte stays', () => {
    const mark = markThinking('p', 'x')
    expect(
      clean(`{ "é": 1.0e2 , "messages" : [ {"role":"user","content":"\\u00e9 ü"} ,
        {"content" : [ {"type":"thinking","thinking":"x","signature":"${mark}"} , {"text":"b","type":"text"} ,
        { "signature" : "" , "type":"thinking" } ],"role":"assistant"} , {"role":"assistant","content":
        [{"type":"thinking","thinking":"[{\\"","signature":"${mark}"}] } ] , "model":"m" }`),
    ).toBe(`{ "é": 1.0e2 , "messages" : [ {"role":"user","content":"\\u00e9 ü"} ,
        {"content" : [ {"text":"b","type":"text"} ],"role":"assistant"} ] , "model":"m" }`)
  })

  it('is found after a byte order mark and in the last of two members of one name', () => {
    const body = (content: string) => `\uFEFF{"messages":[],"messages":[{"role":"user","content":"a"},${content}]}`
    const raw = cleanForClaude(bytes(body(`{"role":"assistant","content":[],"content":[${JSON.stringify(ours())}]}`)))
    expect([...raw]).toEqual([...bytes('\uFEFF{"messages":[],"messages":[{"role":"user","content":"a"}]}')])
  })

  it('is the same array when there is nothing to clean, as in every recorded request', () => {
    let seen = 0
    for (const { exchanges } of loadCaptures()) {
      for (const { body } of exchanges) {
        if (!body.includes('"messages"')) continue
        expect(cleanForClaude(body)).toBe(body)
        seen++
      }
    }
    expect(seen).toBeGreaterThan(100)
  })
})

describe('any history', () => {
  const block = fc.oneof(
    fc.constantFrom<object>(ours(), ours('"}],\\'), unsigned, claudes, redacted, text('ü"[')),
    fc.string({ unit: 'grapheme' }).map(text),
    fc
      .tuple(fc.constantFrom('toolu_1', 'Bash:12', 'a|b', 'ü"'), fc.jsonValue())
      .map(([id, input]) => ({ type: 'tool_use', id, name: 'x', input: { input } })),
    fc
      .constantFrom('toolu_1', 'Bash:12', 'a|b', 'ü"')
      .map((tool_use_id) => ({ type: 'tool_result', tool_use_id, content: [ours()] })),
  )
  const histories = fc.array(
    fc.record({
      role: fc.constantFrom('user', 'assistant', 'system'),
      content: fc.oneof(fc.string(), fc.array(block, { maxLength: 4 })),
    }),
    { maxLength: 6 },
  )
  const indents = fc.constantFrom(undefined, 1, '\t')

  const isForeign = (one: object): boolean =>
    'type' in one && one.type === 'thinking' && 'signature' in one && (one.signature === '' || isOurs(one.signature))
  const blocksIn = (messages: readonly { readonly content: unknown }[]): readonly object[] =>
    messages.flatMap(({ content }) => (Array.isArray(content) ? (content as object[]) : []))

  it('loses foreign thinking alone, and keeps all other blocks but for their ids', () => {
    fc.assert(
      fc.property(histories, indents, (messages, indent) => {
        const after = JSON.parse(clean(JSON.stringify({ messages, model: 'm' }, null, indent))).messages
        const anonymous = (one: object) => ({ ...one, id: 0, tool_use_id: 0 })
        const expected = blocksIn(messages)
          .filter((one) => !isForeign(one))
          .map(anonymous)
        const placeholder = JSON.stringify(anonymous(text('…')))
        const kept = blocksIn(after)
          .map(anonymous)
          .filter((one) => JSON.stringify(one) !== placeholder)
        expect(kept).toEqual(JSON.parse(JSON.stringify(expected)))
        for (const one of blocksIn(after)) {
          if ('id' in one) expect(one.id).toMatch(/^[a-zA-Z0-9_-]+$/)
          if ('tool_use_id' in one) expect(one.tool_use_id).toMatch(/^[a-zA-Z0-9_-]+$/)
        }
      }),
    )
  })

  it('has nothing left to clean afterwards', () => {
    fc.assert(
      fc.property(histories, indents, (messages, indent) => {
        const once = cleanForClaude(bytes(JSON.stringify({ messages }, null, indent)))
        expect(cleanForClaude(once)).toBe(once)
      }),
    )
  })

  it('is called clean where neither Claude nor another vendor has to be spared anything, and only there', () => {
    fc.assert(
      fc.property(histories, indents, (messages, indent) => {
        const body = bytes(JSON.stringify({ messages }, null, indent))
        expect(isClean(messages)).toBe(cleanForClaude(body) === body)
        if (isClean(messages)) expect(cleanForVendor(body, 'kimi')).toBe(body)
      }),
    )
  })

  it('without foreign parts is untouched', () => {
    fc.assert(
      fc.property(histories, indents, (messages, indent) => {
        const isLegal = (one: object): boolean =>
          !['id', 'tool_use_id'].some((name) => name in one && !/^[\w-]+$/.test((one as Record<string, string>)[name]!))
        const own = messages.map((message) => ({
          ...message,
          content: Array.isArray(message.content)
            ? message.content.filter((one) => !isForeign(one) && isLegal(one))
            : message.content,
        }))
        const body = bytes(JSON.stringify({ messages: own }, null, indent))
        expect(cleanForClaude(body)).toBe(body)
      }),
    )
  })
})
