/**
 * `signalbox doctor`: looks at every provider of the configuration and says what is wrong and what to do. Without `--live` and
 * `--claude-code` it costs nothing.
 */
import { tmpdir } from 'node:os'
import { Console, Effect, Result } from 'effect'
import { claudeVersion } from '#cli/doctor/claude-client.ts'
import type { Confirmed } from '#cli/doctor/confirm.ts'
import { diagnose } from '#cli/doctor/diagnose.ts'
import { type Diagnosis, hasFailed } from '#cli/doctor/finding.ts'
import { render } from '#cli/doctor/render.ts'
import { loggerLayer } from '#cli/logger.ts'
import { progress } from '#cli/progress.ts'
import { VERSION } from '#cli/version.ts'
import type { Config, ResolvedProvider } from '#infra/config/config.ts'
import { type LoadOptions, loadConfig } from '#infra/config/load.ts'
import { nearest } from '#infra/config/nearest.ts'
import { formatProblem } from '#infra/config/problem.ts'

export interface DoctorOptions {
  readonly load: LoadOptions
  /** Names of providers; none: all that are enabled. */
  readonly providers: readonly string[]
  readonly live: boolean
  readonly claudeCode: boolean
  /** `claude` as it is found in the PATH, or a path. */
  readonly claude: string
  /** Costs are agreed to. */
  readonly yes: boolean
  readonly json: boolean
  readonly confirm: (question: string) => Effect.Effect<Confirmed>
}

/** Answers the exit code: 0 nothing failed, 1 something did, 2 wrong usage. */
export const doctor = (options: DoctorOptions): Effect.Effect<number> =>
  Effect.gen(function* () {
    const loaded = yield* Effect.result(loadConfig(options.load))
    if (Result.isFailure(loaded)) {
      const { message, problems, source } = loaded.failure
      if (options.json) yield* Console.log(documentOf(source.files, [], problems.map(formatProblem), []))
      else yield* Console.error(message)
      return 1
    }
    const config = loaded.success
    const chosen = choose(config, options.providers)
    if (Result.isFailure(chosen)) {
      yield* Console.error(chosen.failure)
      return 2
    }
    const client = yield* Effect.result(prepareClient(options, chosen.success.length))
    if (Result.isFailure(client)) {
      yield* Console.error(client.failure.text)
      return client.failure.exitCode
    }
    const warnings = config.warnings.map(formatProblem)
    if (options.live && chosen.success.length > 0) yield* Console.error(LIVE_COSTS)
    const bar = progress('checking', options.json)
    const diagnoses = yield* diagnose({
      config,
      providers: chosen.success,
      live: options.live,
      claude: client.success,
      onProgress: bar.update,
    })
    bar.done()
    if (options.json) yield* Console.log(documentOf(config.source.files, warnings, [], diagnoses))
    else {
      for (const warning of warnings) yield* Console.log(`Warning: ${warning}`)
      yield* Console.log(diagnoses.length === 0 ? NOBODY : render(diagnoses))
    }
    return hasFailed(diagnoses) ? 1 : 0
  }).pipe(Effect.provide(loggerLayer({ level: 'error', format: 'pretty' })))

const LIVE_COSTS = '--live makes two calls of at most 64 tokens at each provider: a fraction of a cent each.'
const NOBODY = 'There is no provider to look at; only simulated ones would serve. Name one in signalbox.yaml.'

const choose = (
  { providers }: Config,
  names: readonly string[],
): Result.Result<readonly ResolvedProvider[], string> => {
  if (names.length === 0) return Result.succeed(providers.filter(({ policy }) => policy.enabled))
  const ids: readonly string[] = providers.map(({ id }) => id)
  const unknown = names.find((name) => !ids.includes(name))
  if (unknown === undefined) return Result.succeed(providers.filter(({ id }) => names.includes(id)))
  const meant = nearest(unknown, ids)
  const known = meant.length === 0 ? `there is ${ids.join(', ') || 'none'}` : `did you mean ${meant.join(' or ')}?`
  return Result.fail(`There is no provider ${JSON.stringify(unknown)}; ${known}`)
}

interface Refused {
  readonly text: string
  readonly exitCode: number
}

/** Nothing is asked about a client that is not there. */
const prepareClient = (options: DoctorOptions, providers: number) =>
  Effect.gen(function* () {
    if (!options.claudeCode) return undefined
    const version = yield* Effect.mapError(
      claudeVersion(options.claude, process.env, tmpdir()),
      ({ message }): Refused => ({ text: message, exitCode: 1 }),
    )
    const client = { command: options.claude, version }
    if (options.yes) return client
    const costs = `Claude Code ${version} does a small task through ${providers === 1 ? 'one provider' : `${providers} providers`}, which costs some cents each.`
    const answer = yield* options.confirm(`${costs} Go on?`)
    if (answer === 'yes') return client
    return yield* Effect.fail<Refused>(
      answer === 'no'
        ? { text: 'Nothing was done.', exitCode: 1 }
        : { text: `${costs} Nobody is there to be asked: add --yes.`, exitCode: 2 },
    )
  })

/** Raised when a member changes its meaning or goes; new ones may come any time. */
const DOCUMENT_VERSION = 1

/** The same members always, whatever was found. */
const documentOf = (
  files: readonly string[],
  warnings: readonly string[],
  problems: readonly string[],
  diagnoses: readonly Diagnosis[],
): string =>
  JSON.stringify(
    {
      version: DOCUMENT_VERSION,
      signalbox: VERSION,
      ok: problems.length === 0 && !hasFailed(diagnoses),
      configuration: { files, warnings, problems },
      providers: diagnoses.map(({ findings, ...about }) => ({
        ...about,
        checks: findings.map(({ advice = null, details = {}, ...finding }) => ({ ...finding, advice, details })),
      })),
    },
    null,
    2,
  )
