import { describe, expect, it } from '@effect/vitest'
import { lowerSchema } from '#domain/dialect/openai/schema.ts'
import type { ChatTool } from '#domain/dialect/openai/tools.ts'
import { answer, assistant, call, chat, lower, refusal, result, toolCall, user } from './lower.ts'

const empty = { type: 'object', properties: {} }
const tool = (name: string, more: object = {}) => ({ name, description: 'd', input_schema: empty, ...more })
const named = (name: string, more: object = {}) => ({
  type: 'function',
  function: { name, description: 'd', parameters: empty, ...more },
})
const toolsOf = (body: object, quirks: object = {}) => lower(body, { quirks }).body.tools as readonly ChatTool[]

describe('tool call ids', () => {
  const history = (id: string) => [assistant([call(id)]), user([result(id, 'r')])]

  it('that the server takes stay', () => {
    const id = 'toolu_01A09q90qw90lq917835lq9'
    expect(chat(history(id))[1]).toEqual(answer(id, 'r'))
    expect(lower({ messages: history(id) }).names.ids.size).toBe(0)
    expect(chat(history('abcDEF123'), { toolIds: 'alnum9' })[1]).toEqual(answer('abcDEF123', 'r'))
  })

  it.each([
    ['any40', 'Bash:12', /^call_[0-9a-f]{16}$/],
    ['any40', 'x'.repeat(41), /^call_[0-9a-f]{16}$/],
    ['any40', '', /^call_[0-9a-f]{16}$/],
    ['alnum9', 'toolu_01A09q90qw90lq917835lq9', /^[a-z0-9]{9}$/],
  ] as const)('that %s refuses become others, the same every time, and find back', (toolIds, id, form) => {
    const { body, names } = lower({ messages: history(id) }, { quirks: { toolIds } })
    const { tool_call_id } = (body.messages as { tool_call_id: string }[])[1]!
    expect(tool_call_id).toMatch(form)
    expect([...names.ids]).toEqual([[tool_call_id, id]])
    expect(lower({ messages: history(id) }, { quirks: { toolIds } }).body).toEqual(body)
  })

  it('made up keep clear of those that are there', () => {
    const made = [...lower({ messages: history('Bash:12') }).names.ids.keys()][0]!
    const { body, names } = lower({ messages: [...history('Bash:12'), ...history(made)] })
    const ids = (body.messages as { tool_call_id?: string }[]).flatMap((one) => one.tool_call_id ?? [])
    expect(ids[1]).toBe(made)
    expect(ids[0]).not.toBe(made)
    expect(names.ids.get(ids[0]!)).toBe('Bash:12')
  })
})

