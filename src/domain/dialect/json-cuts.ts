/**
 * Where the values of a JSON text lie, and cuts at those places that leave every other byte alone: re-serialising a request
 * would change bytes that the provider's signatures and caches depend on. Works on text with one character per byte
 * (`latin1`), so that positions are byte offsets. The text must be valid JSON; of what is none, places end where it stops to be.
 */
import { concatBytes } from '#domain/concat-bytes.ts'

export interface Place {
  readonly start: number
  /** Just after the value. */
  readonly end: number
}

/** From the quote of its name to the end of its value. */
export interface Member extends Place {
  /** Unescaped; other characters than ASCII are not decoded. */
  readonly name: string
  /** Just after the closing quote of the name. */
  readonly nameEnd: number
  readonly value: Place
}

/** Replaces what lies there. */
export interface Edit extends Place {
  readonly text: string
}

/** One character per byte; the structure of JSON is ASCII, so nothing else matters. */
export const latin1 = (bytes: Uint8Array): string => oneToOne.decode(bytes)
const oneToOne = new TextDecoder('latin1')
const utf8 = new TextEncoder()

/** Where the value of the text begins: after white space and a byte order mark. */
export const rootAt = (text: string): number =>
  skipSpace(text, text.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0)

const BYTE_ORDER_MARK = '\u00ef\u00bb\u00bf'

/** The members of the object at `at` in order, repeated names included; none when there is no object. */
export const membersAt = (text: string, at: number): readonly Member[] => {
  const members: Member[] = []
  let next = skipSpace(text, at)
  if (text[next] !== '{') return members
  next = skipSpace(text, next + 1)
  while (text[next] === '"') {
    const start = next
    const nameEnd = skipString(text, start)
    const valueStart = skipSpace(text, skipSpace(text, nameEnd) + 1)
    const end = skipValue(text, valueStart)
    members.push({ name: unquote(text.slice(start, nameEnd)), start, nameEnd, end, value: { start: valueStart, end } })
    next = skipSpace(text, end)
    if (text[next] === ',') next = skipSpace(text, next + 1)
  }
  return members
}

/** Most names have no escapes, and parsing each would take most of the time. */
const unquote = (quoted: string): string => {
  if (!quoted.includes('\\')) return quoted.slice(1, -1)
  try {
    return JSON.parse(quoted)
  } catch {
    // An escape that JSON does not have: no member that anybody looks for.
    return quoted.slice(1, -1)
  }
}

/** The value of a member of the object at `at` (white space before it is skipped); of a repeated name the last one counts. */
export const memberAt = (text: string, at: number, name: string): Place | undefined =>
  membersAt(text, at).findLast((member) => member.name === name)?.value

/** The items of the array at `at`; none when there is no array. */
export const itemsAt = (text: string, at: number): readonly Place[] => {
  const places: Place[] = []
  let next = skipSpace(text, at)
  if (text[next] !== '[') return places
  next = skipSpace(text, next + 1)
  while (next < text.length && text[next] !== ']') {
    const end = skipValue(text, next)
    places.push({ start: next, end })
    next = skipSpace(text, end)
    if (text[next] !== ',') break
    next = skipSpace(text, next + 1)
  }
  return places
}

/** Every string between two places, names included, at any depth. */
export const stringsIn = (text: string, { start, end }: Place): readonly Place[] => {
  const places: Place[] = []
  for (let next = text.indexOf('"', start); next !== -1 && next < end; ) {
    const after = skipString(text, next)
    places.push({ start: next, end: after })
    next = text.indexOf('"', after)
  }
  return places
}

/** Edits that take items out of their array, or members out of their object, each with one comma. */
export const removals = (items: readonly Place[], gone: ReadonlySet<number>): readonly Edit[] => {
  const edits: Edit[] = []
  let isKept = false
  items.forEach((item, index) => {
    if (!gone.has(index)) {
      isKept = true
      return
    }
    const before = items[index - 1]
    const after = items[index + 1]
    const start = isKept && before !== undefined ? before.end : item.start
    const end = !isKept && after !== undefined ? after.start : item.end
    edits.push({ start, end, text: '' })
  })
  return edits
}

/** @param edits in any order; one that lies inside another is part of it. */
export const editBytes = (bytes: Uint8Array, edits: readonly Edit[]): Uint8Array => {
  const pieces: Uint8Array[] = []
  let from = 0
  for (const edit of edits.toSorted(inOrder)) {
    if (edit.start < from) continue
    pieces.push(bytes.subarray(from, edit.start), utf8.encode(edit.text))
    from = edit.end
  }
  pieces.push(bytes.subarray(from))
  return concatBytes(pieces)
}

/** An insertion comes before what is cut at its place, an outer cut before those inside it. */
const inOrder = (a: Edit, b: Edit): number =>
  a.start - b.start || Number(b.start === b.end) - Number(a.start === a.end) || b.end - a.end

const skipSpace = (text: string, at: number): number => {
  let next = at
  while (text[next] === ' ' || text[next] === '\n' || text[next] === '\r' || text[next] === '\t') next++
  return next
}

/** Just after the string that opens at `at`. */
const skipString = (text: string, at: number): number => {
  let from = at + 1
  for (;;) {
    const close = text.indexOf('"', from)
    if (close === -1) return text.length
    let slashes = 0
    while (text[close - 1 - slashes] === '\\') slashes++
    if (slashes % 2 === 0) return close + 1
    from = close + 1
  }
}

/** Just after the value that begins at `at`. Not recursive: the depth is the client's to choose. */
const skipValue = (text: string, at: number): number => {
  let depth = 0
  let next = at
  while (next < text.length) {
    const char = text[next]
    if (char === '"') next = skipString(text, next)
    else if (char === '{' || char === '[') {
      depth++
      next++
      continue
    } else if (char === '}' || char === ']') {
      if (depth === 0) return next
      depth--
      next++
    } else if (depth === 0) {
      while (next < text.length && !ENDS.has(text[next] as string)) next++
      return next
    } else {
      next++
      continue
    }
    if (depth === 0) return next
  }
  return next
}

/** What ends a number, true, false or null. */
const ENDS = new Set([',', '}', ']', ' ', '\n', '\r', '\t'])
