/**
 * Snapshots as bytes. A state of a megabyte is 130 kB in zstd; packed with an earlier state as its dictionary, 10 to 30 kB,
 * because little changes from one to the next. Level 3 is the lowest that looks into a dictionary of that size.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'

const COMPRESSION = {
  [constants.ZSTD_c_compressionLevel]: 3,
  /** 4 MB: matches reach back over the whole dictionary. */
  [constants.ZSTD_c_windowLog]: 22,
  [constants.ZSTD_c_checksumFlag]: 1,
}

/** @param base the text of another snapshot, which is then needed to read this one */
export const packSnapshot = (text: Uint8Array, base?: Uint8Array): Uint8Array =>
  zstdCompressSync(text, { params: COMPRESSION, ...(base === undefined ? {} : { dictionary: Buffer.from(base) }) })

/** The text. Also takes what earlier releases stored, which is the text itself. */
export const unpackSnapshot = (bytes: Uint8Array, base?: Uint8Array): Uint8Array => {
  if (bytes[0] === OPENING_BRACE) return bytes
  return zstdDecompressSync(bytes, base === undefined ? {} : { dictionary: Buffer.from(base) })
}

/** A state is an object; the first byte of zstd's magic number is 0x28. */
const OPENING_BRACE = 0x7b
