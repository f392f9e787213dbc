/**
 * The installed Claude Code, run once without its user's settings: a HOME of its own, no variables but those named here.
 */
import { spawn } from 'node:child_process'
import { Data, Effect } from 'effect'
import type { Environment } from '#infra/config/environment.ts'

export class ClaudeError extends Data.TaggedError('ClaudeError')<{ readonly message: string }> {}

export interface ClaudeRun {
  /** `claude`, or its path. */
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
}

export interface ClaudeEnded {
  readonly code: number | null
  readonly stdout: string
}

/** Of its output so much is kept; a task as small as ours prints a few hundred kilobytes. */
const MAX_OUTPUT = 16 * 1024 * 1024

const INSTALL = 'Install Claude Code with `npm install -g @anthropic-ai/claude-code`, or name it with --claude PATH.'

/** Runs it to its end; interruption kills it. Fails when it cannot be started. */
export const runClaude = ({ command, args, cwd, env }: ClaudeRun): Effect.Effect<ClaudeEnded, ClaudeError> =>
  Effect.callback((resume) => {
    const child = spawn(command, [...args], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
      shell: process.platform === 'win32',
    })
    let stdout = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (stdout.length < MAX_OUTPUT) stdout += text
    })
    child.on('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'ENOENT'
          ? `The command ${command} was not found.`
          : `${command} cannot be started (${error.code}).`
      resume(Effect.fail(new ClaudeError({ message: `${why} ${INSTALL}` })))
    })
    child.on('close', (code) => resume(Effect.succeed({ code, stdout })))
    return Effect.sync(() => child.kill('SIGKILL'))
  })

/** What a program needs to start at all, on any system. */
const PASSED = ['PATH', 'LANG', 'LC_ALL', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'ComSpec', 'PATHEXT', 'SHELL'] as const

/** @param credential variables with what the client sends to Signalbox */
export const claudeEnvironment = (
  environment: Environment,
  home: string,
  url: string,
  credential: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(PASSED.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]]))),
  HOME: home,
  USERPROFILE: home,
  TERM: 'dumb',
  ANTHROPIC_BASE_URL: url,
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  DISABLE_AUTOUPDATER: '1',
  // A provider that does not work must be known soon; by default it retries for minutes.
  CLAUDE_CODE_MAX_RETRIES: '2',
  ...credential,
})

const VERSION_LIMIT_MS = 15_000

/** The version that it prints. Fails with a sentence on how to install it. */
export const claudeVersion = (command: string, environment: Environment, cwd: string) =>
  runClaude({ command, args: ['--version'], cwd, env: claudeEnvironment(environment, cwd, '', {}) }).pipe(
    Effect.timeoutOrElse({
      duration: VERSION_LIMIT_MS,
      orElse: () => Effect.fail(new ClaudeError({ message: `${command} --version does not end. ${INSTALL}` })),
    }),
    Effect.flatMap(({ code, stdout }) => {
      const version = /\d+\.\d+\.\d+/.exec(stdout)?.[0]
      return code === 0 && version !== undefined
        ? Effect.succeed(version)
        : Effect.fail(new ClaudeError({ message: `${command} --version tells no version. ${INSTALL}` }))
    }),
  )
