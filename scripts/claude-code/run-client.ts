/**
 * The real Claude Code, once, in a clean environment: nothing of the caller's settings or credentials reaches it, and it
 * cannot leave the machine. The client and a Node of its own are installed into the user's cache when they are missing.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Effect } from 'effect'

/** The version whose behaviour the scenarios expect. */
export const CLIENT_VERSION = '2.1.330'

const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
const folder = process.env.SIGNALBOX_TEST_CLIENT_DIR ?? join(cache, 'signalbox-test-claude-code')

/** Where `claude` and its `node` lie. */
export const clientBin = join(folder, 'node_modules', '.bin')

/** Installs the client unless it is there. npm picks an old client when Node is older than its `engines`: Node comes first. */
export const installClient = (): void => {
  if (existsSync(join(clientBin, 'claude'))) return
  console.error(`installing Claude Code ${CLIENT_VERSION} into ${folder} …`)
  mkdirSync(folder, { recursive: true })
  if (!existsSync(join(folder, 'package.json'))) {
    writeFileSync(join(folder, 'package.json'), '{"name":"claude-code-for-tests","private":true}\n')
  }
  const env = { ...process.env, PATH: `${clientBin}:${process.env.PATH ?? ''}` }
  const run = (command: string, ...args: readonly string[]): boolean =>
    spawnSync(command, args, { cwd: folder, env, stdio: ['ignore', 2, 2] }).status === 0
  const install = (...names: readonly string[]) =>
    run('npm', 'install', '--no-audit', '--no-fund', '--save-exact', ...names)
  const installed =
    (existsSync(join(clientBin, 'node')) || install('node@24')) &&
    install(`@anthropic-ai/claude-code@${CLIENT_VERSION}`) &&
    // Where install scripts are off, the client's own fetches nothing but unpacks its binary.
    (run(join(clientBin, 'claude'), '--version') ||
      run(join(clientBin, 'node'), join(folder, 'node_modules/@anthropic-ai/claude-code/install.cjs')))
  if (!installed) throw new Error('Claude Code could not be installed; see above.')
}

export interface ClientRun {
  /** What ANTHROPIC_BASE_URL says. */
  readonly url: string
  readonly prompt: string
  /** The project it works in, and its HOME: absolute folders that exist. */
  readonly cwd: string
  readonly home: string
  readonly environment?: { readonly [name: string]: string }
  readonly args?: readonly string[]
}

/** One line of `--output-format stream-json`. */
export type ClientEvent = { readonly type: string; readonly subtype?: string; readonly [member: string]: unknown }

export interface ClientResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly events: readonly ClientEvent[]
}

/** Nothing of the caller's environment but what is named here. */
export const clientEnvironment = (home: string): NodeJS.ProcessEnv => ({
  HOME: home,
  PATH: `${clientBin}:/usr/local/bin:/usr/bin:/bin`,
  TERM: 'dumb',
  LANG: 'C.UTF-8',
  SHELL: '/bin/bash',
  // The client refuses to skip its permission questions for root outside a sandbox.
  IS_SANDBOX: '1',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  DISABLE_TELEMETRY: '1',
  DISABLE_AUTOUPDATER: '1',
  DISABLE_ERROR_REPORTING: '1',
  // A dead port: whatever it asks of the world outside fails at once.
  HTTPS_PROXY: 'http://127.0.0.1:9',
  NO_PROXY: '127.0.0.1,localhost',
})

/** Runs `claude -p` to its end; interruption kills it. */
export const runClient = (run: ClientRun): Effect.Effect<ClientResult> =>
  Effect.callback((resume) => {
    const child = spawn(
      join(clientBin, 'claude'),
      [
        '-p',
        run.prompt,
        '--output-format',
        'stream-json',
        '--verbose',
        '--dangerously-skip-permissions',
        ...(run.args ?? []),
      ],
      {
        cwd: run.cwd,
        env: {
          ...clientEnvironment(run.home),
          ANTHROPIC_API_KEY: 'sk-ant-test-000',
          ANTHROPIC_BASE_URL: run.url,
          ...run.environment,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', (error) => resume(Effect.die(error)))
    child.on('close', (code) => resume(Effect.succeed({ code, stdout, stderr, events: readEvents(stdout) })))
    return Effect.sync(() => child.kill('SIGKILL'))
  })

const readEvents = (stdout: string): readonly ClientEvent[] =>
  stdout.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as ClientEvent]
    } catch {
      // Not all that it prints is an event.
      return []
    }
  })
