/**
 * The file that archived events go to: one JSON object a line, as `signalbox events --json` prints them, compressed with gzip.
 * It counts only when it is on the disk and has been read back; until then it has another name.
 */
import { createHash } from 'node:crypto'
import {
  closeSync,
  createReadStream,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { createGunzip, gzip } from 'node:zlib'
import { LogFailure } from '#infra/event-log/log-failure.ts'
import type { RawRow } from '#infra/event-log/raw-row.ts'
import { correlationOf } from '#infra/event-log/row.ts'

export interface ArchiveFile {
  /** Without its folder. */
  readonly name: string
  readonly events: number
}

/** Rows in the order of the log. */
export type Pages = Iterable<readonly RawRow[]> | AsyncIterable<readonly RawRow[]>

/** Compressing takes longest, and there may be streams to serve meanwhile. */
const gzipped = promisify<string, Buffer>(gzip)

/** Writes the pages, which are in the order of the log. Answers undefined, and leaves nothing, when there is no event. */
export const writeArchive = async (folder: string, pages: Pages): Promise<ArchiveFile | undefined> => {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return await writeAndCheck(folder, pages)
  } catch (error) {
    throw asFailure(error, folder)
  }
}

const writeAndCheck = async (folder: string, pages: Pages): Promise<ArchiveFile | undefined> => {
  const temporary = join(folder, `.signalbox-${process.pid}.ndjson.gz.part`)
  try {
    const written = await writePages(temporary, pages)
    if (written.events === 0) return undefined
    const read = await readBack(temporary)
    if (read.events !== written.events || read.digest !== written.digest) {
      throw new LogFailure({
        _tag: 'Unavailable',
        detail: `the archive in ${folder} does not read back as it was written: look at its disk; nothing was deleted`,
      })
    }
    const name = freeName(folder, `signalbox-${written.first}-${written.last}`)
    renameSync(temporary, join(folder, name))
    syncFolder(folder)
    return { name, events: written.events }
  } finally {
    // Renamed away by now, unless there was nothing to keep.
    rmSync(temporary, { force: true })
  }
}

const line = (row: RawRow): string => {
  const [position, stream, streamVersion, type, schemaVersion, writer, writerSeq, occurredAt, recordedAt] = row
  const [, , , , , , , , , column, causation, data] = row
  const correlation = correlationOf(stream, column)
  const head = {
    ...{ position, type, schemaVersion, stream, streamVersion, occurredAt, recordedAt, writer, writerSeq },
    ...(correlation === undefined ? {} : { correlation }),
    ...(causation === null ? {} : { causation }),
  }
  return `${JSON.stringify(head).slice(0, -1)},"data":${data}}\n`
}

const writePages = async (path: string, pages: Pages) => {
  const hash = createHash('sha256')
  const file = openSync(path, 'w', 0o600)
  try {
    let [events, first, last] = [0, 0, 0]
    for await (const page of pages) {
      const text = page.map(line).join('')
      hash.update(text)
      // Members of one gzip file follow each other.
      writeSync(file, await gzipped(text))
      // Page by page: the log's next commit may have to wait until all that a file has gathered is on the disk.
      fdatasyncSync(file)
      first ||= page[0]?.[0] ?? 0
      last = page.at(-1)?.[0] ?? last
      events += page.length
    }
    fsyncSync(file)
    return { events, first, last, digest: hash.digest('hex') }
  } finally {
    closeSync(file)
  }
}

const readBack = async (path: string) => {
  const hash = createHash('sha256')
  let events = 0
  const unpacked = createReadStream(path).pipe(createGunzip())
  for await (const text of createInterface({ input: unpacked, crlfDelay: Number.POSITIVE_INFINITY })) {
    JSON.parse(text)
    hash.update(`${text}\n`)
    events++
  }
  return { events, digest: hash.digest('hex') }
}

/** An interrupted archive may have left a file of that name, with events that are still in the log. */
const freeName = (folder: string, stem: string): string => {
  for (let n = 1; ; n++) {
    const name = `${stem}${n === 1 ? '' : `-${n}`}.ndjson.gz`
    if (!existsSync(join(folder, name))) return name
  }
}

/** A rename is durable when its folder is. */
const syncFolder = (folder: string): void => {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

const asFailure = (error: unknown, folder: string): unknown => {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return error
  return new LogFailure({
    _tag: 'Unavailable',
    detail: `the archive cannot be written to ${folder} (${String(error.code)}): check the folder, its rights and its disk; nothing was deleted`,
  })
}
