/**
 * A preset and what the configuration adds to it → the profile by which a provider is spoken to.
 */
import type { OpenAiQuirks } from '#domain/dialect/openai/target.ts'
import { openAiQuirks } from '#domain/dialect/openai/target.ts'
import type { Checks } from '#infra/config/checks.ts'
import type { ConfigFile } from '#infra/config/schema.ts'
import type { QuirksFile } from '#infra/config/schema-quirks.ts'
import { PRESETS } from '#infra/upstream/presets/index.ts'
import {
  ANTHROPIC_PATHS,
  type AnthropicPreset,
  CHAT_PATHS,
  type ChatPreset,
  type ChatProfile,
  type Paths,
  type Preset,
  type Profile,
  SETTING_VARIABLES,
  SETTINGS,
  type SettingName,
} from '#infra/upstream/profile.ts'

type ProviderFile = NonNullable<ConfigFile['providers']>[string]

export type Settings = { readonly [K in SettingName]?: string }

export interface ResolvedProfile {
  readonly preset: Preset
  readonly profile: Profile
  /** Undefined when neither the configuration nor the preset says it. */
  readonly baseUrl: string | undefined
}

export const resolveProfile = (file: ProviderFile, path: readonly string[], checks: Checks): ResolvedProfile => {
  const preset = presetOf(file, path, checks)
  const settings = settingsOf(file, preset, checks)
  const fill = (template: string): string => fillIn(template, settings, path, checks)
  const template = baseUrlOf(preset, settings)
  const baseUrl = file.baseUrl ?? (template === undefined ? undefined : fill(template))
  const profile =
    preset.dialect === 'openai'
      ? chatProfile(preset, file, settings, fill)
      : anthropicProfile(preset, file, settings, fill)
  if (preset.dialect === 'anthropic' && file.quirks !== undefined && preset.chat === undefined) {
    checks.report(
      'conflict',
      [...path, 'quirks'],
      `are of the chat dialect, which the kind ${file.kind} does not speak`,
    )
  }
  if (file.chatModels !== undefined && !('chat' in preset)) {
    checks.report('conflict', [...path, 'chatModels'], 'is for a provider that speaks both dialects (openrouter)')
  }
  if (preset.retired !== undefined && file.baseUrl === undefined) {
    const { since, successors } = preset.retired
    checks.warn(
      'notAvailable',
      [...path, 'kind'],
      `${preset.title} was retired on ${since} at its own address; use ${successors}`,
    )
  }
  return { preset, profile, baseUrl }
}

const presetOf = (file: ProviderFile, path: readonly string[], checks: Checks): Preset => {
  const { standard, named } = PRESETS[file.kind]
  if (file.preset === undefined) return standard
  const preset = Object.hasOwn(named, file.preset) ? named[file.preset] : undefined
  if (preset !== undefined) return preset
  const names = Object.keys(named)
  const known = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`
  checks.report('invalidValue', [...path, 'preset'], `is not a preset of the kind ${file.kind}; ${known}`)
  return standard
}

const settingsOf = (file: ProviderFile, preset: Preset, checks: Checks): Settings =>
  Object.fromEntries(
    SETTINGS.flatMap((name) => {
      const variables = SETTING_VARIABLES[name] ?? []
      const found = variables.map((variable) => checks.environment[variable]).find((value) => (value ?? '') !== '')
      const value = file[name] ?? found ?? preset.defaults?.[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )

const baseUrlOf = (preset: Preset, settings: Settings): string | undefined => {
  for (const name of SETTINGS) {
    const value = settings[name]
    const special = value === undefined ? undefined : preset.baseUrlBy?.[name]?.[value]
    if (special !== undefined) return special
  }
  return preset.baseUrl
}

/** Settings become part of hosts and paths: no character of theirs may end one. */
const SETTING = /^[A-Za-z0-9](?:[A-Za-z0-9._:-]*[A-Za-z0-9])?$/

const fillIn = (template: string, settings: Settings, path: readonly string[], checks: Checks): string =>
  template.replaceAll(/\{([a-zA-Z]+)\}/g, (place, name: SettingName | 'model') => {
    if (name === 'model') return place
    const value = settings[name]
    if (value === undefined) {
      const variables = SETTING_VARIABLES[name]
      const or = variables === undefined ? '' : ` (or set ${variables[0]})`
      checks.report('missingKey', [...path, name], `is missing; this provider needs it${or}`)
      return ''
    }
    if (!SETTING.test(value)) checks.report('invalidValue', [...path, name], 'expected letters, digits, - . _ or :')
    return encodeURIComponent(value)
  })

const fillPaths = (paths: Paths, fill: (template: string) => string): Paths => ({
  call: fill(paths.call),
  ...(paths.stream === undefined ? {} : { stream: fill(paths.stream) }),
  ...(paths.countTokens === undefined ? {} : { countTokens: fill(paths.countTokens) }),
  ...(paths.models === undefined ? {} : { models: fill(paths.models) }),
})

const shared = (preset: Preset, file: ProviderFile) => ({
  headers: Object.entries(preset.headers ?? {}).map(([name, value]) => [name, value] as const),
  ...(file.extraBody === undefined ? {} : { extraBody: file.extraBody }),
  ...(preset.lists === undefined ? {} : { lists: preset.lists }),
  ...(preset.retired === undefined ? {} : { retired: preset.retired }),
})

const anthropicProfile = (
  preset: AnthropicPreset,
  file: ProviderFile,
  settings: Settings,
  fill: (template: string) => string,
): Profile => ({
  ...shared(preset, file),
  dialect: 'anthropic',
  paths: fillPaths(preset.paths ?? ANTHROPIC_PATHS, fill),
  bodyForm: preset.bodyForm ?? 'messages',
  without: preset.without ?? [],
  errors: preset.errors ?? 'translate',
  foreignThinking: preset.foreignThinking === true,
  ...(preset.betaHeader === undefined ? {} : { betaHeader: preset.betaHeader }),
  ...(preset.chat === undefined
    ? {}
    : { chat: { models: file.chatModels ?? [], profile: chatProfile(preset.chat, file, settings, fill) } }),
})

const chatProfile = (
  preset: ChatPreset,
  file: ProviderFile,
  settings: Settings,
  fill: (template: string) => string,
): ChatProfile => {
  const special = SETTINGS.find((name) => settings[name] !== undefined && preset.pathsWith?.[name] !== undefined)
  const paths = (special && preset.pathsWith?.[special]) ?? preset.paths ?? CHAT_PATHS
  return {
    ...shared(preset, file),
    dialect: 'openai',
    paths: fillPaths(paths, fill),
    quirks: withQuirks({ ...openAiQuirks, ...preset.quirks }, file.quirks ?? {}),
    modelQuirks: [
      ...(preset.modelQuirks ?? []),
      // What the operator says holds for all models.
      ...(file.quirks === undefined ? [] : [{ models: ['*'], quirks: withQuirks({}, file.quirks) }]),
    ],
  }
}

/** A flag that is `false` is one that is not there. */
const withQuirks = <Q extends Partial<OpenAiQuirks>>(quirks: Q, file: QuirksFile): Q =>
  Object.fromEntries(
    Object.entries<unknown>({ ...quirks, ...file }).filter(([, value]) => value !== false),
  ) as unknown as Q
