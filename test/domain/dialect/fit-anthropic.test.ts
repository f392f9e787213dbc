import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { fitAnthropic } from '#domain/dialect/fit-anthropic.ts'
import { closure, PAIRED_FEATURES } from '#domain/dialect/paired-features.ts'
import { inOneGo } from '#domain/steps.ts'
import { loadCaptures } from '#test/captures.ts'
import { cutParsed } from '#test/cut-parsed.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (array: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(array)
const fitText = (body: string, ...without: readonly string[]) => {
  const { body: fitted, removed } = inOneGo(fitAnthropic({ body: bytes(body), betas: [], without }))
  return { text: text(fitted), removed }
}

describe('a request to a server that does not know all of it', () => {
  it.each([
    [
      'a member',
      'beta:context-management-2025-06-27',
      '{"a":1,"context_management":{"edits":[]},"b":2}',
      '{"a":1,"b":2}',
    ],
    ['the first', 'field:speed', '{ "speed" : "fast" , "b":2}', '{ "b":2}'],
    ['the last', 'field:speed', '{"a":1.0e2 , "speed":"fast" }', '{"a":1.0e2 }'],
    ['the only one', 'field:speed', '\uFEFF{ "speed":"fast" }', '\uFEFF{  }'],
    [
      'a member within',
      'beta:effort-2025-11-24',
      '{"output_config":{"effort":"low","format":{}}}',
      '{"output_config":{"format":{}}}',
    ],
    ['what it leaves empty', 'beta:effort-2025-11-24', '{"a":1,"output_config":{ "effort":"low" }}', '{"a":1}'],
    ['an escaped name', 'field:speed', '{"a":1,"sp\\u0065ed":"fast"}', '{"a":1}'],
    ['a repeated name', 'field:speed', '{"speed":"fast","a":1,"speed":"standard"}', '{"a":1}'],
    [
      'a member of every tool',
      'field:tools.*.strict',
      '{"tools":[{"name":"a","strict":true},{"strict":false,"name":"b","input_schema":{"strict":1}},{"name":"c"}]}',
      '{"tools":[{"name":"a"},{"name":"b","input_schema":{"strict":1}},{"name":"c"}]}',
    ],
    [
      'one kind of item, and what it leaves empty',
      'beta:compact-2026-01-12',
      '{"context_management":{"edits":[{"trigger":{},"type":"compact_20260112"}]},"a":1}',
      '{"a":1}',
    ],
    [
      'one value only',
      'beta:thinking-display-updates-2026-08-18',
      '{"thinking":{"type":"adaptive","display":"updates"}}',
      '{"thinking":{"type":"adaptive"}}',
    ],
    [
      'but no other value',
      'beta:thinking-display-updates-2026-08-18',
      '{"thinking":{"type":"adaptive","display":"omitted"}}',
      '{"thinking":{"type":"adaptive","display":"omitted"}}',
    ],
    [
      'the duration of marks for the cache, wherever they are, and no other',
      'beta:extended-cache-ttl-2025-04-11',
      '{"cache_control":{"ttl":"1h"},"system":[{"cache_control":{"type":"ephemeral","ttl":"1h"}}],"tools":[{"cache_control":{"ttl":"5m","type":"ephemeral"},"input_schema":{"cache_control":{"ttl":1}}}],"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"search_result","content":[{"type":"text","text":"ttl","cache_control":{"ttl":"1h","type":"ephemeral"}}]}]},{"type":"tool_use","input":{"cache_control":{"ttl":"1h"}}}]}]}',
      '{"system":[{"cache_control":{"type":"ephemeral"}}],"tools":[{"cache_control":{"type":"ephemeral"},"input_schema":{"cache_control":{"ttl":1}}}],"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"search_result","content":[{"type":"text","text":"ttl","cache_control":{"type":"ephemeral"}}]}]},{"type":"tool_use","input":{"cache_control":{"ttl":"1h"}}}]}]}',
    ],
    [
      'an effort of a message’s own, and a message that was there for nothing else',
      'beta:per-turn-control-2026-07-01',
      '{"messages":[{"role":"system","content":[],"output_config":{"effort":"low"}},{"role":"system","content":"s","output_config":{"effort":"low"}},{"role":"user","content":"u"}]}',
      '{"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"}]}',
    ],
    [
      'changes of tools, and the message that only made them',
      'beta:mid-conversation-tool-changes-2026-07-01',
      '{"messages":[{"role":"user","content":"u"},{"role":"system","content":[{"type":"tool_addition","tool":{}},{"type":"tool_removal","tool":{}}]},{"role":"system","content":[{"type":"tool_removal","tool":{}},{"type":"text","text":"t"}]}]}',
      '{"messages":[{"role":"user","content":"u"},{"role":"system","content":[{"type":"text","text":"t"}]}]}',
    ],
    [
      'thinking of the refused kind, and the clearing of it',
      'thinking:adaptive',
      '{"thinking":{"type":"adaptive","display":"omitted"},"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},"a":1}',
      '{"a":1}',
    ],
    [
      'but not thinking of another kind',
      'thinking:adaptive',
      '{"thinking":{"type":"enabled","budget_tokens":1024}}',
      '{"thinking":{"type":"enabled","budget_tokens":1024}}',
    ],
    [
      'the last tool, and the choice among them',
      'beta:mcp-client-2025-11-20',
      '{"mcp_servers":[{"name":"s"}],"tools":[{"type":"mcp_toolset","mcp_server_name":"s"}],"tool_choice":{"type":"auto"},"a":1}',
      '{"a":1}',
    ],
  ])('loses %s', (_what, without, source, expected) => {
    expect(fitText(source, without).text).toBe(expected)
  })

  it('has all its tools in the list, and their names where a search had found them', () => {
    const source = `{"tools":[{"name":"ToolSearch"},{"name":"a","defer_loading":true}],"messages":[{"role":"user","content":[{"type":"tool_result",
      "content":[{"type":"tool_reference","tool_name":"mcp__a \\u00e9"} , {"tool_name":"b","cache_control":{"type":"ephemeral"},"type":"tool_reference"}]}]}]}`
    expect(fitText(source, 'beta:advanced-tool-use-2025-11-20')).toEqual({
      text: `{"tools":[{"name":"ToolSearch"},{"name":"a"}],"messages":[{"role":"user","content":[{"type":"tool_result",
      "content":[{"type":"text","text":"mcp__a \\u00e9"} , {"text":"b","cache_control":{"type":"ephemeral"},"type":"text"}]}]}]}`,
      removed: ['field:tools.*.defer_loading', 'field:messages.*.content.*:tool_reference'],
    })
  })

  it('lets no earlier member of a name come to count', () => {
    expect(
      fitText('{"output_config":{"format":1},"a":1,"output_config":{"effort":"low"}}', 'field:output_config.effort')
        .text,
    ).toBe('{"a":1}')
    expect(
      fitText(
        '{"thinking":{"type":"enabled"},"thinking":{"type":"enabled","type":"adaptive"},"a":1}',
        'thinking:adaptive',
      ).text,
    ).toBe('{"a":1}')
  })

  it('loses the values of the header with the fields, and tells what was there', () => {
    const betas = ['claude-code-20250219', 'effort-2025-11-24', 'context-management-2025-06-27']
    const body = bytes('{"context_management":{},"output_config":{"effort":"low"}}')
    expect(
      inOneGo(fitAnthropic({ body, betas, without: ['field:context_management', 'beta:mcp-client-2025-11-20'] })),
    ).toEqual({
      body: bytes('{"output_config":{"effort":"low"}}'),
      betas: ['claude-code-20250219', 'effort-2025-11-24'],
      removed: ['beta:context-management-2025-06-27', 'field:context_management'],
    })
  })

  it('keeps what only looks like a feature: in text, in an input, in a schema', () => {
    const lookalikes = {
      system: [{ type: 'text', text: '"speed":"fast","output_config":{"effort":"low"}' }],
      tools: [{ name: 'a', input_schema: { properties: { strict: {}, defer_loading: {}, speed: {} } } }],
      messages: [
        {
          role: 'assistant',
          content: [
            { type: 'tool_use', name: 'a', input: { output_config: {}, content: [{ type: 'tool_addition' }] } },
          ],
        },
        { role: 'user', content: '{"type":"tool_reference","tool_name":"x"}' },
      ],
    }
    const body = bytes(JSON.stringify(lookalikes))
    const betas = ['claude-code-20250219']
    const fitted = inOneGo(fitAnthropic({ body, betas, without: EVERYTHING }))
    expect(fitted.body).toBe(body)
    expect(fitted.betas).toBe(betas)
    expect(fitted.removed).toEqual([])
  })

  it('may be nested as deep as the client likes', () => {
    const depth = 200_000
    const nested = `{"speed":"fast","messages":[{"content":${'[{"content":'.repeat(depth)}1${'}]'.repeat(depth)}}]}`
    expect(fitText(nested, ...EVERYTHING).text).toBe(nested.replace('"speed":"fast",', ''))
  })
})

