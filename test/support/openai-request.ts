/**
 * Rules for a chat request, written from documentation and not from our code: what all the servers together take as a strict
 * schema, the pairing of calls and answers, and what OpenAI's own server takes, as its package's types say.
 */
import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { Schema } from 'effect'
import type { OpenAiQuirks } from '#domain/dialect/openai/target.ts'

const Id = Schema.String.check(Schema.isPattern(/^[a-zA-Z0-9_-]{1,40}$/))
const Name = Schema.String.check(Schema.isPattern(/^[a-zA-Z0-9_-]{1,64}$/))
const Text = Schema.String.check(Schema.isMinLength(1))
const JsonObject = Schema.Record(Schema.String, Schema.Unknown)

const TextPart = Schema.Struct({ type: Schema.Literal('text'), text: Text })
const ImagePart = Schema.Struct({
  type: Schema.Literal('image_url'),
  image_url: Schema.Struct({ url: Schema.String.check(Schema.isPattern(/^(https?:|data:image\/[a-z+]+;base64,)/)) }),
})
const FilePart = Schema.Struct({
  type: Schema.Literal('file'),
  file: Schema.Struct({ filename: Text, file_data: Schema.String.check(Schema.isPattern(/^data:[^;]+;base64,/)) }),
})

const ToolCall = Schema.Struct({
  id: Id,
  type: Schema.Literal('function'),
  function: Schema.Struct({ name: Name, arguments: Text }),
  // Gemini's only.
  extra_content: Schema.optionalKey(Schema.Struct({ google: Schema.Struct({ thought_signature: Text }) })),
})

const Message = Schema.Union([
  Schema.Struct({ role: Schema.Literals(['system', 'developer']), content: Text }),
  Schema.Struct({
    role: Schema.Literal('user'),
    content: Schema.Union([Text, Schema.NonEmptyArray(Schema.Union([TextPart, ImagePart, FilePart]))]),
  }),
  Schema.Struct({
    role: Schema.Literal('assistant'),
    content: Schema.NullOr(Schema.String),
    reasoning_content: Schema.optionalKey(Text),
    tool_calls: Schema.optionalKey(Schema.NonEmptyArray(ToolCall)),
  }),
  Schema.Struct({ role: Schema.Literal('tool'), tool_call_id: Id, content: Text }),
])

const Tool = Schema.Struct({
  type: Schema.Literal('function'),
  function: Schema.Struct({
    name: Name,
    description: Schema.optionalKey(Text),
    parameters: Schema.StructWithRest(Schema.Struct({ type: Schema.Literal('object'), properties: JsonObject }), [
      JsonObject,
    ]),
    strict: Schema.optionalKey(Schema.Literal(true)),
  }),
})

