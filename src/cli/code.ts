/**
 * `signalbox code`: starts Claude Code with the environment that sends it through a running Signalbox.
 */
import { spawn } from 'node:child_process'
import { basename } from 'node:path'
import { Console, Effect, Result } from 'effect'
import { askBox, tlsOf, troubleOfTls, unusableFile } from '#cli/ask-box.ts'
import { CALLED } from '#cli/called-as.ts'
import { serverUrl } from '#cli/server-url.ts'
import type { Config, ResolvedProvider } from '#infra/config/config.ts'
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
  /** What it needs for TLS to Signalbox. */
  readonly tls?: ResolvedProvider['tls'] | undefined
}

/** The variables that Claude Code gets beside its own. */
export const claudeEnvironment = (environment: NodeJS.ProcessEnv, around: Surroundings): NodeJS.ProcessEnv => {
  const { url, clientCredential } = around
  const env: NodeJS.ProcessEnv = {
    ...environment,
    ANTHROPIC_BASE_URL: url,
    CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: environment.CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY ?? '1',
    ...certificates(environment, around.tls),
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

/** By Claude Code's own variables, where the user has not set them. */
const certificates = (
  environment: NodeJS.ProcessEnv,
  { ca, identity }: ResolvedProvider['tls'] = {},
): NodeJS.ProcessEnv => ({
  ...(ca !== undefined && environment.NODE_EXTRA_CA_CERTS === undefined ? { NODE_EXTRA_CA_CERTS: ca } : {}),
  ...(identity !== undefined && environment.CLAUDE_CODE_CLIENT_CERT === undefined
    ? { CLAUDE_CODE_CLIENT_CERT: identity.certFile, CLAUDE_CODE_CLIENT_KEY: identity.keyFile }
    : {}),
})

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

/** Fails with the reason, in words for the user. */
const ready = (config: Config, url: string): Effect.Effect<void, string> =>
  Effect.gen(function* () {
    const tls = yield* Effect.tryPromise({ try: () => tlsOf(config.server), catch: unusableFile })
    const { status } = yield* Effect.tryPromise({
      try: () => askBox({ url: `${url}/readyz`, timeoutMs: 3_000, tls }),
      catch: (error) => troubleOfTls(config.server, url, error) ?? notThere(url),
    })
    if (status !== 200) yield* Effect.fail(notThere(url))
  })

const notThere = (url: string): string =>
  `No Signalbox answers at ${url}. Start one with \`${CALLED.serve}\`, or name its port with --port.`

/** Answers Claude Code's own exit code, or 1 when it cannot be started. */
export const code = Effect.fnUntraced(function* (
  load: LoadOptions,
  args: readonly string[],
  options: { readonly project?: string | undefined },
) {
  const config = yield* loadConfig(load)
  const url = serverUrl(config)
  const there = yield* Effect.result(ready(config, url))
  if (Result.isFailure(there)) {
    yield* Console.error(there.failure)
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
      env: claudeEnvironment(process.env, {
        ...{ url, clientCredential, folder: basename(cwd), tls: config.server.tls?.commands },
        ...options,
      }),
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