const EVERYTHING = PAIRED_FEATURES.flatMap((pair) => pair.betas.map((beta) => `beta:${beta}`))
const ALL_FIELDS = PAIRED_FEATURES.flatMap((pair) => pair.fields.map((field) => `field:${field}`))

// ---- the same on parsed values -------------------------------------------------------------------------------------------

/** What the features mean on a parsed request. */
const reference = (request: unknown, without: readonly string[]): unknown => {
  const fields = closure(without).flatMap((feature) => (feature.startsWith('field:') ? [feature.slice(6)] : []))
  const cut = fields.reduce(cutParsed, request)
  const had = (value: unknown, name: string): boolean => typeof value === 'object' && value !== null && name in value
  const lost = (name: string): boolean => had(request, name) && !had(cut, name)
  const more = [
    ...(lost('thinking') ? ['context_management.edits.*:clear_thinking_'] : []),
    ...(lost('tools') ? ['tool_choice'] : []),
  ]
  return more.reduce(cutParsed, cut)
}

const marks = fc.constantFrom(
  { type: 'ephemeral' },
  { type: 'ephemeral', ttl: '1h' },
  { ttl: '5m' },
  { scope: 'global', ttl: '1h' },
)
const some = <A extends object>(shape: { [K in keyof A]: fc.Arbitrary<A[K]> }) => fc.record(shape, { requiredKeys: [] })
const { block } = fc.letrec<{ block: object; list: unknown }>((tie) => ({
  block: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    some({ type: fc.constant('text'), text: fc.constantFrom('é', '"speed"', ''), cache_control: marks }),
    fc.record({ type: fc.constantFrom('tool_addition', 'tool_removal'), tool: fc.constant({}) }),
    some({ type: fc.constant('tool_reference'), tool_name: fc.constantFrom('mcp__x', 'ü"', ''), cache_control: marks }),
    some({
      type: fc.constant('tool_use'),
      input: fc.constant({ effort: 1, content: [{ type: 'tool_removal' }] }),
      caller: fc.constant({ type: 'direct' }),
    }),
    some({ type: fc.constant('tool_result'), content: tie('list'), cache_control: marks }),
    some({ type: fc.constant('document'), source: some({ type: fc.constant('content'), content: tie('list') }) }),
  ),
  list: fc.oneof(fc.constant('text'), fc.array(tie('block'), { maxLength: 3 })),
}))
const requests = some({
  model: fc.constant('claude-opus-5-5'),
  cache_control: marks,
  system: fc.array(some({ text: fc.constant('s'), cache_control: marks }), { maxLength: 2 }),
  messages: fc.array(
    some({
      role: fc.constantFrom('user', 'assistant', 'system'),
      content: fc.oneof(fc.constantFrom<unknown>('', 'text', null), fc.array(block, { maxLength: 4 })),
      output_config: fc.constantFrom({ effort: 'low' }, {}),
      clear_at: fc.constant('never'),
    }),
    { maxLength: 4 },
  ),
  tools: fc.array(
    some({
      name: fc.constant('t'),
      type: fc.constantFrom(
        'custom',
        'mcp_toolset',
        'tool_search_tool_regex_20251119',
        'code_execution_20260120',
        'computer_toolset_20260801',
      ),
      strict: fc.boolean(),
      defer_loading: fc.boolean(),
      eager_input_streaming: fc.boolean(),
      input_schema: fc.constant({ strict: true, cache_control: { ttl: 1 } }),
      cache_control: marks,
    }),
    { maxLength: 4 },
  ),
  tool_choice: fc.constant({ type: 'auto' }),
  thinking: some({
    type: fc.constantFrom('adaptive', 'enabled'),
    display: fc.constantFrom('updates', 'omitted'),
    block_binding: fc.constant({}),
  }),
  context_management: some({
    edits: fc.array(
      some({ type: fc.constantFrom('compact_20260112', 'clear_thinking_20251015'), keep: fc.constant('all') }),
      { maxLength: 3 },
    ),
  }),
  output_config: some({
    effort: fc.constantFrom('low', 'max'),
    format: fc.constant({}),
    task_budget: fc.constant(null),
  }),
  speed: fc.constantFrom('fast', null),
  diagnostics: fc.constant({ previous_message_id: 'm' }),
  safeguards: fc.constant([{}]),
})
const withouts = fc.subarray([
  ...EVERYTHING,
  ...ALL_FIELDS,
  'thinking:adaptive',
  'thinking:enabled',
  'field:thinking',
  'field:output_config',
  'field:tools.*:custom',
])
/** Some members of a text with names in escapes, and some told before with another value, which then does not count. */
const distorted = (source: string, escapes: readonly boolean[], repeats: readonly string[]): string => {
  let at = 0
  const escaped = source.replace(/"([a-z])([a-z_]*)":/g, (whole, first: string, rest: string) =>
    escapes[at++ % escapes.length] === true ? `"\\u00${first.charCodeAt(0).toString(16)}${rest}":` : whole,
  )
  const front = repeats.map((name) => `${JSON.stringify(name)}: {"effort":1,"type":"adaptive","strict":2} ,`).join('')
  return escaped === '{}' ? escaped : `{${front}${escaped.slice(1)}`
}
const repeats = fc.subarray(['output_config', 'thinking', 'tools', 'messages', 'speed'])

