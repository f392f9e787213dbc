/**
 * `--claude-code`: the real client does a small real task through one provider: it writes a file, reads it back, and answers.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Effect, Option, Result } from 'effect'
import { adviceFor } from '#cli/doctor/advice.ts'
import { claudeEnvironment, runClaude } from '#cli/doctor/claude-client.ts'
import { type ClaudeScore, scoreOf } from '#cli/doctor/claude-score.ts'
import { type Finding, skipped } from '#cli/doctor/finding.ts'
import { ownSignalbox } from '#cli/doctor/own-signalbox.ts'
import type { WantedModel } from '#cli/doctor/wanted-models.ts'
import { describeReason } from '#cli/summary.ts'
import type { DomainEvent } from '#domain/events.ts'
import { addUsage, noUsage } from '#domain/usage.ts'
import type { Config, ResolvedProvider } from '#infra/config/config.ts'

export interface ClaudeCodeInput {
  readonly config: Config
  readonly provider: ResolvedProvider
  readonly wanted: readonly WantedModel[]
  /** `claude`, or its path. */
  readonly command: string
  readonly version: string
}

/** The task takes half a minute with a quick provider; a local model on a small machine takes minutes. */
const TASK_LIMIT_MS = 300_000

/** What Claude Code would use by itself first. */
const PREFERENCE = ['sonnet', 'opus', 'haiku', 'fable'] as const

export const checkClaudeCode = (input: ClaudeCodeInput): Effect.Effect<Finding> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { config, provider, command, version } = input
      const model = PREFERENCE.flatMap((alias) => input.wanted.filter((one) => one.alias === alias)).find(
        (one) => one.model !== undefined && one.listed !== false,
      )
      if (model === undefined) return skipped('claude-code', "it has none of Claude Code's models")
      const signalbox = yield* Effect.orDie(ownSignalbox(config, provider))
      const folder = yield* scratchFolder
      const word = `signalbox-${randomBytes(4).toString('hex')}`
      const startedAt = performance.now()
      const ended = yield* runClaude({
        command,
        cwd: folder.project,
        args: ['-p', taskFor(word), ...OPTIONS, '--model', model.asked],
        env: claudeEnvironment(process.env, folder.home, signalbox.url, credentialFor(provider)),
      }).pipe(Effect.timeoutOption(TASK_LIMIT_MS), Effect.result)
      const durationMs = Math.round(performance.now() - startedAt)
      if (Result.isFailure(ended)) {
        return { check: 'claude-code', result: 'failed', found: 'it did not start', advice: ended.failure.message }
      }
      const { code, stdout } = Option.getOrElse(ended.success, () => ({ code: null, stdout: '' }))
      const file = join(folder.project, FILE)
      const score = scoreOf({ code, stdout, file: existsSync(file) ? readFileSync(file, 'utf8') : undefined }, word)
      return judged(score, yield* signalbox.events, { provider, version, model, durationMs })
    }),
  )

const FILE = 'proof.txt'

const taskFor = (word: string): string =>
  `Create the file ${FILE} in the current folder with the Write tool; its only content is the line ${word}. Then read the file with the Read tool, and answer with what it says and nothing else.`

/** Edits in its folder need no question; everything else that would ask is refused, because nobody is there. */
const OPTIONS = [
  '--output-format',
  'stream-json',
  '--verbose',
  '--permission-mode',
  'acceptEdits',
  '--allowedTools',
  'Read,Write',
] as const

/** Where Signalbox holds the credential any word will do; where clients bring theirs, this environment's is brought. */
const credentialFor = ({ credential }: ResolvedProvider): NodeJS.ProcessEnv => {
  if (credential._tag !== 'Client') return { ANTHROPIC_AUTH_TOKEN: 'signalbox' }
  const { ANTHROPIC_AUTH_TOKEN: token = '', ANTHROPIC_API_KEY: key = '' } = process.env
  return token === '' ? { ANTHROPIC_API_KEY: key } : { ANTHROPIC_AUTH_TOKEN: token }
}

const scratchFolder = Effect.acquireRelease(
  Effect.sync(() => {
    const root = mkdtempSync(join(tmpdir(), 'signalbox-doctor-'))
    const [project, home] = [join(root, 'project'), join(root, 'home')]
    mkdirSync(project)
    mkdirSync(home)
    return { root, project, home }
  }),
  // The client may still be writing its own files when it is killed.
  ({ root }) => Effect.sync(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 })),
)

interface Around {
  readonly provider: ResolvedProvider
  readonly version: string
  readonly model: WantedModel
  readonly durationMs: number
}

const judged = (score: ClaudeScore, events: readonly DomainEvent[], around: Around): Finding => {
  const { provider, version, model, durationMs } = around
  const usage = events.reduce(
    (sum, event) => (event._tag === 'AttemptSucceeded' ? addUsage(sum, event.usage) : sum),
    noUsage,
  )
  const inputTokens = usage.inputTokens + usage.cacheReadTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens
  const failures = events.flatMap((event) => (event._tag === 'AttemptFailed' ? [event.reason] : []))
  const details = {
    ...score,
    durationMs,
    inputTokens,
    outputTokens: usage.outputTokens,
    failedAttempts: failures.length,
    model: model.model ?? null,
    client: version,
  }
  const wrong = [
    ...(score.finished ? [] : ['it did not finish']),
    ...(score.fileRight ? [] : ['the file is not right']),
    ...(score.answerRight ? [] : ['the answer is not what the file says']),
    ...(score.retries === 0 ? [] : [`retries: ${score.retries}`]),
    ...(failures.length === 0 ? [] : [`failed attempts: ${failures.length}`]),
  ]
  const found = wrong.length === 0 ? `the task was done in ${(durationMs / 1000).toFixed(1)} s` : wrong.join(', ')
  if (wrong.length === 0) return { check: 'claude-code', result: 'ok', found, details }
  const last = failures.at(-1)
  return {
    check: 'claude-code',
    result: score.finished && score.fileRight ? 'warning' : 'failed',
    found: last === undefined ? found : `${found} (${describeReason(last)})`,
    advice:
      last === undefined
        ? `The model ${model.model} does not do what Claude Code needs; map its models in providers.${provider.id}.models to a stronger one.`
        : adviceFor(last, { provider, ...(model.model === undefined ? {} : { model: model.model }) }),
    details,
  }
}