describe('tools', () => {
  it('are functions without the fields that only Claude knows', () => {
    const given = tool('Read', { cache_control: {}, defer_loading: true, eager_input_streaming: true })
    expect(toolsOf({ tools: [given, tool('Edit', { type: 'custom' })] })).toEqual([named('Read'), named('Edit')])
  })

  it('need no description and no schema', () => {
    expect(toolsOf({ tools: [{ name: 'a' }] })).toEqual([
      { type: 'function', function: { name: 'a', parameters: empty } },
    ])
  })

  it('have legal names everywhere, and the names find back', () => {
    const long = `mcp__${'x'.repeat(70)}`
    const { body, names } = lower({
      tools: [tool('a.b'), tool('a_b'), tool('a:b'), tool(long)],
      tool_choice: { type: 'tool', name: 'a:b' },
      messages: [user('x'), assistant([call('c1', 'a.b'), call('c2', 'gone/tool')])],
    })
    const sent = (body.tools as readonly ChatTool[]).map((one) => one.function.name)
    expect(new Set(sent).size).toBe(4)
    expect(sent[1]).toBe('a_b')
    expect(sent.map((name) => names.tools.get(name) ?? name)).toEqual(['a.b', 'a_b', 'a:b', long])
    expect(body.tool_choice).toEqual({ type: 'function', function: { name: sent[2] } })
    const [, calls] = body.messages as { tool_calls: { function: { name: string } }[] }[]
    expect(calls?.tool_calls.map((one) => names.tools.get(one.function.name))).toEqual(['a.b', 'gone/tool'])
  })

  it('over the maximum lose first those that are deferred and unmentioned', () => {
    const tools = [tool('late', { defer_loading: true }), tool('used', { defer_loading: true }), tool('a'), tool('b')]
    const messages = [user('x'), assistant([call('c1', 'used')])]
    const names = (maxTools: number) => toolsOf({ tools, messages }, { maxTools }).map((one) => one.function.name)
    expect(names(4)).toEqual(['late', 'used', 'a', 'b'])
    expect(names(3)).toEqual(['used', 'a', 'b'])
    expect(names(1)).toEqual(['used'])
    expect(lower({ tools, messages }, { quirks: { maxTools: 3 } }).dropped).toEqual(['tools'])
  })

  it('have a description cut to what the server takes, not in the middle of a character', () => {
    const description = (text: string) =>
      toolsOf({ tools: [tool('a', { description: text })] }, { maxDescription: 5 })[0]?.function.description
    expect(description('12345')).toBe('12345')
    expect(description('123456')).toBe('1234…')
    expect(description('123\u{1F600}56')).toBe('123…')
  })

  it('are strict only where the schema keeps the rules of strictness', () => {
    const strict = (schema: object) =>
      toolsOf({ tools: [tool('a', { strict: true, input_schema: schema })] })[0]?.function.strict
    const closed = {
      type: 'object',
      properties: { a: { type: 'string' } },
      required: ['a'],
      additionalProperties: false,
    }
    expect(strict(closed)).toBe(true)
    expect(strict({ ...closed, properties: { a: closed } })).toBe(true)
    expect(strict({ ...closed, required: [] })).toBeUndefined()
    expect(strict({ ...closed, additionalProperties: true })).toBeUndefined()
    expect(strict({ ...closed, properties: { a: { type: 'array', items: empty } } })).toBeUndefined()
    expect(strict({ ...closed, $defs: { x: empty } })).toBeUndefined()
  })

  it('that Anthropic defines and the client runs get their schemas spelled out', () => {
    const tools = toolsOf({
      tools: [
        { type: 'bash_20250124', name: 'bash' },
        { type: 'text_editor_20250728', name: 'str_replace_based_edit_tool' },
        { type: 'memory_20250818', name: 'memory' },
      ],
    })
    expect(tools.map((one) => one.function.name)).toEqual(['bash', 'str_replace_based_edit_tool', 'memory'])
    for (const one of tools) expect(one.function.parameters.properties).toHaveProperty('command')
  })

  it('that run on servers are dropped beside others', () => {
    const { body, dropped } = lower({ tools: [{ type: 'web_search_20250305', name: 'web_search' }, tool('a')] })
    expect(body.tools).toEqual([named('a')])
    expect(dropped).toEqual(['tools.web_search_20250305'])
  })

  it('that run on servers are a reason to refuse when there are no others', () => {
    const tools = [{ type: 'web_search_20250305', name: 'web_search', max_uses: 8 }]
    expect(refusal({ tools, tool_choice: { type: 'auto' } })).toBe(
      'tools: this provider cannot run web_search_20250305',
    )
    expect(lower({ tools, tool_choice: { type: 'none' } }).body).not.toHaveProperty('tools')
    expect(refusal({ tools: [...tools, tool('a')], tool_choice: { type: 'tool', name: 'web_search' } })).toMatch(
      /^tool_choice: the tool web_search /,
    )
  })
})

