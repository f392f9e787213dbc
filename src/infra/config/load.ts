/**
 * Loads the configuration: file and includes, then variables, then flags; the later wins. Every problem is collected.
 */
import { homedir } from 'node:os'
import { Effect, Result } from 'effect'
import type { Config } from '#infra/config/config.ts'
import { decodeTree } from '#infra/config/decode.ts'
import { discover, withDiscovered } from '#infra/config/discovery.ts'
import { applyEnvironment, type Environment, readValue } from '#infra/config/environment.ts'
import { readFiles, type SourceFiles } from '#infra/config/files.ts'
import { keysAt } from '#infra/config/keys.ts'
import { findConfigFile, type Place } from '#infra/config/place.ts'
import { ConfigError, type ConfigProblem, formatKey, type Origin } from '#infra/config/problem.ts'
import { resolve } from '#infra/config/resolve.ts'
import { emptyTree, nodeAt, setAt } from '#infra/config/tree.ts'

/** A command line flag that sets a key. */
export interface FlagSetting {
  /** As the user typed it, e.g. `--port`. */
  readonly flag: string
  /** e.g. `['server', 'port']`. */
  readonly path: readonly string[]
  readonly value: string
}

export interface LoadOptions {
  /** From `--config`; wins over SIGNALBOX_CONFIG. */
  readonly file?: string | undefined
  readonly flags?: readonly FlagSetting[]
  /** The process's own by default. */
  readonly environment?: Environment
  readonly cwd?: string
  readonly home?: string
}

/** Reads everything anew at each run. */
export const loadConfig = (options: LoadOptions = {}): Effect.Effect<Config, ConfigError> =>
  Effect.suspend(() => {
    const loaded = loadNow(options)
    return Result.isSuccess(loaded) ? Effect.succeed(loaded.success) : Effect.fail(new ConfigError(loaded.failure))
  })

type Failure = Pick<ConfigError, 'problems' | 'source'>

const loadNow = (options: LoadOptions): Result.Result<Config, Failure> => {
  const environment = options.environment ?? process.env
  const place: Place = { cwd: options.cwd ?? process.cwd(), home: options.home ?? homedir(), environment }
  const problems: ConfigProblem[] = []

  const variable = environment.SIGNALBOX_CONFIG || undefined
  const path = findConfigFile(place, options.file ?? variable)
  const named: Origin = nameOf(options.file, variable)
  const read = path === undefined ? undefined : readFiles(place, path, named)
  problems.push(...(read?.problems ?? []))

  const source: SourceFiles = read ?? { files: [], patterns: [] }
  const written = read?.tree ?? emptyTree
  const discovery = nodeAt(written, ['providers']) === undefined ? discover(environment) : []
  const settled = applyEnvironment(withDiscovered(written, discovery), environment)
  problems.push(...settled.problems)

  let tree = settled.tree
  for (const { flag, path, value } of options.flags ?? []) {
    const keys = keysAt(path)
    const at: Origin = { _tag: 'Flag', name: flag }
    const node = keys === undefined ? undefined : readValue(value, keys, at)
    if (node === undefined)
      problems.push({ kind: 'syntax', at, key: formatKey(path), text: 'cannot be read', suggestions: [] })
    else tree = setAt(tree, path, node)
  }

  const fail = (more: readonly ConfigProblem[]) => Result.fail({ problems: [...problems, ...more], source })
  // A file that could not be read would only be followed by complaints about what it does not say.
  if (read?.problems.some(({ kind }) => kind !== 'conflict')) return fail([])
  const decoded = decodeTree(tree)
  if (Result.isFailure(decoded)) return fail(decoded.failure)
  const config = resolve({ file: decoded.success, tree, source, discovery }, place)
  if (Result.isFailure(config)) return fail(config.failure)
  return problems.length > 0 ? fail([]) : Result.succeed(config.success)
}

const nameOf = (flag: string | undefined, variable: string | undefined): Origin => {
  if (flag !== undefined) return { _tag: 'Flag', name: '--config' }
  return variable === undefined ? { _tag: 'Builtin' } : { _tag: 'Variable', name: 'SIGNALBOX_CONFIG' }
}
