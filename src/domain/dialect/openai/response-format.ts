/** `output_config.format` (and its older spelling `output_format`) → `response_format`. */
import { isObject, type Json } from '#domain/dialect/openai/client-block.ts'
import { fitsStrict, lowerSchema } from '#domain/dialect/openai/schema.ts'
import type { OpenAiQuirks } from '#domain/dialect/openai/target.ts'

export interface ResponseFormat {
  readonly fields: Json
  /** System text for servers that know JSON but no schemas. */
  readonly instructions: readonly string[]
}

export const responseFormat = (body: Json, quirks: OpenAiQuirks): ResponseFormat => {
  const format =
    isObject(body.output_config) && body.output_config.format != null ? body.output_config.format : body.output_format
  if (!isObject(format) || format.type !== 'json_schema') return { fields: {}, instructions: [] }
  const schema = lowerSchema(format.schema, quirks.schema)
  if (quirks.jsonObjectOnly === true || quirks.noResponseFormat === true) {
    return {
      fields: quirks.noResponseFormat === true ? {} : { response_format: { type: 'json_object' } },
      instructions: [`Answer with one JSON object that fits this JSON Schema:\n${JSON.stringify(schema)}`],
    }
  }
  // `strict` with a schema that breaks its rules is refused.
  const strict = fitsStrict(schema)
  return {
    fields: { response_format: { type: 'json_schema', json_schema: { name: 'output', schema, strict } } },
    instructions: [],
  }
}
