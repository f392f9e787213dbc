import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { lowerRequest } from '#domain/dialect/openai/request.ts'
import { type OpenAiQuirks, openAiQuirks } from '#domain/dialect/openai/target.ts'
import { markThinking } from '#domain/dialect/provenance.ts'
import { type ChatRequest, decodeChatRequest } from '#test/openai-request.ts'
import { assistant, call, image, result, system, text, user } from './lower.ts'

/**
 * Conversations are drawn as shapes; every text, image and call then gets a number of its own, so that the test can tell
 * what came through from the marks alone.
 */
interface Shape {
  readonly calls: readonly {
    readonly id: string
    readonly name: string
    readonly results: readonly ('empty' | 'text' | 'texts' | 'image' | 'mixed' | 'error')[]
  }[]
  readonly said: readonly ('text' | 'blank' | 'claude' | 'ours' | 'server')[]
  readonly user: readonly ('text' | 'image' | 'orphan' | 'blank')[]
  readonly systems: readonly ('string' | 'blocks' | 'empty')[]
  readonly resultsFirst: boolean
  readonly callsFirst: boolean
}

const ids = fc.oneof(
  fc.constantFrom('toolu_01', 'toolu_02', 'Bash:12', 'call_x|fc_y', 'abcDEF123', 'x'.repeat(50)),
  fc.string({ minLength: 1, maxLength: 60 }),
)
const names = fc.oneof(
  fc.constantFrom('Read', 'mcp__a__b', 'a.b', 'a_b', 'a/b', 'x'.repeat(80)),
  fc.string({ minLength: 1, maxLength: 70 }),
)
const shapes: fc.Arbitrary<Shape> = fc.record({
  calls: fc.array(
    fc.record({
      id: ids,
      name: names,
      results: fc.array(fc.constantFrom('empty', 'text', 'texts', 'image', 'mixed', 'error'), { maxLength: 1 }),
    }),
    { maxLength: 3 },
  ),
  said: fc.array(fc.constantFrom('text', 'blank', 'claude', 'ours', 'server'), { maxLength: 3 }),
  user: fc.array(fc.constantFrom('text', 'image', 'orphan', 'blank'), { maxLength: 3 }),
  systems: fc.array(fc.constantFrom('string', 'blocks', 'empty'), { maxLength: 2 }),
  resultsFirst: fc.boolean(),
  callsFirst: fc.boolean(),
})

interface Conversation {
  readonly messages: readonly object[]
  readonly marks: {
    readonly texts: readonly string[]
    readonly images: readonly string[]
    readonly gone: readonly string[]
  }
  /** The client's ids and names of the calls, in order. */
  readonly calls: readonly { readonly id: string; readonly name: string; readonly mark: string }[]
}

const write = (turns: readonly Shape[]): Conversation => {
  const texts: string[] = []
  const images: string[] = []
  const gone: string[] = []
  const calls: { id: string; name: string; mark: string }[] = []
  let count = 0
  const next = (kind: string): string => `<${kind}${count++}>`
  const say = (): string => {
    const mark = next('t')
    texts.push(mark)
    return mark
  }
  const lose = (): string => {
    const mark = next('g')
    gone.push(mark)
    return mark
  }
  const show = (): object => {
    const mark = `IMG${count++}END`
    images.push(mark)
    return image(mark)
  }
  const resultOf = (id: string, kind: string): object => {
    switch (kind) {
      case 'text':
        return result(id, say())
      case 'texts':
        return result(id, [text(say()), text(''), text(say())])
      case 'image':
        return result(id, [show()])
      case 'mixed':
        return result(id, [text(say()), show(), text(say()), show()])
      case 'error':
        return result(id, say(), { is_error: true })
      default:
        return result(id)
    }
  }
  const messages: object[] = [user(say())]
  for (const turn of turns) {
    const toolUses = turn.calls.map((one) => {
      const mark = next('c')
      calls.push({ id: one.id, name: one.name, mark })
      return call(one.id, one.name, { mark })
    })
    const said = turn.said.map((kind) => {
      if (kind === 'text') return text(say())
      if (kind === 'blank') return text('')
      if (kind === 'server') return { type: 'web_search_tool_result', tool_use_id: 's', content: [text(lose())] }
      const thinking = lose()
      return { type: 'thinking', thinking, signature: kind === 'ours' ? markThinking('p', thinking) : 'EqQB' }
    })
    messages.push(assistant(turn.callsFirst ? [...toolUses, ...said] : [...said, ...toolUses]))
    const results = turn.calls.flatMap((one) => one.results.map((kind) => resultOf(one.id, kind)))
    const others = turn.user.map((kind) => {
      if (kind === 'text') return text(say())
      if (kind === 'image') return show()
      return kind === 'blank' ? text(' ') : result('an id that nobody called', lose())
    })
    messages.push(user(turn.resultsFirst ? [...results.toReversed(), ...others] : [...others, ...results]))
    for (const kind of turn.systems) {
      messages.push(system(kind === 'string' ? say() : kind === 'blocks' ? [text(say()), text(say())] : []))
    }
  }
  return { messages, marks: { texts, images, gone }, calls }
}

/** No id twice in a turn: which result is whose would be anybody's guess. */
const conversations = fc
  .array(
    shapes.filter((one) => new Set(one.calls.map(({ id }) => id)).size === one.calls.length),
    { maxLength: 5 },
  )
  .map(write)

