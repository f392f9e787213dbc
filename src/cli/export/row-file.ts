/**
 * A file that rows are written to, some at a time.
 */
import { Data } from 'effect'
import type { Column, Row } from '#domain/export-rows/column.ts'

/** The file cannot be written; the message says why. */
export class RowFileError extends Data.TaggedError('RowFileError')<{ readonly message: string }> {}

export interface RowFile {
  readonly write: (rows: readonly Row[]) => Promise<void>
  /** After the last rows; without it the file is not complete. */
  readonly finish: () => Promise<void>
}

/** Rejects where the path cannot be written, or is there already. */
export type OpenRowFile = (path: string, columns: readonly Column[]) => Promise<RowFile>

export const rowFileError =
  (path: string) =>
  (error: unknown): RowFileError => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const message =
      code === 'EEXIST'
        ? `${path} is there already. Name a new file with --out, or delete that one.`
        : `${path} cannot be written (${code}).`
    return new RowFileError({ message })
  }
