/**
 * Edits of a JSON text that leave every other byte alone. Re-serialising a request would change bytes that the provider's
 * signatures and caches depend on, so the few values an upstream needs changed are cut in place.
 */
import { concatBytes } from '#domain/concat-bytes.ts'

const QUOTE = 34
const BACKSLASH = 92
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125
const OPEN_ARRAY = 91
const CLOSE_ARRAY = 93
const COLON = 58
const COMMA = 44
const encoder = new TextEncoder()
const decoder = new TextDecoder()

const isSpace = (byte: number | undefined): boolean => byte === 32 || byte === 10 || byte === 13 || byte === 9

/** Index just after the string that opens at `at`. */
const skipString = (text: Uint8Array, at: number): number => {
  let from = at + 1
  for (;;) {
    const close = text.indexOf(QUOTE, from)
    if (close === -1) return text.length
    let slashes = 0
    while (text[close - 1 - slashes] === BACKSLASH) slashes++
    if (slashes % 2 === 0) return close + 1
    from = close + 1
  }
}

/** Byte ranges of the values of a top-level member, in order (a JSON object may repeat a name; the last one counts). */
const memberValues = (text: Uint8Array, name: string): readonly (readonly [start: number, end: number])[] => {
  const found: [number, number][] = []
  let depth = 0
  let at = 0
  let expectName = false
  let member: string | undefined
  let valueStart = -1
  const close = (end: number): void => {
    if (member === name && valueStart !== -1) {
      let last = end
      while (isSpace(text[last - 1])) last--
      found.push([valueStart, last])
    }
    member = undefined
    valueStart = -1
  }
  while (at < text.length) {
    const byte = text[at]
    if (byte === QUOTE) {
      const end = skipString(text, at)
      if (depth === 1 && expectName) {
        // Names are compared after unescaping, so that an escaped spelling of the name is found too.
        try {
          member = JSON.parse(decoder.decode(text.subarray(at, end))) as string
        } catch {
          return []
        }
        expectName = false
      } else if (depth === 1 && member !== undefined && valueStart === -1) valueStart = at
      at = end
      continue
    }
    if (byte === COMMA && depth === 1) {
      close(at)
      expectName = true
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (depth === 1 && member !== undefined && valueStart === -1) valueStart = at
      depth++
      if (depth === 1) expectName = byte === OPEN_OBJECT
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      if (depth === 1) close(at)
      depth--
    } else if (depth === 1 && member !== undefined && valueStart === -1 && byte !== COLON && !isSpace(byte)) {
      valueStart = at
    }
    at++
  }
  return found
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, index) => byte === b[index])

/**
 * Replaces the string value of a top-level member. `text` must be valid JSON.
 * @returns the same array when the member is absent or already has the value.
 */
export const setTopLevelString = (text: Uint8Array, name: string, value: string): Uint8Array => {
  const replacement = encoder.encode(JSON.stringify(value))
  const ranges = memberValues(text, name).filter(([start, end]) => !sameBytes(text.subarray(start, end), replacement))
  if (ranges.length === 0) return text
  const pieces: Uint8Array[] = []
  let from = 0
  for (const [start, end] of ranges) {
    pieces.push(text.subarray(from, start), replacement)
    from = end
  }
  pieces.push(text.subarray(from))
  return concatBytes(pieces)
}
