/**
 * `signalbox code`: starts Claude Code with the environment that sends it through a running Signalbox.
 */
import { spawn } from 'node:child_process'
import { Console, Effect } from 'effect'
import { type LoadOptions, loadConfig } from '#infra/config/load.ts'

/** Where Claude Code can go by itself. */
const CLOUDS = ['BEDROCK', 'MANTLE', 'ANTHROPIC_AWS', 'VERTEX', 'FOUNDRY']

/** The variables that Claude Code gets beside its own. */
export const claudeEnvironment = (
  environment: NodeJS.ProcessEnv,
  url: string,
  clientCredential: boolean,
): NodeJS.ProcessEnv => {
  const env: NodeJS.ProcessEnv = {
    ...environment,
    ANTHROPIC_BASE_URL: url,
    CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: environment.CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY ?? '1',
  }
  // These would send it to its cloud directly, past Signalbox.
  for (const cloud of CLOUDS) delete env[`CLAUDE_CODE_USE_${cloud}`]
  // Claude Code sends nothing without some credential. Where Signalbox holds the real one, any word will do, and the
  // user's own must not be shown to a proxy that does not need it.
  if (!clientCredential) {
    delete env.ANTHROPIC_API_KEY
    env.ANTHROPIC_AUTH_TOKEN = 'signalbox'
  }
  return env
}

const ready = (url: string) =>
  Effect.tryPromise(() => fetch(`${url}/readyz`, { signal: AbortSignal.timeout(3_000) })).pipe(
    Effect.map((response) => response.ok),
    Effect.orElseSucceed(() => false),
  )

/** Answers Claude Code's own exit code, or 1 when it cannot be started. */
export const code = Effect.fnUntraced(function* (load: LoadOptions, args: readonly string[]) {
  const config = yield* loadConfig(load)
  const { host, port } = config.server
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  if (!(yield* ready(url))) {
    yield* Console.error(`No Signalbox answers at ${url}. Start one with \`npm start\`, or name its port with --port.`)
    return 1
  }
  const clientCredential = config.providers.some(
    ({ credential, policy }) => policy.enabled && credential._tag === 'Client',
  )
  return yield* Effect.callback<number>((resume) => {
    const child = spawn('claude', [...args], {
      stdio: 'inherit',
      // npm runs scripts in the project's folder; Claude Code belongs where the user is.
      cwd: process.env.INIT_CWD ?? process.cwd(),
      env: claudeEnvironment(process.env, url, clientCredential),
      shell: process.platform === 'win32',
    })
    child.on('error', (error: NodeJS.ErrnoException) => {
      const help =
        error.code === 'ENOENT'
          ? 'The command `claude` was not found. Install Claude Code: npm install -g @anthropic-ai/claude-code'
          : `claude cannot be started: ${error.message}`
      resume(Effect.as(Console.error(help), 1))
    })
    child.on('exit', (status, signal) => resume(Effect.succeed(signal === null ? (status ?? 1) : 1)))
    return Effect.sync(() => child.kill())
  })
})
