/**
 * Programs of others that check what is in deploy/: Docker's client, kubectl, systemd-analyze, HAProxy. Where one is not installed,
 * the tests that need it say so by their names.
 */
import { spawnSync } from 'node:child_process'

export interface Checked {
  readonly status: number | null
  readonly stdout: string
  readonly output: string
}

export const check = (program: string, args: readonly string[], input = ''): Checked => {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', input })
  return { status, stdout: stdout ?? '', output: `${stdout ?? ''}${stderr ?? ''}` }
}

/** @param probe arguments with which the program ends well, wherever it is installed */
export const isInstalled = (program: string, probe: readonly string[]): boolean => check(program, probe).status === 0

/** The name of tests that need a program. */
export const by = (program: string, isThere: boolean, name: string): string =>
  isThere ? name : `${name} (NOT RUN: ${program} is not installed)`
