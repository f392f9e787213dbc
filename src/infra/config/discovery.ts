/**
 * The providers that are found without a `providers` block: those that need nothing but variables of their services' own
 * tools. Not GITHUB_TOKEN: it is set on every build machine for other reasons, and the service has ended.
 */
import type { Discovery } from '#infra/config/config.ts'
import type { Environment } from '#infra/config/environment.ts'
import { fromPlain, type MapNode, setAt } from '#infra/config/tree.ts'
import { PRESETS, type ProviderKind } from '#infra/upstream/presets/index.ts'
import type { Preset } from '#infra/upstream/profile.ts'

interface Service {
  readonly provider: string
  readonly kind: ProviderKind
  readonly preset?: string
  readonly priority: number
}

/** Claude at its maker before Claude elsewhere, both before other models, those untranslated before those translated. */
export const SERVICES: readonly Service[] = [
  { provider: 'anthropic', kind: 'anthropic', priority: 10 },
  { provider: 'vertex', kind: 'vertex', priority: 20 },
  { provider: 'bedrock', kind: 'anthropic-compatible', preset: 'bedrock-mantle', priority: 20 },
  { provider: 'foundry', kind: 'anthropic-compatible', preset: 'foundry', priority: 20 },
  { provider: 'openrouter', kind: 'openrouter', priority: 30 },
  { provider: 'deepseek', kind: 'anthropic-compatible', preset: 'deepseek', priority: 40 },
  { provider: 'kimi', kind: 'anthropic-compatible', preset: 'kimi', priority: 40 },
  { provider: 'zai', kind: 'anthropic-compatible', preset: 'zai', priority: 40 },
  { provider: 'minimax', kind: 'anthropic-compatible', preset: 'minimax', priority: 40 },
  { provider: 'openai', kind: 'openai-compatible', preset: 'openai', priority: 50 },
  { provider: 'gemini', kind: 'openai-compatible', preset: 'gemini', priority: 50 },
  { provider: 'xai', kind: 'openai-compatible', preset: 'xai', priority: 50 },
  { provider: 'groq', kind: 'openai-compatible', preset: 'groq', priority: 50 },
]

/** ANTHROPIC_BASE_URL is left alone on purpose: where Claude Code is set up to use Signalbox, it points at us. */
export const discover = (environment: Environment): readonly Discovery[] =>
  SERVICES.map((service) => {
    const needed = variablesOf(presetOf(service))
    const isSet = (name: string): boolean => (environment[name] ?? '') !== ''
    return {
      provider: service.provider,
      variables: needed.map((alternatives) => alternatives.find(isSet) ?? alternatives[0] ?? ''),
      found: needed.every((alternatives) => alternatives.some(isSet)),
    }
  })

export const withDiscovered = (tree: MapNode, discovery: readonly Discovery[]): MapNode =>
  SERVICES.filter(({ provider }) => discovery.some((one) => one.provider === provider && one.found)).reduce(
    (result, service) => {
      const { provider, ...entry } = service
      const { credential } = presetOf(service)
      // Said here, so that a variable may send it to another address.
      const value = typeof credential === 'object' ? { ...entry, credential: { env: credential.env } } : entry
      return setAt(result, ['providers', provider], fromPlain(value, { _tag: 'Builtin' }))
    },
    tree,
  )

const presetOf = ({ kind, preset }: Service): Preset => {
  const { standard, named } = PRESETS[kind]
  return (preset === undefined ? undefined : named[preset]) ?? standard
}

/** All that must be set, each with its alternatives. A login or a metadata server would not show in the environment. */
export const variablesOf = (preset: Preset): readonly (readonly string[])[] => [
  ...Object.values(preset.settings ?? {}).flatMap(({ variables = [], default: standard, optional }) =>
    standard === undefined && optional !== true ? [variables] : [],
  ),
  ...(preset.credential === 'adc' ? [['GOOGLE_APPLICATION_CREDENTIALS']] : []),
  ...(typeof preset.credential === 'object' ? [[preset.credential.env]] : []),
]
