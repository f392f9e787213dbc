/**
 * Conversations of the client and quirks of servers, drawn at random.
 *
 * Conversations are drawn as shapes; every text, image and call then gets a number of its own, so that the test can tell
 * what came through from the marks alone.
 */
import * as fc from 'fast-check'
import { type OpenAiQuirks, openAiQuirks } from '#domain/dialect/openai/target.ts'
import { markThinking } from '#domain/dialect/provenance.ts'
import { assistant, call, image, result, system, text, user } from './lower.ts'

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

export interface Conversation {
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
export const conversations = fc
  .array(
    shapes.filter((one) => new Set(one.calls.map(({ id }) => id)).size === one.calls.length),
    { maxLength: 5 },
  )
  .map(write)

const flag = fc.constantFrom(undefined, true as const)
export const quirks: fc.Arbitrary<OpenAiQuirks> = fc
  .record({
    systemRole: fc.constantFrom('system', 'developer'),
    systemFirstOnly: flag,
    strictAlternation: flag,
    emptyInsteadOfNull: flag,
    toolIds: fc.constantFrom('any40', 'alnum9'),
    schema: fc.constantFrom('any', 'openai', 'plain', 'gemini'),
    fileParts: flag,
  })
  .map((drawn) => ({
    ...openAiQuirks,
    ...(Object.fromEntries(Object.entries(drawn).filter(([, value]) => value !== undefined)) as Partial<OpenAiQuirks>),
  }))

const scalarSchema: fc.Arbitrary<object> = fc.record(
  {
    type: fc.constantFrom('string', 'integer', 'boolean', ['string', 'null'], ['null', 'number', 'string']),
    description: fc.string({ maxLength: 5 }),
    format: fc.constantFrom('uri', 'date-time', 'email'),
    pattern: fc.constant('^a'),
    default: fc.constantFrom('x', 1, null),
    const: fc.constantFrom('x', 1, true),
    exclusiveMinimum: fc.constant(0),
  },
  { requiredKeys: [] },
)

/** JSON schemas of tools: all the words that MCP servers are known to use, and references to themselves. */
export const schemas: fc.Arbitrary<object> = fc
  .letrec<{ any: object; object: object }>((tie) => ({
    any: fc.oneof(
      { depthSize: 'small' },
      scalarSchema,
      tie('object'),
      fc.constant({ $ref: '#/$defs/node' }),
      fc.record({ type: fc.constant('array'), items: tie('any') }),
      fc.record({ anyOf: fc.array(tie('any'), { minLength: 1, maxLength: 2 }) }),
    ),
    object: fc.record(
      {
        type: fc.constant('object'),
        properties: fc.dictionary(fc.constantFrom('a', 'b', 'format', 'default', '$ref', 'const'), tie('any'), {
          maxKeys: 3,
        }),
        required: fc.subarray(['a', 'b']),
        additionalProperties: fc.constantFrom<boolean | object>(false, true, { type: 'string' }),
        propertyNames: fc.constant({ pattern: '^a' }),
        oneOf: fc.array(tie('any'), { maxLength: 2 }),
        allOf: fc.array(tie('any'), { maxLength: 2 }),
        anyOf: fc.array(tie('any'), { maxLength: 2 }),
        not: fc.constant({ type: 'null' }),
        enum: fc.constant([{}]),
      },
      { requiredKeys: [] },
    ),
  }))
  .object.map((schema) => ({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...schema,
    $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' }, value: { type: 'string' } } } },
  }))

const clientTools = fc.array(
  fc.oneof(
    fc.record(
      { name: names, description: fc.string({ maxLength: 2_000 }), input_schema: schemas, strict: fc.boolean() },
      { requiredKeys: ['name'] },
    ),
    fc.constantFrom(
      { type: 'bash_20250124', name: 'bash' },
      { type: 'web_search_20250305', name: 'web_search' },
      { type: 'custom', name: 'plain' },
    ),
  ),
  { maxLength: 4 },
)

/** Whole requests, with every field that the translation knows and some that it does not. */
export const clientRequests: fc.Arbitrary<{ readonly messages: readonly object[] }> = fc
  .record(
    {
      conversation: conversations,
      system: fc.oneof(fc.string(), fc.constant([text('one'), text('two')])),
      tools: clientTools,
      tool_choice: fc.record(
        { type: fc.constantFrom('auto', 'any', 'none', 'tool'), name: names, disable_parallel_tool_use: fc.boolean() },
        { requiredKeys: ['type'] },
      ),
      max_tokens: fc.integer({ min: 0, max: 128_000 }),
      temperature: fc.double({ min: 0, max: 1, noNaN: true }),
      top_p: fc.double({ min: 0, max: 1, noNaN: true }),
      top_k: fc.nat(100),
      stop_sequences: fc.array(fc.string({ maxLength: 3 }), { maxLength: 6 }),
      stream: fc.boolean(),
      thinking: fc.constantFrom({ type: 'adaptive' }, { type: 'disabled' }, { type: 'enabled', budget_tokens: 9_000 }),
      output_config: fc.record(
        {
          effort: fc.constantFrom('low', 'medium', 'high', 'xhigh', 'max', 'of-next-year'),
          format: schemas.map((schema) => ({ type: 'json_schema', schema })),
        },
        { requiredKeys: [] },
      ),
      metadata: fc.record({ user_id: fc.string({ maxLength: 200 }) }),
      service_tier: fc.constant('auto'),
      context_management: fc.constant({ edits: [] }),
    },
    { requiredKeys: ['conversation', 'max_tokens'] },
  )
  .map(({ conversation, ...rest }) => ({ model: 'claude-x', messages: conversation.messages, ...rest }))
