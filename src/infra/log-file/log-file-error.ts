import { Data } from 'effect'

/** The disk did not do what was asked. `code` is the operating system's, e.g. ENOSPC. */
export class LogFileError extends Data.TaggedError('LogFileError')<{
  readonly path: string
  readonly code: string
}> {
  override get message(): string {
    return `${this.path} (${this.code})`
  }
}

export const fileTrouble =
  (path: string) =>
  (error: unknown): LogFileError => {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    return new LogFileError({ path, code: typeof code === 'string' ? code : 'UNKNOWN' })
  }
