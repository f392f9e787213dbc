/**
 * JSON of a request body in steps: a conversation of megabytes takes tens of milliseconds to write, in which no stream would
 * move. So its messages are written a few at a time.
 */
type Json = { readonly [key: string]: unknown }

const encoder = new TextEncoder()

/** Written between two pauses: about two milliseconds' work. */
const CHARACTERS_PER_STEP = 256 * 1024

/** The UTF-8 of `JSON.stringify(body)`, the members in their order. */
export const encodeJson = function* (body: Json): Generator<undefined, Uint8Array> {
  const parts: string[] = []
  let since = 0
  const add = function* (text: string): Generator<undefined, void> {
    parts.push(text)
    since += text.length
    if (since < CHARACTERS_PER_STEP) return
    since = 0
    yield
  }
  for (const [name, value] of Object.entries(body)) {
    if (value === undefined) continue
    const lead = `${parts.length === 0 ? '{' : ','}${JSON.stringify(name)}:`
    if (!Array.isArray(value)) {
      yield* add(lead + JSON.stringify(value))
      continue
    }
    yield* add(`${lead}[`)
    for (const [index, item] of value.entries()) yield* add((index === 0 ? '' : ',') + JSON.stringify(item))
    yield* add(']')
  }
  return encoder.encode(parts.length === 0 ? '{}' : `${parts.join('')}}`)
}
