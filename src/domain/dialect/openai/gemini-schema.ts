/**
 * Gemini takes the OpenAPI subset of JSON Schema: no references, no `type` lists, no constants, few formats. Schemas come
 * from outside, so their depth and their size after references are resolved are bounded.
 */
import { isObject, type Json } from '#domain/dialect/openai/client-block.ts'
import { type Resolved, resolved } from '#domain/dialect/openai/schema-reference.ts'

/** @param root where the schema's references point into */
export const geminiSchema = (schema: Json, root: Json): Json => {
  const budget = { nodes: MOST_NODES }
  return lower(schema, { root, open: [], budget })
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

/** Google's `Schema` message; any other word is refused as an unknown name. */
const KNOWN = new Set([
  'anyOf',
  'description',
  'enum',
  'format',
  'items',
  'maximum',
  'maxItems',
  'maxLength',
  'maxProperties',
  'minimum',
  'minItems',
  'minLength',
  'minProperties',
  'nullable',
  'pattern',
  'properties',
  'required',
  'title',
  'type',
])
const FORMATS = new Set<unknown>(['enum', 'date-time'])

const lower = (schema: Json, place: Place): Json => {
  const depth = (place.depth ?? 0) + 1
  place.budget.nodes--
  if (depth > MOST_DEPTH || place.budget.nodes < 0) return {}
  const own = resolved(place.root, schema, place.open)
  if (own === undefined) return { type: 'object' }
  const merged = withoutBranches(own, place.root)
  const inside = { ...place, depth, open: merged.open }
  return complete(
    Object.fromEntries(Object.entries(merged.schema).flatMap(([word, value]) => member(word, value, inside))),
  )
}

/** One of several is any of several, and what all of several ask for is asked for together. */
const withoutBranches = ({ schema, open }: Resolved, root: Json): Resolved => {
  const { allOf, anyOf, oneOf, ...rest } = schema
  const branches = listed(allOf)
    .filter(isObject)
    .flatMap((branch) => resolved(root, branch, open) ?? [])
  const all = [...branches.map((branch) => branch.schema), rest]
  const any = [...listed(anyOf), ...listed(oneOf)]
  const properties = all.flatMap((one) => (isObject(one.properties) ? Object.entries(one.properties) : []))
  const required = all.flatMap((one) => listed(one.required))
  return {
    schema: {
      ...Object.assign({}, ...all),
      ...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties) }),
      ...(required.length === 0 ? {} : { required: [...new Set(required)] }),
      ...(any.length === 0 ? {} : { anyOf: any }),
    },
    open: [...open, ...branches.flatMap((branch) => branch.open)],
  }
}

const listed = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** Google looks up each required name among the properties, and wants items for every array. */
const complete = (schema: Json): Json => {
  const { required, ...rest } = schema
  const properties = isObject(schema.properties) ? schema.properties : {}
  const known = listed(required).filter((name) => typeof name === 'string' && Object.hasOwn(properties, name))
  return {
    ...rest,
    ...(known.length === 0 ? {} : { required: known }),
    ...(schema.type === 'array' && schema.items === undefined ? { items: {} } : {}),
  }
}

const member = (word: string, value: unknown, place: Place): readonly (readonly [string, unknown])[] => {
  if (word === 'const') return enumMembers([value])
  if (!KNOWN.has(word)) return []
  switch (word) {
    case 'format':
      return FORMATS.has(value) ? [[word, value]] : []
    case 'enum':
      return enumMembers(listed(value))
    case 'type':
      return Array.isArray(value) ? typeMembers(value) : [[word, value]]
    case 'properties':
      return isObject(value)
        ? [[word, Object.fromEntries(Object.entries(value).map(([name, one]) => [name, lowerAny(one, place)]))]]
        : []
    case 'items':
      return [[word, lowerAny(value, place)]]
    case 'anyOf':
      return [[word, listed(value).map((one) => lowerAny(one, place))]]
    default:
      return [[word, value]]
  }
}

/** Enumerations are of strings only, and none of them is empty. */
const enumMembers = (values: readonly unknown[]): readonly (readonly [string, unknown])[] =>
  values.length > 0 && values.every((value) => typeof value === 'string' && value !== '') ? [['enum', values]] : []

const lowerAny = (value: unknown, place: Place): unknown => (isObject(value) ? lower(value, place) : {})

/** Of several types the first is kept: there is no word for "one of these". */
const typeMembers = (types: readonly unknown[]): readonly (readonly [string, unknown])[] => {
  const [first] = types.filter((type) => type !== 'null')
  return [
    ...(first === undefined ? [] : [['type', first] as const]),
    ...(types.includes('null') ? [['nullable', true] as const] : []),
  ]
}
