/**
 * JSON schemas of tools, cut to what a server takes. What is cut only ever loosens the schema: the client checks the input
 * again. The top level is always an object with properties, which every server asks for, never a reference to one.
 */
import { isObject, type Json } from '#domain/dialect/openai/client-block.ts'
import { geminiSchema } from '#domain/dialect/openai/gemini-schema.ts'
import { plainSchema } from '#domain/dialect/openai/plain-schema.ts'
import { resolved } from '#domain/dialect/openai/schema-reference.ts'
import type { OpenAiQuirks } from '#domain/dialect/openai/target.ts'

export const lowerSchema = (schema: unknown, kind: OpenAiQuirks['schema']): Json => {
  const asked = isObject(schema) ? schema : {}
  const { $ref: _, ...unreferred } = asked
  const given = resolved(asked, asked)?.schema ?? unreferred
  switch (kind) {
    case 'any':
      return asObject(given)
    case 'openai':
      return asObject(flattened(given, asked))
    case 'plain':
      return asObject(plainSchema(flattened(given, asked), asked))
    case 'gemini':
      return asObject(geminiSchema(flattened(given, asked), asked))
  }
}

/** OpenAI's rules for `strict`: every object closed, every property required. */
export const fitsStrict = (schema: unknown): boolean => {
  if (Array.isArray(schema)) return schema.every(fitsStrict)
  if (!isObject(schema)) return true
  if (isObject(schema.properties)) {
    const required: readonly unknown[] = Array.isArray(schema.required) ? schema.required : []
    const isClosed = schema.additionalProperties === false
    if (!isClosed || !Object.keys(schema.properties).every((name) => required.includes(name))) return false
    if (!Object.values(schema.properties).every(fitsStrict)) return false
  } else if (schema.type === 'object') return false
  return ['items', 'anyOf', '$defs', 'definitions'].every((name) => {
    const inner = schema[name]
    return name.startsWith('$') || name === 'definitions'
      ? !isObject(inner) || Object.values(inner).every(fitsStrict)
      : fitsStrict(inner)
  })
}

const asObject = (schema: Json): Json => ({
  ...schema,
  type: 'object',
  properties: isObject(schema.properties) ? schema.properties : {},
})

const BRANCHES = ['allOf', 'anyOf', 'oneOf'] as const

/** OpenAI refuses these words at the top level: the properties of the branches are offered together instead. */
const flattened = (schema: Json, root: Json): Json => {
  const { allOf: _all, anyOf: _any, oneOf: _one, enum: _enum, not: _not, ...rest } = schema
  const listed = (word: string): readonly Json[] => {
    const branches: readonly unknown[] = Array.isArray(schema[word]) ? schema[word] : []
    return branches
      .filter(isObject)
      .map((branch) => resolved(root, branch)?.schema)
      .filter((branch) => branch !== undefined)
  }
  const branches = BRANCHES.flatMap(listed)
  if (branches.length === 0) return rest
  const properties = [...branches, schema].flatMap((one) =>
    isObject(one.properties) ? Object.entries(one.properties) : [],
  )
  // Only what all branches of an allOf ask for is asked for still.
  const required = [
    ...new Set([schema, ...listed('allOf')].flatMap((one) => (Array.isArray(one.required) ? one.required : []))),
  ]
  return {
    ...rest,
    properties: Object.fromEntries(properties),
    ...(required.length === 0 ? {} : { required }),
  }
}
