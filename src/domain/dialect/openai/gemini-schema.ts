/**
 * Gemini takes the OpenAPI subset of JSON Schema: no references, no `type` lists, no constants, few formats. Schemas come
 * from outside, so their depth and their size after references are resolved are bounded.
 */
import { isObject, type Json } from '#domain/dialect/openai/client-block.ts'

export const geminiSchema = (schema: Json): Json => {
  const budget = { nodes: MOST_NODES }
  return lower(schema, { root: schema, open: [], budget })
}

/** References can repeat each other's content: enough for any real tool, and little work for a hostile one. */
const MOST_NODES = 5_000
const MOST_DEPTH = 40

interface Place {
  readonly root: Json
  /** References being resolved, outermost first: one that occurs again is a cycle. */
  readonly open: readonly string[]
  readonly budget: { nodes: number }
  readonly depth?: number
}

const DROPPED = new Set([
  '$schema',
  '$id',
  '$defs',
  '$comment',
  'definitions',
  'additionalProperties',
  'unevaluatedProperties',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'propertyNames',
  'patternProperties',
  'default',
])
const FORMATS = new Set<unknown>(['enum', 'date-time'])

const lower = (schema: Json, place: Place): Json => {
  const depth = (place.depth ?? 0) + 1
  place.budget.nodes--
  if (depth > MOST_DEPTH || place.budget.nodes < 0) return {}
  if (typeof schema.$ref === 'string') {
    const target = place.open.includes(schema.$ref) ? undefined : resolve(place.root, schema.$ref)
    if (target === undefined) return { type: 'object' }
    const { $ref: reference, ...beside } = schema
    return lower({ ...target, ...beside }, { ...place, depth, open: [...place.open, reference as string] })
  }
  const inside = { ...place, depth }
  return Object.fromEntries(Object.entries(schema).flatMap(([word, value]) => member(word, value, inside)))
}

const member = (word: string, value: unknown, place: Place): readonly (readonly [string, unknown])[] => {
  if (DROPPED.has(word)) return []
  if (word === 'format') return FORMATS.has(value) ? [[word, value]] : []
  // Enumerations are of strings only.
  if (word === 'const') return typeof value === 'string' ? [['enum', [value]]] : []
  if (word === 'type' && Array.isArray(value)) return typeMembers(value)
  if (word === 'properties' && isObject(value)) {
    return [[word, Object.fromEntries(Object.entries(value).map(([name, one]) => [name, lowerAny(one, place)]))]]
  }
  if (word === 'items' || word === 'not') return [[word, lowerAny(value, place)]]
  if ((word === 'anyOf' || word === 'oneOf' || word === 'allOf') && Array.isArray(value)) {
    return [[word, value.map((one) => lowerAny(one, place))]]
  }
  return [[word, value]]
}

const lowerAny = (value: unknown, place: Place): unknown => (isObject(value) ? lower(value, place) : {})

/** Of several types the first is kept: there is no word for "one of these". */
const typeMembers = (types: readonly unknown[]): readonly (readonly [string, unknown])[] => {
  const [first] = types.filter((type) => type !== 'null')
  return [
    ...(first === undefined ? [] : [['type', first] as const]),
    ...(types.includes('null') ? [['nullable', true] as const] : []),
  ]
}

/** Only references inside the schema itself. */
const resolve = (root: Json, reference: string): Json | undefined => {
  if (!reference.startsWith('#/')) return undefined
  let at: unknown = root
  for (const step of reference.slice(2).split('/')) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    at = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined
  }
  return isObject(at) ? at : undefined
}
