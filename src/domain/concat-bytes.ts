/**
 * Joins byte arrays. A single one is returned as it is, without a copy.
 */
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
