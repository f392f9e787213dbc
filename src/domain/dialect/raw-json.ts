/**
 * Members of a request's own object, set in the raw text.
 */
import { editBytes, latin1, membersAt, rootAt } from '#domain/dialect/json-cuts.ts'

/**
 * Replaces the string value of a top-level member, wherever its name is repeated. `text` must be valid JSON.
 * @returns the same array when the member is absent or already has the value.
 */
export const setTopLevelString = (text: Uint8Array, name: string, value: string): Uint8Array => {
  const source = latin1(text)
  const replacement = JSON.stringify(value)
  const quoted = latin1(new TextEncoder().encode(replacement))
  const edits = membersAt(source, rootAt(source))
    .filter((member) => member.name === name && source.slice(member.value.start, member.value.end) !== quoted)
    .map((member) => ({ ...member.value, text: replacement }))
  return edits.length === 0 ? text : editBytes(text, edits)
}
