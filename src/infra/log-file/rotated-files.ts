/**
 * The log files that were rotated: `NAME.TIME` beside the file, TIME as 20261125T190529123Z, so that their names are in the order
 * of time and none is ever renamed; `.gz` behind it when compressed. All of it holds for what an earlier process left, too.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

const ROTATED = /^\.\d{8}T\d{9}Z(\.gz)?$/
/** A compressed file has its name only when it is whole. */
const HALF = /^\.\d{8}T\d{9}Z\.gz\.partial$/

/**
 * @param at epoch ms; where there is a file of that millisecond, or of a later one, the name is of the one behind the last: a name that
 * became free when its file was deleted would be in the wrong place.
 */
export const freeRotatedName = async (path: string, at: number): Promise<string> => {
  const last = (await beside(path, ROTATED)).at(-1)?.slice(path.length)
  const [, date, time, ms] = /^\.(\d{8})T(\d{6})(\d{3})Z/.exec(last ?? '') ?? []
  const lastAt = date === undefined ? 0 : Date.parse(`${dashed(date)}T${colons(time ?? '')}.${ms}Z`)
  return `${path}.${new Date(Math.max(at, lastAt + 1)).toISOString().replaceAll(/[-:.]/g, '')}`
}

const dashed = (date: string): string => `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`
const colons = (time: string): string => `${time.slice(0, 2)}:${time.slice(2, 4)}:${time.slice(4)}`

/** Deletes the oldest beyond `keep`. */
export const removeOld = async (path: string, keep: number): Promise<void> => {
  const rotated = await beside(path, ROTATED)
  for (const file of rotated.slice(0, Math.max(0, rotated.length - keep))) await rm(file, { force: true })
}

/** Compresses what is not yet compressed. To be run once at a time. zlib works in threads of its own. */
export const compressRotated = async (path: string): Promise<void> => {
  for (const half of await beside(path, HALF)) await rm(half, { force: true })
  for (const file of await beside(path, ROTATED)) {
    if (file.endsWith('.gz')) continue
    const half = `${file}.gz.partial`
    await pipeline(createReadStream(file), createGzip(), createWriteStream(half, { mode: 0o600 }))
    await rename(half, `${file}.gz`)
    await rm(file, { force: true })
  }
}

/** Oldest first. */
const beside = async (path: string, form: RegExp): Promise<readonly string[]> => {
  const [folder, base] = [dirname(path), basename(path)]
  const names = (await readdir(folder)).filter((name) => name.startsWith(base) && form.test(name.slice(base.length)))
  return names.sort().map((name) => join(folder, name))
}
