/** What single servers demand beyond OpenAI's schema, held for any request. */
import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { lowerRequest } from '#domain/dialect/openai/request.ts'
import { lowerSchema } from '#domain/dialect/openai/schema.ts'
import { type OpenAiQuirks, openAiQuirks } from '#domain/dialect/openai/target.ts'
import { type ChatRequest, decodeChatRequest } from '#test/openai-request.ts'
import { clientRequests, quirks, schemas } from './conversations.ts'

/** Holds for every request that is not refused; fails when nearly all are. */
const holds = (
  of: fc.Arbitrary<OpenAiQuirks>,
  check: (request: ChatRequest, asked: object, quirks: OpenAiQuirks) => void,
) => {
  let held = 0
  fc.assert(
    fc.property(clientRequests, of, (asked, drawn) => {
      const lowered = lowerRequest(asked, { model: 'm', quirks: drawn })
      if ('refused' in lowered) return
      check(decodeChatRequest(lowered.body), asked, drawn)
      held++
    }),
    { numRuns: 200 },
  )
  expect(held).toBeGreaterThan(60)
}
const only = (more: Partial<OpenAiQuirks>) => fc.constant({ ...openAiQuirks, ...more })

describe('any request to any server', () => {
  it('keeps the rules of the dialect', () => {
    // decodeChatRequest holds them.
    holds(quirks, (request) => expect(request.messages.length).toBeGreaterThan(0))
  })

  it('keeps to the limits of the server', () => {
    const limits = { maxTools: 2, maxDescription: 20, maxOutputTokens: 4_096 }
    holds(only(limits), (request) => {
      expect(request.tools?.length ?? 0).toBeLessThanOrEqual(2)
      for (const tool of request.tools ?? []) expect((tool.function.description ?? '').length).toBeLessThanOrEqual(20)
      expect(request.max_tokens).toBeLessThanOrEqual(4_096)
    })
  })

  it('has none of the fields that the server was seen to refuse', () => {
    const names = ['temperature', 'top_p', 'stop', 'tool_choice', 'parallel_tool_calls', 'response_format', 'user']
    const quirks = { ...openAiQuirks, topK: true, userField: 'user' } as const
    fc.assert(
      fc.property(
        clientRequests,
        fc.subarray([...names, 'max_tokens', 'top_k', 'stream_options']),
        (asked, without) => {
          const lowered = lowerRequest(asked, { model: 'm', quirks, without: without.map((name) => `param:${name}`) })
          if ('refused' in lowered) return
          const request = decodeChatRequest(lowered.body)
          for (const name of without) expect(request).not.toHaveProperty(name)
          expect('max_completion_tokens' in request).toBe(without.includes('max_tokens'))
        },
      ),
    )
  })
})

describe('Mistral', () => {
  const mistral = {
    toolIds: 'alnum9',
    strictAlternation: true,
    systemFirstOnly: true,
    stringContent: true,
    emptyInsteadOfNull: true,
  } as const

  it('gets ids of nine alphanumerics, and strings as content', () => {
    holds(only(mistral), (request) => {
      for (const message of request.messages) {
        expect(message.content).toBeTypeOf('string')
        if (message.role === 'tool') expect(message.tool_call_id).toMatch(/^[a-zA-Z0-9]{9}$/)
        if (message.role === 'assistant') {
          for (const call of message.tool_calls ?? []) expect(call.id).toMatch(/^[a-zA-Z0-9]{9}$/)
        }
      }
    })
  })

  it('gets roles in an order that its template takes', () => {
    // One leading system message; then the user, the assistant with its tools, the user, …
    const order = /^(s )?(u (a (t )*)*)*(u )?$/
    holds(only(mistral), (request) => {
      const roles = request.messages.map((message) => `${message.role[0]} `).join('')
      expect(roles).toMatch(order)
      expect(roles).not.toMatch(/u u|t u|s a|a a/)
    })
  })
})

describe('Gemini', () => {
  const WORDS =
    /^(anyOf|description|enum|format|items|(min|max)(imum|Items|Length|Properties)|nullable|pattern|properties|required|title|type)$/
  type Node = { readonly [word: string]: unknown }

  const violations = (schema: unknown, at = '#'): readonly string[] => {
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return [`${at}: no schema`]
    const node = schema as Node
    const properties = (node.properties ?? {}) as Node
    const inner = [
      ...Object.entries(properties).map(([name, one]) => [`${at}/${name}`, one] as const),
      ...(node.items === undefined ? [] : [[`${at}/items`, node.items] as const]),
      ...((node.anyOf ?? []) as readonly unknown[]).map((one, i) => [`${at}/anyOf${i}`, one] as const),
    ]
    return [
      ...Object.keys(node).flatMap((word) => (WORDS.test(word) ? [] : [`${at}: ${word}`])),
      ...(node.type === undefined || typeof node.type === 'string' ? [] : [`${at}: a list of types`]),
      ...(node.format === undefined || node.format === 'enum' || node.format === 'date-time' ? [] : [`${at}: format`]),
      ...((node.enum ?? []) as readonly unknown[]).flatMap((value) =>
        typeof value === 'string' ? [] : [`${at}: enum`],
      ),
      ...((node.required ?? []) as readonly string[]).flatMap((name) =>
        Object.hasOwn(properties, name) ? [] : [`${at}: ${name}`],
      ),
      ...(node.type === 'array' && node.items === undefined ? [`${at}: no items`] : []),
      ...inner.flatMap(([place, one]) => violations(one, place)),
    ]
  }

  it('gets schemas of its own subset, whatever the tool has', () => {
    fc.assert(
      fc.property(schemas, (schema) => {
        const lowered = lowerSchema(schema, 'gemini')
        expect(lowered.type).toBe('object')
        expect(violations(lowered)).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  it('gets an answer for its missing signature on the first call of each message', () => {
    holds(only({ schema: 'gemini', geminiThoughtSignature: true }), (request) => {
      for (const message of request.messages) {
        const calls = message.role === 'assistant' ? (message.tool_calls ?? []) : []
        expect(calls.map((call) => call.extra_content !== undefined)).toEqual(calls.map((_, index) => index === 0))
      }
    })
  })
})

describe('a server without references and formats', () => {
  /** The words of the schema and of all within, without the names of properties. */
  const words = (schema: unknown): readonly string[] => {
    if (Array.isArray(schema)) return schema.flatMap(words)
    if (typeof schema !== 'object' || schema === null) return []
    return Object.entries(schema).flatMap(([word, value]) =>
      word === 'properties' ? Object.values(value as object).flatMap(words) : [word, ...words(value)],
    )
  }

  it('gets neither, whatever the tool has', () => {
    fc.assert(
      fc.property(schemas, (schema) => {
        const found = words(lowerSchema(schema, 'plain'))
        for (const word of ['$ref', '$defs', 'format', 'pattern']) expect(found).not.toContain(word)
      }),
    )
  })
})

describe('OpenAI', () => {
  it('gets schemas that are plain objects at the top, and keep the properties of their branches', () => {
    fc.assert(
      fc.property(schemas, (schema) => {
        const lowered = lowerSchema(schema, 'openai')
        expect(lowered.type).toBe('object')
        for (const word of ['anyOf', 'oneOf', 'allOf', 'enum', 'not']) expect(lowered).not.toHaveProperty(word)
        const own = 'properties' in schema ? Object.keys(schema.properties as object) : []
        expect(Object.keys(lowered.properties as object)).toEqual(expect.arrayContaining(own))
      }),
    )
  })
})
