/**
 * JSON of a request body in steps: a conversation of megabytes takes tens of milliseconds to write, in which no stream would
 * move. So its messages are written a few at a time.
 */
import { concatBytes } from '#domain/concat-bytes.ts'

type Json = { readonly [key: string]: unknown }

const encoder = new TextEncoder()

/** Written between two pauses: about a millisecond's work. */
const CHARACTERS_PER_STEP = 256 * 1024

/** The UTF-8 of `JSON.stringify(body)`, the members in their order. */
export const encodeJson = function* (body: Json): Generator<undefined, Uint8Array> {
  // Encoded in the same steps as written: the bytes of all of it at once take as long as ten of them.
  const encoded: Uint8Array[] = []
  let parts: string[] = []
  let since = 0
  const add = function* (text: string): Generator<undefined, void> {
    parts.push(text)
    since += text.length
    if (since < CHARACTERS_PER_STEP) return
    encoded.push(encoder.encode(parts.join('')))
    parts = []
    since = 0
    yield
  }
  let isFirst = true
  for (const [name, value] of Object.entries(body)) {
    if (value === undefined) continue
    const lead = `${isFirst ? '{' : ','}${JSON.stringify(name)}:`
    isFirst = false
    if (!Array.isArray(value)) {
      yield* add(lead + JSON.stringify(value))
      continue
    }
    yield* add(`${lead}[`)
    for (const [index, item] of value.entries()) yield* add((index === 0 ? '' : ',') + JSON.stringify(item))
    yield* add(']')
  }
  encoded.push(encoder.encode(`${parts.join('')}${isFirst ? '{}' : '}'}`))
  return concatBytes(encoded)
}
