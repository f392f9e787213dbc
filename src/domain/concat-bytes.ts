/**
 * Byte arrays that come in pieces: kept until they are whole, and joined.
 */

/** Pieces below this are joined when they are kept: the array around a piece takes a hundred bytes, the crumbs of one byte apart. */
const CRUMB_BYTES = 16 * 1024

/**
 * Adds a piece. Whoever sends chooses its size, a byte each if he likes; what is kept takes little more than its bytes all the
 * same. Neighbours are joined as in a binary counter, so that a byte is copied a dozen times at most, and a large piece never.
 */
export const keepPiece = (pieces: Uint8Array[], piece: Uint8Array): void => {
  let kept = piece
  for (let last = pieces.at(-1); last !== undefined && last.length <= kept.length; last = pieces.at(-1)) {
    if (kept.length >= CRUMB_BYTES) break
    pieces.pop()
    kept = concatBytes([last, kept])
  }
  pieces.push(kept)
}

/** A single one is returned as it is, without a copy. */
export const concatBytes = (pieces: readonly Uint8Array[]): Uint8Array => {
  const [only] = pieces
  if (pieces.length === 1 && only !== undefined) return only
  let size = 0
  for (const piece of pieces) size += piece.length
  const whole = new Uint8Array(size)
  let offset = 0
  for (const piece of pieces) {
    whole.set(piece, offset)
    offset += piece.length
  }
  return whole
}
