/**
 * Snapshots as bytes. A state of a megabyte is 130 kB in zstd; packed with an earlier state as its dictionary, 10 to 30 kB,
 * because little changes from one to the next. Level 3 is the lowest that looks into a dictionary of that size.
 *
 * It takes some milliseconds: a thread of its own does it at once, the main thread has it done in another.
 */
import { promisify } from 'node:util'
import {
  constants,
  type ZstdOptions,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib'

const COMPRESSION = {
  [constants.ZSTD_c_compressionLevel]: 3,
  /** 4 MB: matches reach back over the whole dictionary. */
  [constants.ZSTD_c_windowLog]: 22,
  [constants.ZSTD_c_checksumFlag]: 1,
}

const compression = (base: Uint8Array | undefined): ZstdOptions => ({ params: COMPRESSION, ...dictionary(base) })

const dictionary = (base: Uint8Array | undefined) => (base === undefined ? {} : { dictionary: Buffer.from(base) })

/** @param base the text of another snapshot, which is then needed to read this one */
export const packSnapshot = (text: Uint8Array, base?: Uint8Array): Uint8Array =>
  zstdCompressSync(text, compression(base))

/** The text. Also takes what earlier releases stored, which is the text itself. */
export const unpackSnapshot = (bytes: Uint8Array, base?: Uint8Array): Uint8Array =>
  bytes[0] === OPENING_BRACE ? bytes : zstdDecompressSync(bytes, dictionary(base))

/** The same without holding the thread up. */
export const packSnapshotElsewhere = (text: Uint8Array, base?: Uint8Array): Promise<Uint8Array> =>
  promisify<Uint8Array, ZstdOptions, Uint8Array>(zstdCompress)(text, compression(base))

export const unpackSnapshotElsewhere = (bytes: Uint8Array, base?: Uint8Array): Promise<Uint8Array> =>
  promisify<Uint8Array, ZstdOptions, Uint8Array>(zstdDecompress)(bytes, dictionary(base))

/** A state is an object; the first byte of zstd's magic number is 0x28. */
const OPENING_BRACE = 0x7b
