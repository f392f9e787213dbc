/**
 * Cuts a byte stream into server-sent-event frames without copying what it does not have to, and without caring where the
 * chunks break. A frame is everything up to and including the blank line that ends it; lines end in LF, CRLF or CR. Bytes
 * are never changed: the concatenation of all frames and the rest is the input.
 */
import { concatBytes, keepPiece } from '#domain/concat-bytes.ts'

const LF = 10
const CR = 13

/** A frame larger than this is not an event stream any more. */
export const MAX_FRAME_BYTES = 20 * 1024 * 1024

/** Where the cutter stands between two chunks. Opaque; owned by one stream and updated in place. */
export interface FrameCutter {
  /** Bytes of the frame that is not complete yet. */
  pieces: Uint8Array[]
  size: number
  /** True at the start of a line, i.e. a line end here would end the frame. */
  lineEmpty: boolean
  /** The last byte was a CR whose LF may follow in the next chunk; `frameEnd`: that CR ended a frame. */
  pendingCr: 'none' | 'line' | 'frameEnd'
}

export const frameCutter = (): FrameCutter => ({ pieces: [], size: 0, lineEmpty: true, pendingCr: 'none' })

/** Bytes of an incomplete frame at the end of the input. */
export const unfinished = (cutter: FrameCutter): number => cutter.size

/**
 * Feeds one chunk; calls back with each complete frame in order, and with the offset in the chunk just after it.
 * @returns false when a frame grew beyond MAX_FRAME_BYTES; the cutter must not be used any further then.
 */
export const cutFrames = (
  cutter: FrameCutter,
  chunk: Uint8Array,
  onFrame: (frame: Uint8Array, end: number) => void,
): boolean => {
  let start = 0
  const finish = (end: number): void => {
    const tail = chunk.subarray(start, end)
    start = end
    if (cutter.size === 0) {
      onFrame(tail, end)
      return
    }
    cutter.pieces.push(tail)
    const frame = concatBytes(cutter.pieces)
    cutter.pieces = []
    cutter.size = 0
    onFrame(frame, end)
  }

  let at = 0
  if (cutter.pendingCr !== 'none' && chunk.length > 0) {
    if (chunk[0] === LF) at = 1
    if (cutter.pendingCr === 'frameEnd') finish(at)
    cutter.pendingCr = 'none'
  }

  if (chunk.indexOf(CR, at) === -1) {
    // The usual case: lines end in LF alone, so the native search does the walking.
    for (let lf = chunk.indexOf(LF, at); lf !== -1; lf = chunk.indexOf(LF, at)) {
      const empty = lf === at && cutter.lineEmpty
      at = lf + 1
      cutter.lineEmpty = true
      if (empty) finish(at)
    }
    if (at < chunk.length) cutter.lineEmpty = false
  } else {
    while (at < chunk.length) {
      const byte = chunk[at]
      at++
      if (byte !== LF && byte !== CR) {
        cutter.lineEmpty = false
        continue
      }
      const empty = cutter.lineEmpty
      cutter.lineEmpty = true
      if (byte === CR) {
        if (at === chunk.length) {
          cutter.pendingCr = empty ? 'frameEnd' : 'line'
          break
        }
        if (chunk[at] === LF) at++
      }
      if (empty) finish(at)
    }
  }

  if (start < chunk.length) {
    const rest = chunk.subarray(start)
    keepPiece(cutter.pieces, rest)
    cutter.size += rest.length
  }
  return cutter.size <= MAX_FRAME_BYTES
}
