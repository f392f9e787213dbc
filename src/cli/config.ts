/**
 * `signalbox config check` and `signalbox config show`: what is wrong with the configuration, and what is in force.
 */
import { Effect, Result } from 'effect'
import { stringify } from 'yaml'
import { describeMissing, describeProvider } from '#infra/config/describe-provider.ts'
import { type LoadOptions, loadConfig } from '#infra/config/load.ts'
import { formatProblem } from '#infra/config/problem.ts'
import { redactedConfig } from '#infra/config/redacted-config.ts'

export interface Outcome {
  readonly text: string
  /** 0: usable; 1: not. */
  readonly exitCode: number
}

/** Says what is wrong, or what was read and which providers it gives. */
export const configCheck = (options: LoadOptions): Effect.Effect<Outcome> =>
  Effect.map(Effect.result(loadConfig(options)), (loaded) => {
    if (Result.isFailure(loaded)) return { text: loaded.failure.message, exitCode: 1 }
    const { providers, source, discovery, warnings, simulator } = loaded.success
    const missing = describeMissing(discovery)
    const from = source.files.length === 0 ? 'no file, the environment only' : source.files.join(', ')
    const names = providers.map(({ id, policy }) => (policy.enabled ? id : `${id} (disabled)`)).join(', ')
    const lines = [
      `The configuration is good (${from}).`,
      `Providers: ${names === '' ? 'none' : names}${simulator ? ' and the simulated ones' : ''}`,
      ...providers.flatMap(describeProvider),
      ...(missing === undefined ? [] : [missing]),
      ...warnings.map((warning) => `Warning: ${formatProblem(warning)}`),
    ]
    return { text: lines.join('\n'), exitCode: 0 }
  })

/** The configuration in force with all defaults, without any secret, as YAML or JSON. */
export const configShow = (options: LoadOptions, format: { readonly json: boolean }): Effect.Effect<Outcome> =>
  Effect.map(Effect.result(loadConfig(options)), (loaded) => {
    if (Result.isFailure(loaded)) return { text: loaded.failure.message, exitCode: 1 }
    const shown = redactedConfig(loaded.success)
    const text = format.json
      ? JSON.stringify(shown, null, 2)
      : stringify(shown, { aliasDuplicateObjects: false, lineWidth: 0 }).trimEnd()
    return { text, exitCode: 0 }
  })
