/**
 * JSON Schema for servers that resolve no references and refuse some `format`s and patterns (Groq, xAI, DeepSeek): both words
 * are left out, and references are written out. Schemas come from outside, so depth and size are bounded.
 */
import { isObject, type Json } from '#domain/dialect/openai/client-block.ts'
import { resolved } from '#domain/dialect/openai/schema-reference.ts'

/** @param root where the schema's references point into */
export const plainSchema = (schema: Json, root: Json): Json =>
  lower(schema, { root, open: [], depth: 0, budget: { nodes: MOST_NODES } })

/** References can repeat each other's content: enough for any real tool, and little work for a hostile one. */
const MOST_NODES = 5_000
const MOST_DEPTH = 40

interface Place {
  readonly root: Json
  readonly open: readonly string[]
  readonly depth: number
  readonly budget: { nodes: number }
}

const DROPPED = new Set(['$schema', '$id', '$comment', '$defs', 'definitions', 'format', 'pattern', 'propertyNames'])
const ONE = new Set(['items', 'additionalProperties', 'not'])
const LISTS = new Set(['anyOf', 'oneOf', 'allOf', 'prefixItems'])

const lower = (schema: Json, place: Place): Json => {
  place.budget.nodes--
  if (place.depth > MOST_DEPTH || place.budget.nodes < 0) return {}
  const own = resolved(place.root, schema, place.open)
  if (own === undefined) return { type: 'object' }
  const inside = { ...place, open: own.open, depth: place.depth + 1 }
  const any = (value: unknown): unknown => (isObject(value) ? lower(value, inside) : value)
  return Object.fromEntries(
    Object.entries(own.schema).flatMap(([word, value]): readonly (readonly [string, unknown])[] => {
      if (DROPPED.has(word)) return []
      if (word === 'properties' && isObject(value)) {
        return [[word, Object.fromEntries(Object.entries(value).map(([name, one]) => [name, any(one)]))]]
      }
      if (ONE.has(word)) return [[word, any(value)]]
      return [[word, LISTS.has(word) && Array.isArray(value) ? value.map(any) : value]]
    }),
  )
}
