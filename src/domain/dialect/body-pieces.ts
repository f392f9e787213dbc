/**
 * A request body cut where the next turn of its conversation repeats it: around every system block, tool and message, and
 * inside system blocks and messages around every long text. The client marks the last message for the cache, which turns its
 * content from a text into a list of blocks; one turn later it is a text again (wire.md 4). The long texts stay the same.
 */
import { itemsAt, latin1, membersAt, type Place, rootAt, stringsIn } from '#domain/dialect/json-cuts.ts'

/** A shorter text costs more as a piece of its own than when it is kept twice. */
const LONG_BYTES = 256
/** Of an honest body far fewer; one that is made of crumbs is kept whole. */
const MOST_PIECES = 20_000

/** The pieces in order; joined they are the body, whatever it is. Views, not copies. */
export const piecesOf = (body: Uint8Array): readonly Uint8Array[] => {
  const cuts = cutsOf(latin1(body)).toSorted((a, b) => a - b)
  const pieces: Uint8Array[] = []
  let from = 0
  for (const cut of [...cuts, body.length]) {
    if (cut <= from) continue
    pieces.push(body.subarray(from, cut))
    from = cut
    if (pieces.length > MOST_PIECES) return [body]
  }
  return pieces
}

const LISTS = new Set(['system', 'tools', 'messages'])

/** Byte offsets, in no order. */
const cutsOf = (text: string): readonly number[] =>
  membersAt(text, rootAt(text)).flatMap(({ name, value }) => {
    if (!LISTS.has(name)) return []
    const items = itemsAt(text, value.start)
    const inside = name === 'tools' ? [] : items.flatMap((item) => longTexts(text, item))
    const [first] = items
    // A comma goes with the item behind it.
    return [...(first === undefined ? [] : [first.start]), ...items.map(({ end }) => end), ...inside]
  })

const longTexts = (text: string, within: Place): readonly number[] =>
  stringsIn(text, within).flatMap(({ start, end }) => (end - start < LONG_BYTES ? [] : [start, end]))