const flag = fc.constantFrom(undefined, true as const)
const quirks: fc.Arbitrary<OpenAiQuirks> = fc
  .record({
    systemRole: fc.constantFrom('system', 'developer'),
    systemFirstOnly: flag,
    strictAlternation: flag,
    emptyInsteadOfNull: flag,
    toolIds: fc.constantFrom('any40', 'alnum9'),
    schema: fc.constantFrom('any', 'openai', 'gemini'),
    fileParts: flag,
  })
  .map((drawn) => ({
    ...openAiQuirks,
    ...(Object.fromEntries(Object.entries(drawn).filter(([, value]) => value !== undefined)) as Partial<OpenAiQuirks>),
  }))

const lowered = (conversation: Conversation, of: OpenAiQuirks) => {
  const made = lowerRequest(
    { model: 'c', max_tokens: 9, messages: conversation.messages, tools: [{ name: 'Read' }, { name: 'a.b' }] },
    { model: 'm', quirks: of },
  )
  if ('refused' in made) throw new Error(made.refused)
  return { ...made, request: decodeChatRequest(made.body) }
}

const callsOf = (request: ChatRequest) =>
  request.messages.flatMap((message) => (message.role === 'assistant' ? (message.tool_calls ?? []) : []))

const marksIn = (request: ChatRequest, pattern: RegExp): readonly string[] =>
  [...JSON.stringify(request.messages).matchAll(pattern)].map(([mark]) => mark).sort()

describe('any conversation', () => {
  it('becomes a valid request, with every call directly followed by its answers', () => {
    fc.assert(
      // decodeChatRequest holds the pairing rules.
      fc.property(conversations, quirks, (conversation, of) => {
        expect(lowered(conversation, of).request.messages[0]?.role).toBe('user')
      }),
    )
  })

  it('loses and doubles no text, image or call, and shows nothing of what must not be seen', () => {
    fc.assert(
      fc.property(conversations, quirks, (conversation, of) => {
        const { request } = lowered(conversation, of)
        expect(marksIn(request, /<t\d+>/g)).toEqual(conversation.marks.texts.toSorted())
        expect(marksIn(request, /IMG\d+END/g)).toEqual(conversation.marks.images.toSorted())
        expect(marksIn(request, /<c\d+>/g)).toEqual(conversation.calls.map(({ mark }) => mark).sort())
        expect(marksIn(request, /<g\d+>/g)).toEqual([])
      }),
    )
  })

  it('shows our own thinking to a server that wants it back, and to no other place', () => {
    fc.assert(
      fc.property(conversations, (conversation) => {
        const { request } = lowered(conversation, { ...openAiQuirks, echoReasoning: true })
        const ours = [...JSON.stringify(conversation.messages).matchAll(/"(<g\d+>)","signature":"signalbox/g)]
        const echoed = request.messages.flatMap((one) =>
          one.role === 'assistant' ? (one.reasoning_content ?? '') : '',
        )
        const shown = echoed.join('').match(/<g\d+>/g) ?? []
        expect(marksIn(request, /<g\d+>/g)).toEqual(shown.toSorted())
        const allowed = ours.map(([, mark]) => mark)
        for (const mark of shown) expect(allowed).toContain(mark)
      }),
    )
  })

  it('keeps the calls in order under ids and names that find back', () => {
    fc.assert(
      fc.property(conversations, quirks, (conversation, of) => {
        const { request, names: back } = lowered(conversation, of)
        const found = callsOf(request).map((one) => ({
          id: back.ids.get(one.id) ?? one.id,
          name: back.tools.get(one.function.name) ?? one.function.name,
          mark: (JSON.parse(one.function.arguments) as { mark: string }).mark,
        }))
        expect(found).toEqual(conversation.calls)
        const answers = request.messages.flatMap((one) => (one.role === 'tool' ? one.tool_call_id : []))
        expect(answers).toEqual(callsOf(request).map((one) => one.id))
        if (of.toolIds === 'alnum9') for (const id of answers) expect(id).toMatch(/^[a-zA-Z0-9]{9}$/)
      }),
    )
  })

  it('gives each result to its own call', () => {
    fc.assert(
      fc.property(conversations, quirks, (conversation, of) => {
        const { request, names: back } = lowered(conversation, of)
        // Which text answers which id, turn by turn: the ids may come again in a later turn.
        const given = conversation.messages.flatMap((message) =>
          ('content' in message && Array.isArray(message.content) ? message.content : [])
            .filter((block) => block.type === 'tool_result')
            .flatMap((block) =>
              [...JSON.stringify(block.content ?? '').matchAll(/<t\d+>/g)].map(
                ([mark]) => `${block.tool_use_id} ${mark}`,
              ),
            ),
        )
        const got = request.messages.flatMap((message) =>
          message.role === 'tool'
            ? [...message.content.matchAll(/<t\d+>/g)].map(
                ([mark]) => `${back.ids.get(message.tool_call_id) ?? message.tool_call_id} ${mark}`,
              )
            : [],
        )
        expect(got.toSorted()).toEqual(given.toSorted())
      }),
    )
  })

  it('gives the same bytes when only the end of it is new', () => {
    fc.assert(
      fc.property(conversations, fc.constantFrom('any40' as const, 'alnum9' as const), (conversation, toolIds) => {
        const of = { ...openAiQuirks, toolIds }
        const longer = { ...conversation, messages: [...conversation.messages, assistant('b'), user('c')] }
        const before = lowered(conversation, of).request.messages
        // An open turn that ends in the assistant's text is a prefill, and is trimmed; these marks have no white space.
        expect(lowered(longer, of).request.messages.slice(0, before.length)).toEqual(before)
      }),
    )
  })
})
