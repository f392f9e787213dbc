/**
 * The chunks of a text in order, as a few bytes: a turn repeats the list of the turn before, and what is new has neighbouring
 * ids, so the steps from one to the next are small and much alike.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'

export const packList = (ids: readonly number[]): Buffer =>
  zstdCompressSync(Buffer.from(ids.map((id, index) => id - (ids[index - 1] ?? 0)).join(',')))

export const unpackList = (packed: Uint8Array): readonly number[] => {
  const text = zstdDecompressSync(packed).toString()
  if (text === '') return []
  let id = 0
  return text.split(',').map((step) => {
    id += Number(step)
    return id
  })
}
