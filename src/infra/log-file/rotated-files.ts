/**
 * The log files that were rotated: `NAME.TIME` beside the file, TIME as 20261125T190529123Z, so that their names are in the order
 * of time and none is ever renamed; `.gz` behind it when compressed.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { access, readdir, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { Effect } from 'effect'
import { fileTrouble, type LogFileError } from '#infra/log-file/log-file-error.ts'

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

/**
 * Compresses what is not yet compressed and deletes the oldest files beyond `keep`, also what an earlier process left. To be run
 * one at a time: two would compress the same file.
 */
export const tidyRotated = (options: {
  readonly path: string
  readonly keep: number
  readonly compress: boolean
}): Effect.Effect<void, LogFileError> =>
  Effect.tryPromise({ try: () => tidyAll(options), catch: fileTrouble(options.path) })

const PARTIAL = '.partial'

const tidyAll = async (options: {
  readonly path: string
  readonly keep: number
  readonly compress: boolean
}): Promise<void> => {
  const { path, keep, compress } = options
  const folder = dirname(path)
  const prefix = `${basename(path)}.`
  const rest = (name: string) => (name.startsWith(prefix) ? name.slice(prefix.length) : '')
  // Again while there is something to do: files may be rotated meanwhile.
  for (;;) {
    const names = await readdir(folder)
    const rotated = names.filter((name) => /^\d{8}T\d{9}Z(\.gz)?$/.test(rest(name))).sort()
    const old = rotated.slice(0, Math.max(0, rotated.length - keep))
    const halves = names.filter((name) => /^\d{8}T\d{9}Z\.gz\.partial$/.test(rest(name)))
    for (const name of [...old, ...halves]) await unlink(join(folder, name))
    const plain = compress ? rotated.slice(old.length).find((name) => !name.endsWith('.gz')) : undefined
    if (plain === undefined) return
    await gzip(join(folder, plain))
  }
}

/** Under its own name only when it is whole. zlib works in threads of its own. */
const gzip = async (path: string): Promise<void> => {
  const partial = `${path}.gz${PARTIAL}`
  await pipeline(createReadStream(path), createGzip(), createWriteStream(partial, { mode: 0o600 }))
  await rename(partial, `${path}.gz`)
  await unlink(path)
}
