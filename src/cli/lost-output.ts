/**
 * Whoever reads what a process says may end before it, and the disk that it goes to may be full. Node ends a process that hears nothing
 * of that; a box is there for others, and serves on without.
 */

/**
 * Until the end of the process, whose last words come after every scope. `tell` is called with the first trouble of each of the two:
 * the stream's name, and the system's code.
 */
export const outliveReaders = (tell: (stream: 'standard output' | 'standard error', code: string) => void): void => {
  for (const [name, stream] of [
    ['standard output', process.stdout],
    ['standard error', process.stderr],
  ] as const) {
    let isTold = false
    stream.on('error', ({ code = 'an unknown error' }: NodeJS.ErrnoException) => {
      if (!isTold) tell(name, code)
      isTold = true
    })
  }
}
