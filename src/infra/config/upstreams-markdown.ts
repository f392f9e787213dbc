/**
 * The generated part of docs/upstreams.md: what each kind and preset is, out of the data by which providers are spoken to.
 */
import { describeDialect } from '#infra/config/describe-provider.ts'
import { SERVICES, variablesOf } from '#infra/config/discovery.ts'
import { KINDS, PRESETS, type ProviderKind } from '#infra/upstream/presets/index.ts'
import type { Preset, SettingName } from '#infra/upstream/profile.ts'
import { plainAnthropic, SETTINGS } from '#infra/upstream/profile.ts'

/** One way to name a server. */
export interface Offer {
  readonly kind: ProviderKind
  /** Undefined: the kind alone. */
  readonly name: string | undefined
  readonly preset: Preset
}

/** Every kind with every preset; a preset that only gives the kind's standard another name is left out. */
export const offers: readonly Offer[] = KINDS.flatMap((kind) => {
  const { standard, named } = PRESETS[kind]
  const others = Object.entries(named).filter(([, preset]) => preset !== standard)
  return [{ kind, name: undefined, preset: standard }, ...others.map(([name, preset]) => ({ kind, name, preset }))]
})

const SAMPLES: { readonly [K in SettingName]: string } = {
  project: 'my-project',
  location: 'global',
  workspace: 'wrkspc_01',
  organization: 'my-organization',
  region: 'us-east-1',
  resource: 'my-resource',
  apiVersion: 'preview',
}

/** The least that the configuration must say of it. */
export const minimalEntry = ({ kind, name, preset }: Offer): Readonly<Record<string, unknown>> => ({
  kind,
  ...(name === undefined ? {} : { preset: name }),
  ...(preset.baseUrl === undefined ? { baseUrl: SAMPLE_URL[preset.dialect] } : {}),
  ...Object.fromEntries(
    SETTINGS.flatMap((setting) => {
      const use = preset.settings?.[setting]
      const needed = use !== undefined && use.default === undefined && use.optional !== true
      return needed ? [[setting, SAMPLES[setting]]] : []
    }),
  ),
  ...(needsModels(preset) ? { models: { 'claude-*': 'my-model' } } : {}),
})

const SAMPLE_URL = { anthropic: 'https://gateway.example.com/anthropic', openai: 'http://127.0.0.1:5000/v1' }

/** Its models are not Claude, and none is built in. */
const needsModels = (preset: Preset): boolean =>
  preset.models === undefined &&
  preset.naming === undefined &&
  (preset.dialect === 'openai' || preset.foreignThinking === true)

export const upstreamsMarkdown = (): string =>
  KINDS.map((kind) =>
    [`## ${code(kind)}`, ...offers.filter((offer) => offer.kind === kind).map((offer) => section(offer))].join('\n\n'),
  ).join('\n\n')

const section = (offer: Offer): string => {
  const { kind, name, preset } = offer
  const facts = [
    ['Speaks', speaks(preset)],
    ['Base URL', baseUrl(preset)],
    ['Credential', credential(preset)],
    ['Settings', settings(preset)],
    ['Models', models(preset)],
    ['Cannot', cannot(preset)],
    ['Found by itself', found(offer)],
    ['Retired', preset.retired === undefined ? '' : `On ${preset.retired.since}. Use ${preset.retired.successors}.`],
  ]
  return [
    `### ${name === undefined ? preset.title : `${preset.title} (${code(`${kind}`)}, ${code(name)})`}`,
    `\`\`\`yaml\nproviders:\n  ${name ?? kind}: ${flow(minimalEntry(offer))}\n\`\`\``,
    facts.flatMap(([what, text]) => (text === '' ? [] : [`* **${what}.** ${text}`])).join('\n'),
    ...(preset.notes ?? []),
  ].join('\n\n')
}

const speaks = (preset: Preset): string => {
  const dialect =
    preset.dialect === 'openai'
      ? 'Chat completions; requests and answers are translated'
      : `The ${describeDialect({ ...plainAnthropic, bodyForm: preset.bodyForm ?? 'messages' })}`
  return `${dialect}.${'chat' in preset ? ' Models of `chatModels` in chat completions.' : ''}`
}

