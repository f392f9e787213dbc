/**
 * `signalbox code`: starts Claude Code with the environment that sends it through a running Signalbox.
 */
import { spawn } from 'node:child_process'
import { basename } from 'node:path'
import { Console, Effect } from 'effect'
import { CALLED } from '#cli/called-as.ts'
import { serverUrl } from '#cli/server-url.ts'
import { type LoadOptions, loadConfig } from '#infra/config/load.ts'

/** Where Claude Code can go by itself. */
const CLOUDS = ['BEDROCK', 'MANTLE', 'ANTHROPIC_AWS', 'VERTEX', 'FOUNDRY']

export interface Surroundings {
  readonly url: string
  /** A provider wants the user's own credential. */
  readonly clientCredential: boolean
  /** Name of the folder that Claude Code works in. */
  readonly folder: string
  /** What the user calls the project, instead. */
  readonly project?: string | undefined
}

/** The variables that Claude Code gets beside its own. */
export const claudeEnvironment = (environment: NodeJS.ProcessEnv, around: Surroundings): NodeJS.ProcessEnv => {
  const { url, clientCredential } = around
  const env: NodeJS.ProcessEnv = {
    ...environment,
    ANTHROPIC_BASE_URL: url,
    CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: environment.CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY ?? '1',
  }
  // These would send it to its cloud directly, past Signalbox.
  for (const cloud of CLOUDS) delete env[`CLAUDE_CODE_USE_${cloud}`]
  // Claude Code sends nothing without some credential. Where Signalbox holds the real one, any word will do, and the
  // user's own must not be shown to a proxy that does not need it; a key to Signalbox is meant for it.
  if (!clientCredential) {
    if (!isClientKey(env.ANTHROPIC_API_KEY)) delete env.ANTHROPIC_API_KEY
    if (!isClientKey(env.ANTHROPIC_AUTH_TOKEN)) env.ANTHROPIC_AUTH_TOKEN = 'signalbox'
  }
  const headers = customHeaders(environment.ANTHROPIC_CUSTOM_HEADERS ?? '', around)
  return headers === '' ? env : { ...env, ANTHROPIC_CUSTOM_HEADERS: headers }
}

const isClientKey = (credential: string | undefined): boolean => credential?.startsWith('sbx_') === true

const PROJECT = 'x-signalbox-project'

/** `Name: value`, one a line. The user's own stay, and tell the project where they do and no other is asked for. */
const customHeaders = (own: string, { project, folder }: Surroundings): string => {
  const lines = own.split('\n').filter((line) => line.trim() !== '')
  const isProject = (line: string): boolean => line.split(':')[0]?.trim().toLowerCase() === PROJECT
  if (project === undefined && lines.some(isProject)) return own
  const name = project ?? folder
  const others = lines.filter((line) => !isProject(line))
  return (name === '' ? others : [...others, `${PROJECT}: ${inAscii(name)}`]).join('\n')
}

/** A header holds ASCII; Signalbox decodes the rest. */
const inAscii = (text: string): string => text.toWellFormed().replaceAll(/[^ -$&-~]/gu, encodeURIComponent)

const ready = (url: string) =>
  Effect.tryPromise(() => fetch(`${url}/readyz`, { signal: AbortSignal.timeout(3_000) })).pipe(
    Effect.map((response) => response.ok),
    Effect.orElseSucceed(() => false),
  )

/** Answers Claude Code's own exit code, or 1 when it cannot be started. */
export const code = Effect.fnUntraced(function* (
  load: LoadOptions,
  args: readonly string[],
  options: { readonly project?: string | undefined },
) {
  const config = yield* loadConfig(load)
  const url = serverUrl(config)
  if (!(yield* ready(url))) {
    yield* Console.error(
      `No Signalbox answers at ${url}. Start one with \`${CALLED.serve}\`, or name its port with --port.`,
    )
    return 1
  }
  const clientCredential = config.providers.some(
    ({ credential, policy }) => policy.enabled && credential._tag === 'Client',
  )
  // npm runs scripts in the project's folder; Claude Code belongs where the user is.
  const cwd = process.env.INIT_CWD ?? process.cwd()
  return yield* Effect.callback<number>((resume) => {
    const child = spawn('claude', [...args], {
      stdio: 'inherit',
      cwd,
      env: claudeEnvironment(process.env, { url, clientCredential, folder: basename(cwd), ...options }),
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