describe('the choice of a tool', () => {
  const choice = (tool_choice: object, quirks: object = {}) => lower({ tools: [tool('a')], tool_choice }, { quirks })

  it.each([
    [{ type: 'auto' }, 'auto'],
    [{ type: 'any' }, 'required'],
    [{ type: 'none' }, 'none'],
    [
      { type: 'tool', name: 'a' },
      { type: 'function', function: { name: 'a' } },
    ],
  ])('%j', (given, expected) => {
    expect(choice(given).body.tool_choice).toEqual(expected)
  })

  it('is left to the model where `required` is not known', () => {
    const { body, dropped } = choice({ type: 'any' }, { noRequiredToolChoice: true })
    expect(body.tool_choice).toBe('auto')
    expect(dropped).toEqual(['tool_choice.any'])
  })

  it('is the model’s alone where none may be made', () => {
    const { body, dropped } = choice({ type: 'any' }, { noToolChoice: true })
    expect(body).not.toHaveProperty('tool_choice')
    expect(dropped).toEqual(['tool_choice'])
    expect(choice({ type: 'auto' }, { noToolChoice: true }).dropped).toEqual([])
  })

  it('is not said without tools', () => {
    const { body } = lower({ tool_choice: { type: 'auto', disable_parallel_tool_use: true } })
    expect(body).not.toHaveProperty('tool_choice')
    expect(body).not.toHaveProperty('parallel_tool_calls')
    expect(lower({ tools: [tool('a')] }).body).not.toHaveProperty('tool_choice')
  })

  it('of one call at a time is said where it is known', () => {
    const serial = { type: 'auto', disable_parallel_tool_use: true }
    expect(choice(serial).body.parallel_tool_calls).toBe(false)
    expect(choice({ type: 'auto' }).body).not.toHaveProperty('parallel_tool_calls')
    const { body, dropped } = choice(serial, { noParallelToolCalls: true })
    expect(body).not.toHaveProperty('parallel_tool_calls')
    expect(dropped).toEqual(['tool_choice.disable_parallel_tool_use'])
  })
})