const baseUrl = ({ baseUrl: standard, baseUrlBy = {} }: Preset): string => {
  if (standard === undefined) return '`baseUrl` must say it.'
  const special = Object.values(baseUrlBy).flatMap((by) =>
    Object.entries(by).map(([value, url]) => `${code(url)} for ${code(value)}`),
  )
  return `${[...special, code(standard)].join(', ')}.`
}

const credential = ({ credential: standard }: Preset): string => {
  if (standard === 'none') return 'None, unless `credential` says one.'
  if (standard === 'adc') return 'Google’s application default credentials (`adc`); `{ adc: PATH }` for one file.'
  const how = standard.header === 'bearer' ? 'authorization: Bearer …' : `${standard.header}: …`
  return `${code(standard.env)}, sent as ${code(how)}.`
}

const settings = ({ settings: uses = {} }: Preset): string =>
  SETTINGS.flatMap((name) => {
    const use = uses[name]
    if (use === undefined) return []
    const from = use.variables === undefined ? '' : ` (else ${use.variables.map(code).join(', ')})`
    const standard = use.default === undefined ? '' : `, by default ${code(use.default)}`
    return [`${code(name)}${from}${standard}${use.optional === true ? ', optional' : ''}.`]
  }).join(' ')

const models = (preset: Preset): string => {
  if (preset.models !== undefined) {
    const entries = Object.entries(preset.models).map(([pattern, name]) => `${code(pattern)} → ${code(name)}`)
    return `${entries.join(', ')}.`
  }
  if (preset.naming !== undefined) return 'Claude, spelled as it is spelled there.'
  return needsModels(preset) ? '`models` must map them.' : 'Under the names that the client uses.'
}

const cannot = (preset: Preset): string => {
  const { maxInputTokens } = preset.limits ?? {}
  const chat = preset.dialect === 'openai'
  const quirks = chat ? (preset.quirks ?? {}) : {}
  const lacking = [
    ...(maxInputTokens === undefined ? [] : [`prompts above ${maxInputTokens.toLocaleString('en')} tokens`]),
    ...(preset.maxBodyBytes === undefined ? [] : [`bodies above ${preset.maxBodyBytes / 1_000_000} MB`]),
    ...new Set([...(preset.lacks ?? []), ...(chat ? ['only:server-tools', 'source:file'] : [])].map(need)),
    ...(quirks.noImages === true ? ['images (left out, and the model is told)'] : []),
    ...(chat && quirks.fileParts !== true ? ['PDF documents (left out, and the model is told)'] : []),
    ...(!chat && preset.paths !== undefined && preset.paths.countTokens === undefined ? ['counting of tokens'] : []),
    ...(chat ? ['counting of tokens'] : []),
  ]
  return lacking.length === 0 ? '' : `${lacking.join(', ')}.`.replace(/^./, (first) => first.toUpperCase())
}

const need = (lack: string): string => {
  if (lack === 'only:server-tools') return 'requests about server tools alone (Claude Code’s web search)'
  if (lack === 'source:url') return 'images and documents by URL'
  if (lack === 'source:file') return 'files that lie at Anthropic'
  return `the server tool ${code(lack.slice(lack.indexOf(':') + 1))}`
}

const found = ({ kind, name, preset }: Offer): string => {
  if (!SERVICES.some((service) => service.kind === kind && service.preset === name)) return ''
  const all = variablesOf(preset).map((alternatives) => alternatives.map(code).join(' or '))
  return `Without a configuration, when ${all.join(' and ')} ${all.length === 1 ? 'is' : 'are'} set.`
}

const flow = (value: unknown): string => {
  if (typeof value !== 'object' || value === null) return String(value)
  const entries = Object.entries(value).map(
    ([name, inner]) => `${name.includes('*') ? `'${name}'` : name}: ${flow(inner)}`,
  )
  return `{ ${entries.join(', ')} }`
}

const code = (text: string): string => `\`${text}\``

/** What follows this is written anew; what stands before it is written by hand. */
const BEGIN = '<!-- The rest is generated by `npm run docs` from src/infra/upstream/presets. -->'

/** The page with its generated part of now. */
export const withGenerated = (page: string): string => {
  const [byHand = ''] = page.split(BEGIN)
  return `${byHand}${BEGIN}\n\n${upstreamsMarkdown()}\n`
}
