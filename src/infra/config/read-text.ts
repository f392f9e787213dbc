/**
 * Reads a text that an operator has named. What is named may be a device, which has no end.
 */
import { closeSync, openSync, readSync } from 'node:fs'

/** More is no configuration. */
const MOST_BYTES = 16 * 1024 * 1024
const PIECE_BYTES = 64 * 1024

/** @throws what the file system says, `EFBIG` above 16 MiB, and TypeError where it is no UTF-8 */
export const readText = (path: string): string => {
  const pieces: Buffer[] = []
  const file = openSync(path, 'r')
  try {
    for (let size = 0; ; ) {
      const piece = Buffer.allocUnsafe(PIECE_BYTES)
      const length = readSync(file, piece)
      if (length === 0) break
      size += length
      if (size > MOST_BYTES) throw Object.assign(new Error(`${path} has no end, or a late one`), { code: 'EFBIG' })
      pieces.push(piece.subarray(0, length))
    }
  } finally {
    closeSync(file)
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces))
}
