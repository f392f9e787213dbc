/**
 * Signalbox as a child process for tests: the command line itself, with a configuration and a log of its own in a scratch
 * folder. It is killed with the test's scope.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Effect, type Scope } from 'effect'
import { EventLog } from '#actors/ports.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { layerSqliteReadOnly } from '#infra/event-log/sqlite.ts'
import { knownOf, replayed } from '#test/server.ts'

/** The configuration file for simulated providers, in the order of the priority strategy. */
export const configOf = (...simulators: readonly { readonly id: string; readonly url: string }[]) => ({
  routing: { strategy: 'priority' },
  providers: Object.fromEntries(
    simulators.map(({ id, url }, index) => [id, { kind: 'anthropic-compatible', baseUrl: url, priority: index + 1 }]),
  ),
})

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export interface ProcessOptions {
  /** Written to the configuration file as JSON, which is YAML; a text as it is; none = no file. */
  readonly config?: object | string
  /** Beside a clean environment. */
  readonly environment?: NodeJS.ProcessEnv
  readonly args?: readonly string[]
  /** Where standard error goes to, a path; default: to the test. */
  readonly errorsTo?: string
  /** A folder of an earlier process, to go on with its log; default: a new one, removed with the scope. */
  readonly folder?: string
}

export interface SignalboxProcess {
  readonly child: ChildProcess
  readonly folder: string
  readonly configFile: string
  readonly databaseUrl: string
  readonly stdout: () => string
  readonly stderr: () => string
  /** Waits until the two outputs together fit. */
  readonly printed: (pattern: RegExp) => Effect.Effect<RegExpExecArray>
  readonly exited: Effect.Effect<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  readonly signal: (signal: NodeJS.Signals) => void
  /** Runs another command of the command line on the same configuration and log. */
  readonly command: (...args: readonly string[]) => Effect.Effect<CommandResult>
  /** The log as it stands, read beside the process. */
  readonly events: Effect.Effect<readonly RecordedEvent[]>
  /** What a replay of the log finds: undefined when every recorded decision follows. */
  readonly replayDifference: Effect.Effect<unknown>
}

export interface CommandResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A folder that goes with the scope. */
export const scratchFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), 'signalbox-e2e-'))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true })),
)

/** Starts `signalbox serve` and does not wait; see `startProcess` for one that listens. */
export const spawnSignalbox = (options: ProcessOptions): Effect.Effect<SignalboxProcess, never, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = options.folder ?? (yield* scratchFolder)
    const configFile = join(folder, 'signalbox.yaml')
    const { config } = options
    if (config !== undefined) {
      writeFileSync(configFile, typeof config === 'string' ? config : JSON.stringify(config, null, 2))
    }
    const databaseUrl = `sqlite:${join(folder, 'log.db')}`
    const env: NodeJS.ProcessEnv = {
      PATH: process.env.PATH,
      HOME: folder,
      SIGNALBOX_DATABASE_URL: databaseUrl,
      ...(config === undefined ? {} : { SIGNALBOX_CONFIG: configFile }),
      ...options.environment,
    }
    const start = (args: readonly string[]) =>
      spawn(process.execPath, [MAIN, ...args], {
        cwd: folder,
        env,
        stdio: ['ignore', 'pipe', options.errorsTo === undefined ? 'pipe' : openSync(options.errorsTo, 'w')],
      })

    const child = yield* Effect.acquireRelease(
      Effect.sync(() => start(options.args ?? ['serve', '--port', '0'])),
      (started) =>
        Effect.callback<void>((resume) => {
          if (started.exitCode !== null || started.signalCode !== null) return resume(Effect.void)
          started.once('exit', () => resume(Effect.void))
          started.kill('SIGKILL')
        }),
    )
    const output = listen(child)
    const rows = EventLog.use((log) => log.read({ after: 0, limit: 10_000 })).pipe(
      Effect.provide(layerSqliteReadOnly({ path: databaseUrl.slice('sqlite:'.length) }), { local: true }),
      Effect.orDie,
    )
    return {
      child,
      folder,
      configFile,
      databaseUrl,
      stdout: () => output.stdout,
      stderr: () => output.stderr,
      printed: (pattern) =>
        Effect.callback((resume) => {
          const look = (): void => {
            const found = pattern.exec(output.stdout) ?? pattern.exec(output.stderr)
            if (found !== null) resume(Effect.succeed(found))
            else if (child.exitCode !== null) resume(Effect.die(new Error(`it ended: ${output.stderr}`)))
          }
          output.changed.add(look)
          look()
          return Effect.sync(() => output.changed.delete(look))
        }),
      exited: ended(child),
      signal: (signal) => void child.kill(signal),
      command: (...args) =>
        Effect.suspend(() => {
          const other = start(args)
          const heard = listen(other)
          return Effect.map(ended(other), ({ code }) => ({ code, stdout: heard.stdout, stderr: heard.stderr }))
        }),
      events: Effect.map(rows, knownOf),
      replayDifference: Effect.map(rows, (all) => replayed(all).difference()),
    } satisfies SignalboxProcess
  })

/** Starts `signalbox serve` and waits until it listens. */
export const startProcess = (options: ProcessOptions) =>
  Effect.gen(function* () {
    const started = yield* spawnSignalbox(options)
    const [, url = '', port = ''] = yield* started.printed(/listens on (http:\/\/127\.0\.0\.1:(\d+))/)
    return { ...started, url, port: Number(port) }
  })

const ended = (child: ChildProcess): SignalboxProcess['exited'] =>
  Effect.callback((resume) => {
    // `close`, not `exit`: by then its output has been read to the end.
    const done = () => resume(Effect.succeed({ code: child.exitCode, signal: child.signalCode }))
    if (child.stdout?.closed === true && (child.exitCode !== null || child.signalCode !== null)) done()
    else child.once('close', done)
  })

const listen = (child: ChildProcess) => {
  const output = { stdout: '', stderr: '', changed: new Set<() => void>() }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
      for (const look of output.changed) look()
    })
  }
  child.on('exit', () => {
    for (const look of output.changed) look()
  })
  return output
}
