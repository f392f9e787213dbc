/**
 * A file that rows are written to, some at a time. Until it is complete it has another name, so that nobody takes a part for the
 * whole; what could not be completed is removed.
 */
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Console, Data, Effect, Exit } from 'effect'
import type { Column, Row } from '#domain/export-rows/column.ts'

/** The file cannot be written; the message says why. */
export class RowFileError extends Data.TaggedError('RowFileError')<{ readonly message: string }> {}

/** How rows become the bytes of a file. */
export interface RowWriter {
  readonly write: (rows: readonly Row[]) => Promise<void>
  /** After the last rows: what stands at the end. */
  readonly finish: () => Promise<void>
}

export type RowFormat = (file: FileHandle, columns: readonly Column[]) => RowWriter

/** Writes rows; fails where they cannot be written. */
type Write = (rows: readonly Row[]) => Effect.Effect<void, RowFileError>

/**
 * Makes a file of all that `fill` writes, when it has succeeded. Fails where there is a file of that name already.
 *
 * @param shown as it was asked for; relative to the working folder
 */
export const writeRowFile = <A, E, R>(
  shown: string,
  format: RowFormat,
  columns: readonly Column[],
  fill: (write: Write) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E | RowFileError, R> => {
  const path = resolve(shown)
  // By the process, so that what a killed one left is in nobody's way.
  const unfinished = `${path}.${process.pid}.part`
  const attempt = <B>(run: () => Promise<B>) => Effect.tryPromise({ try: run, catch: failureOf(shown) })
  return Effect.acquireUseRelease(
    attempt(async () => {
      if (await isThere(path)) throw new AlreadyThere()
      return await open(unfinished, 'wx', 0o600)
    }),
    Effect.fnUntraced(function* (file) {
      const writer = format(file, columns)
      const filled = yield* fill((rows) => attempt(() => writer.write(rows)))
      yield* attempt(async () => {
        await writer.finish()
        await file.close()
        await rename(unfinished, path)
      })
      return filled
    }),
    (file, exit) => (Exit.isSuccess(exit) ? Effect.void : removed(file, unfinished)),
  )
}

class AlreadyThere extends Error {}

const isThere = async (path: string): Promise<boolean> => {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

/** Why the export failed is said by its own error; here only what else is to be done. */
const removed = (file: FileHandle, path: string): Effect.Effect<void> =>
  Effect.tryPromise(async () => {
    await file.close()
    await rm(path)
  }).pipe(Effect.catch((error) => Console.error(`${path} is left over (${codeOf(error.cause)}): delete it.`)))

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error)

const failureOf =
  (shown: string) =>
  (error: unknown): RowFileError =>
    new RowFileError({
      message:
        error instanceof AlreadyThere
          ? `${shown} is there already. Name a new file with --out, or delete that one.`
          : `${shown} cannot be written (${codeOf(error)}).`,
    })
