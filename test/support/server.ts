/**
 * A whole Signalbox for tests: in this process (the layers of src/cli/serve.ts, so that a test can look inside) or as a
 * child process (the command line itself). Both listen on a free port of loopback and stop with the test's scope.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Context, Effect, Layer, type Scope } from 'effect'
import { encodeState } from '#actors/gateway-state.ts'
import * as ledgerLayer from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { closeBox, openBox } from '#actors/open-box.ts'
import { EventLog, type EventLogError, Upstreams } from '#actors/ports.ts'
import { startReplay } from '#actors/replay.ts'
import { Timekeeper } from '#actors/timekeeper.ts'
import { providerId } from '#domain/ids.ts'
import { defaultBreaker, defaultPolicy, defaultTimeouts, type Policy, type ProviderPolicy } from '#domain/policy.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { type RunningServer, type ServerOptions, serve } from '#http/server.ts'
import type { ResolvedProvider } from '#infra/config/config.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { layerSqliteReadOnly } from '#infra/event-log/sqlite.ts'
import { makeMetrics } from '#infra/telemetry/metrics.ts'
import { makeUpstreams } from '#infra/upstream/upstreams.ts'

export interface ProviderOptions {
  readonly url: string
  /** Default `None`. */
  readonly credential?: ResolvedProvider['credential']
  readonly models?: ProviderPolicy['models']
  readonly timeouts?: Partial<ProviderPolicy['timeouts']>
  readonly breaker?: Partial<ProviderPolicy['breaker']>
}

export interface BoxOptions {
  /** In the order of the priority strategy. */
  readonly providers: { readonly [id: string]: ProviderOptions }
  readonly routing?: Partial<Policy['routing']>
  readonly retryBudget?: Partial<Policy['retryBudget']>
  readonly stream?: Partial<Policy['stream']>
  readonly server?: Partial<ServerOptions>
  /** Default: in memory. */
  readonly log?: Layer.Layer<EventLog, EventLogError>
}

export interface RunningBox {
  readonly url: string
  readonly port: number
  readonly server: RunningServer
  readonly ledger: Ledger['Service']
  readonly timekeeper: Timekeeper['Service']
  /** Every event of the log, after a commit of what is recorded. */
  readonly events: Effect.Effect<readonly RecordedEvent[]>
  /** Waits until a committed event fits. */
  readonly until: (fits: (event: RecordedEvent) => boolean) => Effect.Effect<RecordedEvent>
  /** What a replay of the log finds: undefined when it is identical and folds to the live state. */
  readonly replayDifference: Effect.Effect<unknown>
}

/** A box that trips on nothing: for tests that fail on purpose, many times. */
export const patient = {
  breaker: { consecutiveFailures: 1e6, consecutiveConnectFailures: 1e6, minimumOutcomes: 1e6 },
  retryBudget: { tokens: 1e6, reserve: 0 },
} as const

export const startBox = (options: BoxOptions): Effect.Effect<RunningBox, never, Scope.Scope> =>
  Effect.gen(function* () {
    const providers = Object.entries(options.providers).map(resolved)
    const services = yield* Layer.build(
      ledgerLayer.layer({ writer: 'test' }).pipe(Layer.provideMerge(options.log ?? layerMemory())),
    )
    const run = <A, E, R>(effect: Effect.Effect<A, E, R | Ledger | EventLog>) => Effect.provideContext(effect, services)
    const ledger = yield* run(Ledger)
    const log = yield* run(EventLog)
    const seen: RecordedEvent[] = []
    const waiting = new Set<() => void>()
    yield* ledger.subscribe((events) => {
      seen.push(...events)
      for (const look of waiting) look()
    })
    const upstreams = yield* makeUpstreams(providers)
    yield* run(openBox({ policy: policyOf(options, providers), version: 'test' }))
    const metrics = yield* run(makeMetrics({ version: 'test', processMetrics: false }))
    const timekeeper = Context.get(
      yield* Layer.build(Timekeeper.layer.pipe(Layer.provide(Layer.succeed(Ledger, ledger)))),
      Timekeeper,
    )
    const server = yield* serve({
      host: '127.0.0.1',
      port: 0,
      bodyLimit: 32 * 1024 * 1024,
      allowedHosts: [],
      drainTimeoutMs: 5_000,
      requestTimeoutMs: 300_000,
      ownHeaders: [],
      features: { modelDiscovery: true, countTokens: true },
      version: 'test',
      metrics: metrics.render,
      ...options.server,
    }).pipe(
      Effect.provideService(Ledger, ledger),
      Effect.provideService(Timekeeper, timekeeper),
      Effect.provideService(Upstreams, upstreams.service),
    )
    yield* Effect.addFinalizer(() => run(closeBox(undefined)))

    const readAll = Effect.gen(function* () {
      yield* ledger.committed
      return yield* log.read({ after: 0, limit: 10_000 })
    }).pipe(Effect.orDie)
    const box: RunningBox = {
      url: `http://127.0.0.1:${server.port}`,
      port: server.port,
      server,
      ledger,
      timekeeper,
      events: Effect.map(readAll, (rows) => rows.flatMap((row) => (row._tag === 'Known' ? [row.recorded] : []))),
      until: (fits) =>
        Effect.callback<RecordedEvent>((resume) => {
          const look = (): void => {
            const found = seen.find(fits)
            if (found === undefined) return
            waiting.delete(look)
            resume(Effect.succeed(found))
          }
          waiting.add(look)
          look()
          return Effect.sync(() => waiting.delete(look))
        }),
      replayDifference: Effect.map(readAll, (rows) => {
        const replay = startReplay()
        for (const row of rows) replay.next(row)
        replay.finish()
        const [folded, live] = [encodeState(replay.state), encodeState(ledger.state)]
        return replay.difference() ?? (folded === live ? undefined : { folded, live })
      }),
    }
    return box
  }).pipe(Effect.orDie)

const resolved = ([id, options]: readonly [string, ProviderOptions], index: number): ResolvedProvider => ({
  id: providerId(id),
  kind: 'anthropic-compatible',
  baseUrl: options.url,
  credential: options.credential ?? { _tag: 'None' },
  headers: [],
  tls: {},
  policy: {
    enabled: true,
    priority: (index + 1) * 10,
    models: options.models ?? {},
    breaker: { ...defaultBreaker, ...options.breaker },
    timeouts: { ...defaultTimeouts, ...options.timeouts },
  },
})

const policyOf = (options: BoxOptions, providers: readonly ResolvedProvider[]): Policy => ({
  providers: providers.map(({ id, kind, policy }) => ({ id, kind, ...policy })),
  routing: { ...defaultPolicy.routing, ...options.routing },
  retryBudget: { ...defaultPolicy.retryBudget, ...options.retryBudget },
  stream: { ...defaultPolicy.stream, ...options.stream },
})

// ---- as a child process --------------------------------------------------------------------------------------------

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export interface ProcessOptions {
  /** Written to the configuration file as JSON, which is YAML; a text as it is; none = no file. */
  readonly config?: object | string
  /** Beside a clean environment. */
  readonly environment?: NodeJS.ProcessEnv
  readonly args?: readonly string[]
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
      spawn(process.execPath, [MAIN, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })

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
      events: Effect.gen(function* () {
        const log = yield* EventLog
        const rows = yield* log.read({ after: 0, limit: 10_000 })
        return rows.flatMap((row) => (row._tag === 'Known' ? [row.recorded] : []))
      }).pipe(
        Effect.provide(layerSqliteReadOnly({ path: databaseUrl.slice('sqlite:'.length) }), { local: true }),
        Effect.orDie,
      ),
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