const PositiveInt = Schema.Int.check(Schema.isGreaterThan(0))
const Effort = Schema.Literals(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'])

export const ChatRequest = Schema.Struct({
  model: Text,
  messages: Schema.NonEmptyArray(Message),
  tools: Schema.optionalKey(Schema.NonEmptyArray(Tool)),
  tool_choice: Schema.optionalKey(
    Schema.Union([
      Schema.Literals(['none', 'auto', 'required']),
      Schema.Struct({ type: Schema.Literal('function'), function: Schema.Struct({ name: Name }) }),
    ]),
  ),
  parallel_tool_calls: Schema.optionalKey(Schema.Boolean),
  max_tokens: Schema.optionalKey(PositiveInt),
  max_completion_tokens: Schema.optionalKey(PositiveInt),
  temperature: Schema.optionalKey(Schema.Finite),
  top_p: Schema.optionalKey(Schema.Finite),
  top_k: Schema.optionalKey(Schema.Int),
  stop: Schema.optionalKey(Schema.NonEmptyArray(Text).check(Schema.isMaxLength(4))),
  reasoning_effort: Schema.optionalKey(Effort),
  reasoning: Schema.optionalKey(
    Schema.Struct({ effort: Schema.optionalKey(Effort), enabled: Schema.optionalKey(Schema.Boolean) }),
  ),
  thinking: Schema.optionalKey(Schema.Struct({ type: Schema.Literals(['enabled', 'disabled']) })),
  chat_template_kwargs: Schema.optionalKey(Schema.Struct({ enable_thinking: Schema.Boolean })),
  response_format: Schema.optionalKey(
    Schema.Union([
      Schema.Struct({ type: Schema.Literal('json_object') }),
      Schema.Struct({
        type: Schema.Literal('json_schema'),
        json_schema: Schema.Struct({ name: Name, schema: JsonObject, strict: Schema.Boolean }),
      }),
    ]),
  ),
  user: Schema.optionalKey(Text.check(Schema.isMaxLength(128))),
  safety_identifier: Schema.optionalKey(Text.check(Schema.isMaxLength(128))),
  stream: Schema.Boolean,
  stream_options: Schema.optionalKey(Schema.Struct({ include_usage: Schema.Boolean })),
})
export type ChatRequest = typeof ChatRequest.Type

/** Decodes the JSON that would go over the wire; throws with the path of whatever OpenAI would refuse. */
export const decodeChatRequest = (body: unknown): ChatRequest => {
  const request = Schema.decodeUnknownSync(ChatRequest)(JSON.parse(JSON.stringify(body)), { onExcessProperty: 'error' })
  const wrong = violations(request)
  if (wrong.length > 0) throw new Error(wrong.join('\n'))
  return request
}

/** What no schema says: the order of calls and answers, and what goes together. */
const violations = (request: ChatRequest): readonly string[] => {
  const wrong: string[] = []
  let open = new Set<string>()
  request.messages.forEach((message, index) => {
    if (message.role === 'tool') {
      if (!open.delete(message.tool_call_id)) wrong.push(`messages.${index}: an answer to no open call`)
      return
    }
    if (open.size > 0) wrong.push(`messages.${index}: before it, calls are unanswered: ${[...open].join(', ')}`)
    open = new Set()
    if (message.role !== 'assistant') return
    const ids = message.tool_calls?.map((call) => call.id) ?? []
    open = new Set(ids)
    if (open.size < ids.length) wrong.push(`messages.${index}: two calls with one id`)
    if (ids.length === 0 && (message.content ?? '') === '') wrong.push(`messages.${index}: says nothing`)
    for (const call of message.tool_calls ?? []) {
      const input: unknown = JSON.parse(call.function.arguments)
      if (typeof input !== 'object' || input === null) wrong.push(`messages.${index}: arguments are no object`)
    }
  })
  if (open.size > 0) wrong.push('the last calls are unanswered')
  const names = request.tools?.map((tool) => tool.function.name) ?? []
  if (new Set(names).size < names.length) wrong.push('tools: two with one name')
  if (names.length === 0 && request.tool_choice !== undefined) wrong.push('tool_choice: without tools')
  if (names.length === 0 && request.parallel_tool_calls !== undefined) wrong.push('parallel_tool_calls: without tools')
  if (!request.stream && request.stream_options !== undefined) wrong.push('stream_options: without stream')
  const choice = request.tool_choice
  if (typeof choice === 'object' && !names.includes(choice.function.name)) wrong.push('tool_choice: unknown name')
  return wrong
}

/** OpenAI's own models that reason. */
export const openAiServer: OpenAiQuirks = {
  maxTokensField: 'max_completion_tokens',
  systemRole: 'developer',
  fileParts: true,
  toolIds: 'any40',
  maxTools: 128,
  maxDescription: 1_024,
  schema: 'openai',
  noSampling: true,
  reasoning: 'reasoning_effort',
  efforts: ['none', 'low', 'medium', 'high', 'xhigh'],
  userField: 'safety_identifier',
}

const SCHEMA = new URL('../fixtures/openai/chat-request.schema.json', import.meta.url)
const validate = new Ajv({ strict: false, allErrors: true, allowUnionTypes: true }).compile(
  JSON.parse(readFileSync(SCHEMA, 'utf8')) as object,
)

/** What OpenAI's server would refuse in the JSON that would go over the wire; empty when it takes it. */
export const openAiRefusals = (body: unknown): readonly string[] =>
  validate(JSON.parse(JSON.stringify(body)))
    ? []
    : (validate.errors ?? []).map((error) => `${error.instancePath}: ${error.message} ${JSON.stringify(error.params)}`)
