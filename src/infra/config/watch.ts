/**
 * Keeps the configuration in step with its files: loads it anew when one of them changes, and on SIGHUP. A configuration
 * with problems changes nothing and is reported; one that says the same as before is not reported at all.
 *
 * Folders are watched rather than files, because editors and Kubernetes replace files instead of writing into them.
 */
import { type FSWatcher, realpathSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import { Effect, Queue, Result, type Scope } from 'effect'
import type { Config } from '#infra/config/config.ts'
import { diffConfig } from '#infra/config/diff-config.ts'
import { matchesName, type SourceFiles } from '#infra/config/files.ts'
import type { ConfigError } from '#infra/config/problem.ts'

/** What led to a new configuration; the `source` of `ConfigChanged`. */
export type ChangeSource = 'file' | 'signal'

export interface WatchOptions<R> {
  /** The configuration in force. */
  readonly initial: Config
  readonly load: Effect.Effect<Config, ConfigError>
  /** `changed` are the paths of the changed keys, never empty. */
  readonly onChange: (config: Config, source: ChangeSource, changed: readonly string[]) => Effect.Effect<void, never, R>
  readonly onError: (error: ConfigError, source: ChangeSource) => Effect.Effect<void, never, R>
}

/** An editor's save is several events; the file may be half written at the first. */
const SETTLE_MS = 200

/** Watches until its scope closes. Ready (nothing is missed any more) when it returns. */
export const watchConfig = <R>(options: WatchOptions<R>): Effect.Effect<void, never, R | Scope.Scope> =>
  Effect.gen(function* () {
    const wakes = yield* Effect.acquireRelease(Queue.unbounded<ChangeSource>(), Queue.shutdown)
    const wake = (source: ChangeSource) => () => {
      Queue.offerUnsafe(wakes, source)
    }
    const folders = yield* Effect.acquireRelease(
      Effect.sync(() => folderWatch(wake('file'))),
      ({ close }) => Effect.sync(close),
    )
    const onSignal = wake('signal')
    yield* Effect.acquireRelease(
      Effect.sync(() => process.on('SIGHUP', onSignal)),
      () => Effect.sync(() => process.off('SIGHUP', onSignal)),
    )
    const follow = (source: SourceFiles) =>
      Effect.forEach(folders.follow(source), (folder) =>
        Effect.logWarning(`Changes in ${folder} are not noticed: it cannot be watched. SIGHUP still works.`),
      )
    yield* follow(options.initial.source)
    // What changed between the first load and now.
    wake('file')()

    let current = options.initial
    let reported: string | undefined
    const reload = Effect.fnUntraced(function* (source: ChangeSource) {
      const loaded = yield* Effect.result(options.load)
      if (Result.isFailure(loaded)) {
        const error = loaded.failure
        yield* follow(union(current.source, error.source))
        // A save is several events; the same words twice help nobody, unless they were asked for.
        if (source === 'signal' || error.message !== reported) yield* options.onError(error, source)
        reported = error.message
        return
      }
      reported = undefined
      const next = loaded.success
      const changed = diffConfig(current, next)
      current = next
      yield* follow(next.source)
      if (changed.length > 0) yield* options.onChange(next, source, changed)
    })

    const step = Effect.gen(function* () {
      const first = yield* Queue.take(wakes)
      if (first === 'file') yield* Effect.sleep(SETTLE_MS)
      const all = [first, ...(yield* Queue.clear(wakes))]
      const source = all.includes('signal') ? 'signal' : 'file'
      // A folder that was deleted and made again is another folder to the kernel.
      if (source === 'signal') folders.close()
      yield* reload(source)
    })
    yield* Effect.forkScoped(Effect.forever(step))
  })

const union = (a: SourceFiles, b: SourceFiles): SourceFiles => ({
  files: [...new Set([...a.files, ...b.files])],
  patterns: [...new Set([...a.patterns, ...b.patterns])],
})

/** Watches the folders of the given files; `follow` answers with the folders that cannot be watched. */
const folderWatch = (changed: () => void) => {
  const watchers = new Map<string, FSWatcher>()
  let names: readonly string[] = []
  const close = () => {
    for (const watcher of watchers.values()) watcher.close()
    watchers.clear()
  }
  const concerns = (name: string | null): boolean =>
    // Kubernetes swaps the link `..data` when a ConfigMap changes.
    name === null || name === '..data' || names.some((pattern) => matchesName(pattern, name))
  const start = (folder: string): boolean => {
    try {
      const watcher = watch(folder, { persistent: false }, (_, name) => {
        if (concerns(name)) changed()
      })
      watcher.on('error', () => {
        watcher.close()
        watchers.delete(folder)
      })
      watchers.set(folder, watcher)
      return true
    } catch {
      return false
    }
  }
  const follow = (source: SourceFiles): readonly string[] => {
    const files = [...source.files, ...source.files.map(realPath), ...source.patterns]
    names = files.map((file) => basename(file))
    const wanted = new Set(files.map((file) => dirname(file)))
    for (const [folder, watcher] of watchers) {
      if (wanted.has(folder)) continue
      watcher.close()
      watchers.delete(folder)
    }
    return [...wanted].filter((folder) => !watchers.has(folder) && !start(folder))
  }
  return { follow, close }
}

const realPath = (file: string): string => {
  try {
    return realpathSync(file)
  } catch {
    return file
  }
}
