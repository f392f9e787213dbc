/**
 * Signalbox as the benchmark runs it: the command line as it is, a configuration with two providers that are the same
 * upstream, its log in a SQLite file, every other setting left at its default.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, type Server, startCommand } from './process.ts'

export interface SignalboxOptions {
  /** The composition root, relative to the repository or absolute. */
  readonly main: string
  /** An existing folder for the configuration and the log. */
  readonly folder: string
  readonly upstream: string
  /** Absent: `passed`. */
  readonly way?: Way
  /** Flags of Node in front of the script. */
  readonly nodeFlags?: readonly string[]
  /** How long it may take to become ready, e.g. to fold a whole log. */
  readonly readyWithinMs?: number
  /** Variables beside the benchmark's own. */
  readonly env?: Readonly<Record<string, string>>
}

/**
 * What Signalbox does with a request on its way to the upstream: pass it on as it is; cut out what an older generation of
 * Claude does not take, and ask for that; or translate it into OpenAI chat completions.
 */
export const WAYS = ['passed', 'fitted', 'translated'] as const
export type Way = (typeof WAYS)[number]

export interface Ready extends Server {
  readonly readyMs: number
  readonly readyCpuMs: number
}

/** The providers of the configuration, and of the logs that history.ts writes. */
export const PROVIDERS = ['primary', 'second'] as const

/** False while the composition root is not there: the baseline can be measured without it. */
export const signalboxExists = (main: string): boolean => existsSync(new URL(main, new URL('..', import.meta.url)))

export const logPath = (folder: string): string => join(folder, 'signalbox.db')

/** Starts it and waits until it is ready. `readyMs`: from the start of the process to the first 200 of /readyz; `readyCpuMs`: the CPU it took until then. */
export const startSignalbox = async (options: SignalboxOptions): Promise<Ready> => {
  const { main, folder, upstream, way = 'passed', nodeFlags = [], readyWithinMs = READY_MS } = options
  // In a folder of its own, as it is by default: that of the configuration is watched, and the log changes all the time.
  const config = join(folder, 'config', 'signalbox.yaml')
  mkdirSync(dirname(config), { recursive: true })
  writeFileSync(config, configuration(upstream, way))
  const port = await freePort()
  const env = {
    ...options.env,
    HOME: folder,
    SIGNALBOX_CONFIG: config,
    SIGNALBOX_HOST: '127.0.0.1',
    SIGNALBOX_PORT: String(port),
    SIGNALBOX_DATABASE_URL: `sqlite:${logPath(folder)}`,
  }
  const start = performance.now()
  const server = startCommand(
    [process.execPath, ...shippedFlags(), ...nodeFlags, main, 'serve'],
    env,
    `http://127.0.0.1:${port}`,
  )
  while (!(await isReady(server.url))) {
    const failure = server.failure()
    if (failure !== undefined) throw new Error(failure)
    if (performance.now() - start > readyWithinMs) {
      await server.stop()
      throw new Error(`Signalbox was not ready within ${readyWithinMs / 1_000} s`)
    }
    await sleep(POLL_MS)
  }
  return { ...server, readyMs: performance.now() - start, readyCpuMs: server.cpuMs() }
}

/** The flags of Node that `npm start` has. */
const shippedFlags = (): readonly string[] => {
  const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return String(scripts.start).match(/(?<= )--\S+/g) ?? []
}

const READY_MS = 30_000
const POLL_MS = 5

const configuration = (upstream: string, way: Way): string =>
  ['providers:', ...PROVIDERS.map((id) => `  ${id}: ${PROVIDER[way](upstream)}`), ''].join('\n')

const PROVIDER: Readonly<Record<Way, (upstream: string) => string>> = {
  passed: (upstream) => `{ kind: anthropic-compatible, baseUrl: '${upstream}', credential: none }`,
  fitted: (upstream) =>
    `{ kind: anthropic-compatible, baseUrl: '${upstream}', credential: none, models: { 'claude-*': claude-sonnet-4-5 } }`,
  translated: (upstream) =>
    `{ kind: openai-compatible, baseUrl: '${upstream}/v1', credential: none, models: { 'claude-*': bench-model } }`,
}

const isReady = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    get(`${url}/readyz`, { agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
      // Refused until it listens.
    }).on('error', () => resolve(false))
  })
