/**
 * Writes the JSON Schema of OpenAI's chat request, against which every lowered request is tested:
 *   node scripts/openai-schema.ts
 * It is made from the types of the installed `openai` package, closed (the server refuses fields that it does not know), and
 * tightened by the limits that the types do not tell. A test fails while the file is out of date.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createGenerator, type Schema } from 'ts-json-schema-generator'

const TYPE = 'ChatCompletionCreateParams'
const types = import.meta.resolve('openai/resources/chat/completions/completions').replace(/\.m?js$/, '.d.ts')
const file = new URL('../test/fixtures/openai/chat-request.schema.json', import.meta.url)

type Limits = { readonly [definition: string]: { readonly [property: string]: Schema } }

/** Facts: providers 5.1 and 6.1. */
const name: Schema = { type: 'string', pattern: '^[a-zA-Z0-9_-]{1,64}$' }
const id: Schema = { type: 'string', minLength: 1, maxLength: 40 }
const parameters: Schema = {
  required: ['type', 'properties'],
  properties: { type: { const: 'object' }, anyOf: false, oneOf: false, allOf: false, enum: false, not: false },
}
const request: Limits[string] = {
  messages: { minItems: 1 },
  tools: { minItems: 1, maxItems: 128 },
  stop: { maxItems: 4 },
  temperature: { minimum: 0, maximum: 2 },
  safety_identifier: { maxLength: 128 },
}
const LIMITS: Limits = {
  ChatCompletionCreateParamsNonStreaming: request,
  ChatCompletionCreateParamsStreaming: request,
  FunctionDefinition: { name, parameters },
  ChatCompletionMessageFunctionToolCall: { id },
  'ChatCompletionMessageFunctionToolCall.Function': { name },
  'ChatCompletionNamedToolChoice.Function': { name },
  ChatCompletionToolMessageParam: { tool_call_id: id },
  'ResponseFormatJSONSchema.JSONSchema': { name },
}

/** The file's content now. */
export const openAiSchema = (): string => {
  const generator = createGenerator({
    path: fileURLToPath(types),
    type: TYPE,
    expose: 'all',
    jsDoc: 'none',
    skipTypeCheck: true,
    additionalProperties: false,
  })
  const schema = generator.createSchema(TYPE)
  for (const [definition, limits] of Object.entries(LIMITS)) limit(schema, definition, limits)
  return `${JSON.stringify(schema, null, 1)}\n`
}

/** @throws when the package's types have moved: a limit that applies to nothing would test nothing. */
const limit = (schema: Schema, definition: string, limits: Limits[string]): void => {
  const found = schema.definitions?.[definition]
  if (typeof found !== 'object' || found.properties === undefined) throw new Error(`no object ${definition}`)
  for (const [property, more] of Object.entries(limits)) {
    const known = found.properties[property]
    if (known === undefined) throw new Error(`no property ${property} of ${definition}`)
    found.properties[property] = { allOf: [known, more] }
  }
}

if (import.meta.main) {
  writeFileSync(file, openAiSchema())
  console.log(fileURLToPath(file))
}
