/** `$ref` inside one JSON Schema: generators put whole tools behind one (zod with a name, pydantic in `allOf`). */
import { isObject, type Json } from '#domain/dialect/openai/client-block.ts'

export interface Resolved {
  /** What the reference stands for, with what was said beside it; without a `$ref` the schema itself. */
  readonly schema: Json
  /** The references followed, in addition to those that were open. */
  readonly open: readonly string[]
}

/**
 * @param open references being resolved, outermost first: one that occurs again is a cycle
 * @returns undefined for a cycle, and for a reference to somewhere outside the schema or to nothing
 */
export const resolved = (root: Json, schema: Json, open: readonly string[] = []): Resolved | undefined => {
  const { $ref: reference, ...beside } = schema
  if (typeof reference !== 'string') return { schema, open }
  const target = open.includes(reference) ? undefined : find(root, reference)
  return target === undefined ? undefined : resolved(root, { ...target, ...beside }, [...open, reference])
}

const find = (root: Json, reference: string): Json | undefined => {
  if (reference !== '#' && !reference.startsWith('#/')) return undefined
  let at: unknown = root
  for (const step of reference.slice(2).split('/')) {
    if (step === '') continue
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    at = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined
  }
  return isObject(at) ? at : undefined
}
