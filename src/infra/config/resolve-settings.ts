/**
 * The settings that a preset fills into its URLs and paths: from the configuration, from the variables of the service's own
 * tools, or the preset's default. What may stand in them is checked here, once, whatever they are filled into.
 */
import type { Checks } from '#infra/config/checks.ts'
import type { ConfigFile } from '#infra/config/schema.ts'
import type { Preset, SettingName, SettingUse } from '#infra/upstream/profile.ts'
import { SETTINGS } from '#infra/upstream/profile.ts'

type ProviderFile = NonNullable<ConfigFile['providers']>[string]

export type Settings = { readonly [K in SettingName]?: string }

/** Settings become part of hosts and paths: no character of theirs may end one. */
const FORMS: { readonly [K in SettingName]: { readonly pattern: RegExp; readonly expected: string } } = {
  // Old projects belong to a domain: `example.com:my-project`.
  project: { pattern: /^[a-z0-9](?:[a-z0-9.:-]*[a-z0-9])?$/i, expected: 'the id of a Google Cloud project' },
  location: {
    pattern: /^(?:global|us|eu|[a-z]+(?:-[a-z]+)+[0-9]+)$/,
    expected: 'global, us, eu or a region such as us-east5',
  },
  workspace: { pattern: /^[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?$/i, expected: 'the id of a workspace' },
  organization: { pattern: /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i, expected: 'the name of a GitHub organization' },
  region: { pattern: /^[a-z]{2}(?:-[a-z]+)+-[0-9]+$/, expected: 'an AWS region such as us-east-1' },
  resource: { pattern: /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i, expected: 'letters, digits and - between them' },
  apiVersion: { pattern: /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i, expected: 'a version such as 2024-10-21 or preview' },
}

/** Reports what is missing of the settings that `templates` have places for, what is malformed, and what is of no use here. */
export const resolveSettings = (
  file: ProviderFile,
  preset: Preset,
  templates: readonly string[],
  path: readonly string[],
  checks: Checks,
): Settings => {
  const entries = SETTINGS.flatMap((name): readonly (readonly [SettingName, string])[] => {
    const use = preset.settings?.[name]
    if (use === undefined) {
      if (file[name] !== undefined) checks.report('conflict', [...path, name], `is not used by ${preset.title}`)
      return []
    }
    const { value, from } = look(file[name], use, checks)
    if (value === undefined) {
      const needed = use.optional !== true && templates.some((template) => template.includes(`{${name}}`))
      if (needed) checks.report('missingKey', [...path, name], missing(preset, use))
      return []
    }
    const { pattern, expected } = FORMS[name]
    if (!pattern.test(value)) checks.report('invalidValue', [...path, name], `expected ${expected}${from}`)
    return [[name, value]]
  })
  return Object.fromEntries(entries)
}

const look = (
  written: string | undefined,
  use: SettingUse,
  { environment }: Checks,
): { readonly value: string | undefined; readonly from: string } => {
  if (written !== undefined) return { value: written, from: '' }
  const variable = use.variables?.find((name) => (environment[name] ?? '') !== '')
  return variable === undefined
    ? { value: use.default, from: '' }
    : { value: environment[variable], from: ` in the environment variable ${variable}` }
}

const missing = (preset: Preset, { variables }: SettingUse): string => {
  const or = variables === undefined ? '' : ` (or set ${variables[0]})`
  return `is missing; ${preset.title} needs it${or}`
}

/** The places of a template filled; `{model}` stays for each call. What was reported as missing leaves its place empty. */
export const fillIn = (template: string, settings: Settings): string =>
  SETTINGS.reduce((text, name) => text.replaceAll(`{${name}}`, encodeURIComponent(settings[name] ?? '')), template)
