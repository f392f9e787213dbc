/**
 * A preset and what the configuration adds to it → the profile by which a provider is spoken to.
 */
import type { OpenAiQuirks } from '#domain/dialect/openai/target.ts'
import { openAiQuirks } from '#domain/dialect/openai/target.ts'
import type { Checks } from '#infra/config/checks.ts'
import { fillIn, resolveSettings, type Settings } from '#infra/config/resolve-settings.ts'
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
  SETTINGS,
} from '#infra/upstream/profile.ts'

type ProviderFile = NonNullable<ConfigFile['providers']>[string]

export interface ResolvedProfile {
  readonly preset: Preset
  readonly profile: Profile
  /** The preset's own; undefined when it has none. */
  readonly ownBaseUrl: string | undefined
}

export const resolveProfile = (file: ProviderFile, path: readonly string[], checks: Checks): ResolvedProfile => {
  const preset = presetOf(file, path, checks)
  const templates = [
    ...(file.baseUrl === undefined && preset.baseUrl !== undefined ? [preset.baseUrl] : []),
    ...Object.values(preset.paths ?? {}),
  ]
  const settings = resolveSettings(file, preset, templates, path, checks)
  const template = baseUrlOf(preset, settings)
  const profile =
    preset.dialect === 'openai' ? chatProfile(preset, file, settings) : anthropicProfile(preset, file, settings)
  checkOptions(file, preset, path, checks)
  if (preset.retired !== undefined && file.baseUrl === undefined) {
    const { since, successors } = preset.retired
    checks.warn(
      'notAvailable',
      [...path, 'kind'],
      `${preset.title} was retired on ${since} at its own address; use ${successors}`,
    )
  }
  return { preset, profile, ownBaseUrl: template === undefined ? undefined : fillIn(template, settings) }
}

const presetOf = (file: ProviderFile, path: readonly string[], checks: Checks): Preset => {
  const { standard, named } = PRESETS[file.kind]
  if (file.preset === undefined) return standard
  const preset = Object.hasOwn(named, file.preset) ? named[file.preset] : undefined
  if (preset !== undefined) return preset
  const wanted = file.preset
  const kinds = Object.entries(PRESETS).flatMap(([kind, presets]) =>
    Object.hasOwn(presets.named, wanted) ? [kind] : [],
  )
  const text = `${wanted} is a preset of the kind ${kinds.join(' and the kind ')}, not of ${file.kind}`
  checks.report('invalidValue', [...path, 'preset'], text)
  return standard
}

/** Keys that mean something to some presets only. */
const checkOptions = (file: ProviderFile, preset: Preset, path: readonly string[], checks: Checks): void => {
  const both = preset.dialect === 'anthropic' && preset.chat !== undefined
  if (file.quirks !== undefined && preset.dialect === 'anthropic' && !both) {
    checks.report('conflict', [...path, 'quirks'], `are of the chat dialect, which ${preset.title} is not asked in`)
  }
  if (file.chatModels !== undefined && !both) {
    checks.report('conflict', [...path, 'chatModels'], 'is for a provider that speaks both dialects (kind openrouter)')
  }
  for (const name of Object.keys(file.extraBody ?? {})) {
    if (MADE_BY_US.has(name)) {
      checks.report('invalidValue', [...path, 'extraBody', name], 'cannot be added; it follows from the request')
    }
  }
}

const MADE_BY_US: ReadonlySet<string> = new Set(['model', 'messages', 'stream'])

const baseUrlOf = (preset: Preset, settings: Settings): string | undefined => {
  for (const name of SETTINGS) {
    const value = settings[name]
    const urls = preset.baseUrlBy?.[name] ?? {}
    // A location named `constructor` is none, and an object has more than its own.
    if (value !== undefined && Object.hasOwn(urls, value)) return urls[value]
  }
  return preset.baseUrl
}

const fillPaths = (paths: Paths, settings: Settings): Paths => ({
  call: fillIn(paths.call, settings),
  ...(paths.stream === undefined ? {} : { stream: fillIn(paths.stream, settings) }),
  ...(paths.countTokens === undefined ? {} : { countTokens: fillIn(paths.countTokens, settings) }),
  ...(paths.models === undefined ? {} : { models: fillIn(paths.models, settings) }),
})

const shared = (preset: Preset, file: ProviderFile) => ({
  headers: Object.entries(preset.headers ?? {}).map(([name, value]) => [name, value] as const),
  ...(file.extraBody === undefined ? {} : { extraBody: file.extraBody }),
  ...(preset.lists === undefined ? {} : { lists: preset.lists }),
  ...(preset.priceFeed === undefined ? {} : { priceFeed: preset.priceFeed }),
  ...(preset.requestsHeaderWindow === undefined ? {} : { requestsHeaderWindow: preset.requestsHeaderWindow }),
  // A server elsewhere that speaks the same is not the one that ended.
  ...(preset.retired === undefined || file.baseUrl !== undefined ? {} : { retired: preset.retired }),
})

const anthropicProfile = (preset: AnthropicPreset, file: ProviderFile, settings: Settings): Profile => ({
  ...shared(preset, file),
  dialect: 'anthropic',
  paths: fillPaths(preset.paths ?? ANTHROPIC_PATHS, settings),
  bodyForm: preset.bodyForm ?? 'messages',
  without: preset.without ?? [],
  errors: preset.errors ?? 'translate',
  foreignThinking: preset.foreignThinking === true,
  ...(preset.betaHeader === undefined ? {} : { betaHeader: preset.betaHeader }),
  ...(preset.chat === undefined
    ? {}
    : { chat: { models: file.chatModels ?? [], profile: chatProfile(preset.chat, file, settings) } }),
})

const chatProfile = (preset: ChatPreset, file: ProviderFile, settings: Settings): ChatProfile => {
  const special = SETTINGS.find((name) => settings[name] !== undefined && preset.pathsWith?.[name] !== undefined)
  const paths = (special && preset.pathsWith?.[special]) ?? preset.paths ?? CHAT_PATHS
  const maxOutputTokens = file.baseUrl === undefined ? preset.limits?.maxOutputTokens : undefined
  const said = file.quirks ?? {}
  return {
    ...shared(preset, file),
    dialect: 'openai',
    paths: fillPaths(paths, settings),
    quirks: withQuirks(
      { ...openAiQuirks, ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }), ...preset.quirks },
      said,
    ),
    modelQuirks: (preset.modelQuirks ?? []).map(({ models, quirks }) => ({
      models,
      quirks: unless(quirks, said),
    })),
  }
}

/** A flag that is `false` is one that is not there. */
const withQuirks = (quirks: OpenAiQuirks, said: QuirksFile): OpenAiQuirks =>
  // The schema of `QuirksFile` is that of `OpenAiQuirks` but for the flags that are false, which are left out here.
  Object.fromEntries(
    Object.entries({ ...quirks, ...said }).filter(([, value]) => value !== false),
  ) as unknown as OpenAiQuirks

/** What the operator says of a quirk holds for all models. */
const unless = (quirks: Partial<OpenAiQuirks>, said: QuirksFile): Partial<OpenAiQuirks> =>
  Object.fromEntries(Object.entries(quirks).filter(([name]) => !Object.hasOwn(said, name)))
