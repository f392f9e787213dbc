import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { lowerRequest } from '#domain/dialect/openai/request.ts'
import { loadCaptures } from '#test/captures.ts'
import { openAiRefusals, openAiServer } from '#test/openai-request.ts'
import { openAiSchema } from '../../../../scripts/openai-schema.ts'
import { clientRequests } from './conversations.ts'

const FILE = new URL('../../../fixtures/openai/chat-request.schema.json', import.meta.url)

describe("the schema of OpenAI's request", () => {
  it('is what the installed package says; `node scripts/openai-schema.ts` writes it', () => {
    expect(readFileSync(FILE, 'utf8')).toBe(openAiSchema())
  })

  const valid = {
    model: 'gpt-x',
    messages: [
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'a', type: 'function', function: { name: 'n', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'a', content: 'r' },
    ],
    tools: [{ type: 'function', function: { name: 'n', parameters: { type: 'object', properties: {} } } }],
    stop: ['x'],
    stream: true,
  }
  const [first, second] = valid.messages
  const call = first?.tool_calls?.[0]

  it('takes a plain request', () => {
    expect(openAiRefusals(valid)).toEqual([])
  })

  it.each<[string, object]>([
    ['a field of another vendor', { ...valid, top_k: 1 }],
    ['a field of another vendor in a message', { ...valid, messages: [{ ...first, reasoning_content: 'x' }, second] }],
    [
      'a field of another vendor in a call',
      { ...valid, messages: [{ ...first, tool_calls: [{ ...call, extra_content: {} }] }] },
    ],
    ['a field of the client in a tool', { ...valid, tools: [{ ...valid.tools[0], cache_control: {} }] }],
    [
      'a tool without a schema of an object',
      { ...valid, tools: [{ type: 'function', function: { name: 'n', parameters: {} } }] },
    ],
    [
      'alternatives at the top of a schema',
      {
        ...valid,
        tools: [
          { type: 'function', function: { name: 'n', parameters: { type: 'object', properties: {}, anyOf: [] } } },
        ],
      },
    ],
    ['a name with a dot', { ...valid, tools: [{ type: 'function', function: { name: 'a.b' } }] }],
    ['a long id', { ...valid, messages: [first, { ...second, tool_call_id: 'x'.repeat(41) }] }],
    ['an empty id', { ...valid, messages: [first, { ...second, tool_call_id: '' }] }],
    [
      'an image in a tool message',
      { ...valid, messages: [first, { ...second, content: [{ type: 'image_url', image_url: { url: 'x' } }] }] },
    ],
    ['five stop sequences', { ...valid, stop: ['1', '2', '3', '4', '5'] }],
    ['no messages', { ...valid, messages: [] }],
    ['no tools in a list of tools', { ...valid, tools: [] }],
    ['an effort that is none', { ...valid, reasoning_effort: 'extreme' }],
    ['a role that is none', { ...valid, messages: [{ role: 'human', content: 'x' }] }],
    ['hot words', { ...valid, temperature: 3 }],
  ])('refuses %s', (_, body) => {
    expect(openAiRefusals(body)).not.toEqual([])
  })
})

describe('what is sent to OpenAI', () => {
  it('is valid for every recorded request', () => {
    const bodies = loadCaptures().flatMap(({ exchanges }) =>
      exchanges.filter(({ path }) => path.startsWith('/v1/messages?')).map(({ body }) => JSON.parse(body.toString())),
    )
    let refused = 0
    for (const body of bodies) {
      const lowered = lowerRequest(body, { model: 'gpt-x', quirks: openAiServer })
      if ('refused' in lowered) refused++
      else expect(openAiRefusals(lowered.body)).toEqual([])
    }
    expect(bodies.length).toBeGreaterThan(100)
    // The web search.
    expect(refused).toBe(1)
  })

  it('is valid for any request', () => {
    let valid = 0
    fc.assert(
      fc.property(clientRequests, fc.boolean(), (body, samples) => {
        const { noSampling: _, ...sampling } = openAiServer
        const lowered = lowerRequest(body, { model: 'gpt-x', quirks: samples ? sampling : openAiServer })
        if ('refused' in lowered) return
        expect(openAiRefusals(lowered.body)).toEqual([])
        valid++
      }),
      { numRuns: 300 },
    )
    expect(valid).toBeGreaterThan(100)
  })
})