describe('the schema of a tool', () => {
  it('is an object with properties at the top, for every server', () => {
    for (const kind of ['any', 'openai', 'plain', 'gemini'] as const) {
      for (const schema of [undefined, null, {}, [], { type: 'string' }])
        expect(lowerSchema(schema, kind)).toEqual(empty)
    }
  })

  const rich = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: {
      format: { type: 'string', format: 'uri', default: 'x' },
      default: { type: ['string', 'null'], format: 'date-time' },
      n: { type: 'integer', exclusiveMinimum: 0, minimum: 1 },
      kind: { const: 'a' },
      flag: { const: true },
      list: { type: 'array', items: { $ref: '#/$defs/node' } },
      map: { type: 'object', propertyNames: { pattern: 'x' }, additionalProperties: { type: 'string' } },
      choice: { anyOf: [{ type: 'string', const: 'b' }, { type: 'null' }] },
    },
    required: ['format'],
    additionalProperties: false,
    $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' }, name: { type: 'string' } } } },
  }

  it('passes where any is taken', () => {
    expect(lowerSchema(rich, 'any')).toEqual(rich)
    expect(lowerSchema(rich, 'openai')).toEqual(rich)
  })

  it('has no alternatives at the top for OpenAI: their properties are offered together', () => {
    expect(
      lowerSchema(
        {
          properties: { a: { type: 'string' } },
          required: ['a'],
          allOf: [{ properties: { b: {} }, required: ['b'] }],
          anyOf: [{ properties: { c: { enum: [1] } }, required: ['c'] }, { required: ['a'] }],
          oneOf: [{ properties: { a: { type: 'number' } } }],
          not: {},
          enum: [],
        },
        'openai',
      ),
    ).toEqual({
      type: 'object',
      properties: { a: { type: 'string' }, b: {}, c: { enum: [1] } },
      required: ['a', 'b'],
    })
  })

  it('has only what Gemini knows, while properties may have any name', () => {
    expect(lowerSchema(rich, 'gemini')).toEqual({
      type: 'object',
      properties: {
        format: { type: 'string' },
        default: { type: 'string', nullable: true, format: 'date-time' },
        n: { type: 'integer', minimum: 1 },
        kind: { enum: ['a'] },
        flag: {},
        list: {
          type: 'array',
          items: { type: 'object', properties: { next: { type: 'object' }, name: { type: 'string' } } },
        },
        map: { type: 'object' },
        choice: { anyOf: [{ type: 'string', enum: ['b'] }, { type: 'null' }] },
      },
      required: ['format'],
    })
  })

  it('is itself where it was behind a reference', () => {
    const $defs = { input: { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] } }
    for (const kind of ['any', 'openai', 'plain', 'gemini'] as const) {
      for (const schema of [
        { $ref: '#/$defs/input', $defs },
        { allOf: [{ $ref: '#/$defs/input' }], $defs },
      ].slice(0, kind === 'any' ? 1 : 2)) {
        expect(lowerSchema(schema, kind)).toMatchObject($defs.input)
      }
    }
    const inner = { properties: { x: { allOf: [{ $ref: '#/$defs/input' }], description: 'd' } }, $defs }
    expect(lowerSchema(inner, 'gemini').properties).toEqual({ x: { ...$defs.input, description: 'd' } })
  })

  it('has no formats, patterns and references where those are refused, while properties may be named so', () => {
    expect(lowerSchema(rich, 'plain')).toEqual({
      type: 'object',
      properties: {
        format: { type: 'string', default: 'x' },
        default: { type: ['string', 'null'] },
        n: { type: 'integer', exclusiveMinimum: 0, minimum: 1 },
        kind: { const: 'a' },
        flag: { const: true },
        list: {
          type: 'array',
          items: { type: 'object', properties: { next: { type: 'object' }, name: { type: 'string' } } },
        },
        map: { type: 'object', additionalProperties: { type: 'string' } },
        choice: { anyOf: [{ type: 'string', const: 'b' }, { type: 'null' }] },
      },
      required: ['format'],
      additionalProperties: false,
    })
  })

  it('for Gemini has no words, names and enumerations that it refuses', () => {
    const schema = {
      properties: {
        one: { oneOf: [{ type: 'string' }], uniqueItems: true, not: {}, if: {} },
        list: { type: 'array' },
        level: { type: 'integer', enum: [1, 2] },
        text: { type: 'string', enum: ['', 'a'] },
        word: { type: 'string', enum: ['a', 'b'] },
      },
      required: ['one', 'gone'],
    }
    expect(lowerSchema(schema, 'gemini')).toEqual({
      type: 'object',
      properties: {
        one: { anyOf: [{ type: 'string' }] },
        list: { type: 'array', items: {} },
        level: { type: 'integer' },
        text: { type: 'string' },
        word: { type: 'string', enum: ['a', 'b'] },
      },
      required: ['one'],
    })
  })

  it('that refers to itself and nothing else ends', () => {
    for (const kind of ['any', 'openai', 'plain', 'gemini'] as const) {
      for (const schema of [{ $ref: '#' }, { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/a' } } }, { $ref: 'x' }]) {
        expect(lowerSchema(schema, kind)).toMatchObject({ type: 'object', properties: {} })
      }
      const loop = { allOf: [{ $ref: '#' }], properties: { x: { allOf: [{ $ref: '#' }] } } }
      expect(JSON.stringify(lowerSchema(loop, kind)).length).toBeLessThan(300)
    }
  })

  it.each(['plain', 'gemini'] as const)('for %s stays small when references multiply', (kind) => {
    const $defs = Object.fromEntries(
      Array.from({ length: 30 }, (_, n) => [
        `d${n}`,
        { type: 'object', properties: { a: { $ref: `#/$defs/d${n + 1}` }, b: { $ref: `#/$defs/d${n + 1}` } } },
      ]),
    )
    const size = JSON.stringify(lowerSchema({ properties: { x: { $ref: '#/$defs/d0' } }, $defs }, kind)).length
    expect(size).toBeGreaterThan(1_000)
    expect(size).toBeLessThan(1_000_000)
  })

  it('keeps a property that is named like the prototype', () => {
    const schema = JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}}}')
    for (const kind of ['any', 'openai', 'plain', 'gemini'] as const) {
      expect(JSON.stringify(lowerSchema(schema, kind))).toContain('"__proto__":{"type":"string"}')
    }
  })
})

describe('a call in the history of a tool that is gone', () => {
  it('stays', () => {
    expect(chat([assistant([call('c1', 'Gone')])])[0]).toMatchObject({ tool_calls: [toolCall('c1', 'Gone')] })
  })
})
