import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { lowerRequest } from '#domain/dialect/openai/request.ts'
import { type OpenAiQuirks, openAiQuirks } from '#domain/dialect/openai/target.ts'
import { type ChatRequest, decodeChatRequest } from '#test/openai-request.ts'
import { type Conversation, conversations, quirks } from './conversations.ts'
import { assistant, user } from './lower.ts'

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
