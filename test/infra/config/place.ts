/** A folder of its own per test, and loading in it as if nothing else were on the machine. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Effect, Result } from 'effect'
import { onTestFinished } from 'vitest'
import type { Config } from '#infra/config/config.ts'
import { type LoadOptions, loadConfig } from '#infra/config/load.ts'
import { type ConfigError, formatProblem } from '#infra/config/problem.ts'

export interface TestPlace {
  readonly folder: string
  readonly write: (path: string, text: string) => string
  readonly options: LoadOptions
  readonly load: (options?: LoadOptions) => Result.Result<Config, ConfigError>
  readonly good: (options?: LoadOptions) => Config
  /** The problems, one line each, as people see them. */
  readonly problems: (options?: LoadOptions) => readonly string[]
}

export const place = (files: Readonly<Record<string, string>> = {}): TestPlace => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-config-')))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const write = (path: string, text: string): string => {
    const target = join(folder, path)
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, text)
    return target
  }
  for (const [path, text] of Object.entries(files)) write(path, text)
  const options: LoadOptions = { cwd: folder, home: join(folder, 'home'), environment: {} }
  const load = (more: LoadOptions = {}) => Effect.runSync(Effect.result(loadConfig({ ...options, ...more })))
  const good = (more?: LoadOptions) => {
    const loaded = load(more)
    if (Result.isFailure(loaded)) throw loaded.failure
    return loaded.success
  }
  const problems = (more?: LoadOptions) => {
    const loaded = load(more)
    return Result.isFailure(loaded) ? loaded.failure.problems.map(formatProblem) : []
  }
  return { folder, write, options, load, good, problems }
}
