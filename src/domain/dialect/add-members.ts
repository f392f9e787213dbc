/**
 * Adds top-level members to a JSON body, in the raw text. A member that the body has already stays as it is: the client's
 * word counts.
 */
import { editBytes, latin1, membersAt, rootAt } from '#domain/dialect/json-cuts.ts'

/** @param body valid JSON, an object. */
export const addMembers = (body: Uint8Array, members: { readonly [name: string]: unknown }): Uint8Array => {
  const text = latin1(body)
  const root = rootAt(text)
  const present = new Set(membersAt(text, root).map(({ name }) => name))
  const added = Object.entries(members).filter(([name]) => !present.has(name))
  if (added.length === 0) return body
  const inside = added.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')
  return editBytes(body, [{ start: root + 1, end: root + 1, text: present.size === 0 ? inside : `${inside},` }])
}
