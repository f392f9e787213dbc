/**
 * The log files that were rotated: `NAME.TIME` beside the file, TIME as 20261125T190529123Z, so that their names are in the order
 * of time and none is ever renamed; `.gz` behind it when compressed. All of it holds for what an earlier process left, too.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { access, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

const ROTATED = /^\.\d{8}T\d{9}Z(\.gz)?$/
/** A compressed file has its name only when it is whole. */
const HALF = /^\.\d{8}T\d{9}Z\.gz\.partial$/

/** @param at epoch ms; a millisecond that has a file already gives way to the next. */
export const freeRotatedName = async (path: string, at: number): Promise<string> => {
  for (let time = at; ; time += 1) {
    const name = `${path}.${new Date(time).toISOString().replaceAll(/[-:.]/g, '')}`
    if (!(await exists(name)) && !(await exists(`${name}.gz`))) return name
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

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
