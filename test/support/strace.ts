/**
 * Linux' strace, where it is installed: it counts the system calls of a process, and kills, fails or delays one of them. The
 * tests that need it say so in their names when they are not run.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'

export const hasStrace =
  process.platform === 'linux' && spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0

/** The name of a group of tests that need it. */
export const byStrace = (name: string): string => (hasStrace ? name : `${name} (NOT RUN: strace is not installed)`)

export interface Tracing {
  /** System calls that are looked at, e.g. `pwrite64,fsync`. */
  readonly calls: string
  /** What is done to them, e.g. `signal=SIGKILL:when=7`; absent: nothing. */
  readonly inject?: string
  /** Where each call is written as a line. */
  readonly output?: string
}

/** This Node with a script and its arguments, all threads traced; in a process group of its own, whose number is that of the child. */
export const traced = (
  { calls, inject, output = '/dev/null' }: Tracing,
  script: string,
  ...args: string[]
): ChildProcess =>
  spawn(
    'strace',
    [
      ...['-f', '-qq', '-o', output, '-e', `trace=${calls}`],
      ...(inject === undefined ? [] : ['-e', `inject=${calls}:${inject}`]),
      process.execPath,
      script,
      ...args,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], detached: true },
  )