describe('any request, without any features', () => {
  it('is the same as when they are deleted from the parsed request, byte by byte', () => {
    let changed = 0
    fc.assert(
      fc.property(requests, withouts, (request, without) => {
        const source = JSON.stringify(request)
        const fitted = fitText(source, ...without).text
        expect(fitted).toBe(JSON.stringify(reference(JSON.parse(source), without)))
        if (fitted !== source) changed++
      }),
      { numRuns: 1000 },
    )
    expect(changed).toBeGreaterThan(500)
  })

  it('means the same when it is written with spaces, escapes and repeated names', () => {
    fc.assert(
      fc.property(
        requests,
        withouts,
        fc.constantFrom(undefined, 1, '\t'),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
        repeats,
        (request, without, indent, escapes, repeated) => {
          const source = distorted(JSON.stringify(request, null, indent), escapes, repeated)
          const fitted = fitText(source, ...without)
          expect(JSON.parse(fitted.text)).toEqual(reference(JSON.parse(source), without))
          if (fitted.removed.length === 0) expect(fitted.text).toBe(source)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('has nothing left to remove, and is then the same array', () => {
    const betas = [
      'claude-code-20250219',
      ...PAIRED_FEATURES.flatMap((pair) => pair.betas.map((beta) => `${beta}2026-01-01`)),
    ]
    fc.assert(
      fc.property(requests, withouts, (request, without) => {
        const once = inOneGo(fitAnthropic({ body: bytes(JSON.stringify(request)), betas, without }))
        const again = inOneGo(fitAnthropic({ ...once, without }))
        expect(again.body).toBe(once.body)
        expect(again.betas).toBe(once.betas)
        expect(again.removed).toEqual([])
      }),
    )
  })

  it('loses both halves of a pair or none', () => {
    fc.assert(
      fc.property(requests, fc.constantFrom(...PAIRED_FEATURES), fc.nat(), (request, pair, draw) => {
        const halves = [
          ...pair.betas.map((beta) => `beta:${beta}2026-01-01`),
          ...pair.fields.map((field) => `field:${field}`),
        ]
        const betas = pair.betas.map((beta) => `${beta}2026-01-01`)
        const without = [halves[draw % halves.length] as string]
        const fitted = inOneGo(fitAnthropic({ body: bytes(JSON.stringify(request)), betas, without }))
        expect(fitted.betas).toEqual([])
        const left = pair.fields.reduce(cutParsed, JSON.parse(text(fitted.body)))
        expect(left).toEqual(JSON.parse(text(fitted.body)))
      }),
    )
  })
})

describe('the recorded requests of Claude Code', () => {
  it('lose each of their betas with its fields, and no other byte', () => {
    const seen = new Map<string, number>()
    for (const { exchanges } of loadCaptures()) {
      for (const { headers, body } of exchanges) {
        const betas = headers.flatMap(([name, value]) =>
          name.toLowerCase() === 'anthropic-beta' ? value.split(',') : [],
        )
        if (!body.includes('"messages"') || betas.length === 0) continue
        for (const beta of new Set(betas)) {
          const fitted = inOneGo(fitAnthropic({ body, betas, without: [`beta:${beta}`] }))
          expect(fitted.betas).toEqual(betas.filter((one) => one !== beta))
          const expected = JSON.stringify(reference(JSON.parse(body.toString()), [`beta:${beta}`]))
          expect(text(fitted.body) === expected).toBe(true)
          const fields = fitted.removed.filter((feature) => feature.startsWith('field:')).length
          if (fields === 0) expect(fitted.body).toBe(body)
          seen.set(beta, (seen.get(beta) ?? 0) + fields)
        }
      }
    }
    const withFields = [...seen].flatMap(([beta, fields]) => (fields > 0 ? [beta] : [])).toSorted()
    expect(withFields).toEqual([
      'advanced-tool-use-2025-11-20',
      'context-management-2025-06-27',
      'dangerous-tool-use-2026-09-03',
      'effort-2025-11-24',
      'per-turn-control-2026-07-01',
      'thinking-display-updates-2026-08-18',
    ])
    expect([...seen.keys()]).toEqual(
      expect.arrayContaining(['claude-code-20250219', 'interleaved-thinking-2025-05-14']),
    )
  })
})
