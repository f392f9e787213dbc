/**
 * What the checks of the configuration share: how they report, and what they know of the process.
 */
import { isAbsolute, join, resolve } from 'node:path'
import type { Environment } from '#infra/config/environment.ts'
import type { Origin, ProblemKind } from '#infra/config/problem.ts'

/** How a check reports, and where the value at a path was written. */
export interface Checks {
  readonly report: (kind: ProblemKind, path: readonly string[], text: string, suggestions?: readonly string[]) => void
  readonly warn: (kind: ProblemKind, path: readonly string[], text: string) => void
  readonly origin: (path: readonly string[]) => Origin
  readonly cwd: string
  readonly home: string
  readonly environment: Environment
  /** Providers that the common `models` name. */
  readonly commonModels: ReadonlySet<string>
}

/** Relative to the file that says it, or to the working directory for a variable; `~/` is the home folder. */
export const absolutePath = (path: string, key: readonly string[], checks: Checks): string => {
  if (path === '~' || path.startsWith('~/')) return join(checks.home, path.slice(1))
  const at = checks.origin(key)
  return isAbsolute(path) ? path : resolve(at._tag === 'File' ? at.folder : checks.cwd, path)
}
