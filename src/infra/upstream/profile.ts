/**
 * What one provider speaks, as data: which dialect, at which paths, with which quirks. A preset is the part that all users
 * of a service share; the configuration fills in the rest (src/infra/config/resolve-provider.ts) and makes a profile of it.
 * Nothing here or in the adapters asks for a provider's name.
 */
import type { HeaderList } from '#actors/ports.ts'
import type { OpenAiQuirks } from '#domain/dialect/openai/target.ts'
import type { Naming } from '#domain/policy.ts'
import type { CredentialHeader } from '#infra/credentials/credential-reference.ts'

/** Paths after the base URL; `{model}` stands for the model's name, percent-encoded. */
export interface Paths {
  /** A model call. */
  readonly call: string
  /** A streamed one, where it has a path of its own. */
  readonly stream?: string
  readonly countTokens?: string
  readonly models?: string
}

interface ProfileBase {
  readonly paths: Paths
  /** Sent with every call; names in lower case. */
  readonly headers: HeaderList
  /** Members that are added to every request body, unless the client's has them. */
  readonly extraBody?: { readonly [member: string]: unknown }
  /** Of a service that has ended: what to tell who still uses it. */
  readonly retired?: Retirement
  /** `claude`: it has no list of models, but is known to offer Claude. */
  readonly lists?: 'claude'
  /** Its list of models tells their prices, as OpenRouter's does. */
  readonly priceFeed?: true
  /** What its `x-ratelimit-*-requests` headers count by, where it is not the minute. */
  readonly requestsHeaderWindow?: 'day'
}

/** Speaks the Anthropic Messages API: bytes pass, but for what is named here. */
export interface AnthropicProfile extends ProfileBase {
  readonly dialect: 'anthropic'
  /** `vertex`: the model is in the path, and the version in the body (providers 2.2). */
  readonly bodyForm: 'messages' | 'vertex'
  /** Features that it is known to refuse (ids as in paired-features.ts). */
  readonly without: readonly string[]
  /** `translate`: errors that are not Anthropic's are told in its words. `pass`: every answer goes on as it came. */
  readonly errors: 'pass' | 'translate'
  /** Its thinking is not Claude's, even under Claude's name: signatures are marked, so that Claude never gets them. */
  readonly foreignThinking: boolean
  /** A copy of the client's betas under this name. */
  readonly betaHeader?: string
  /** Models that are asked in the other dialect, and how. */
  readonly chat?: { readonly models: readonly string[]; readonly profile: ChatProfile }
}

/** Speaks OpenAI chat completions: requests and answers are translated. */
export interface ChatProfile extends ProfileBase {
  readonly dialect: 'openai'
  readonly quirks: OpenAiQuirks
  /** Quirks of some of its models, by pattern; later ones win. */
  readonly modelQuirks: readonly ModelQuirks[]
}

export type Profile = AnthropicProfile | ChatProfile

export interface ModelQuirks {
  readonly models: readonly string[]
  readonly quirks: Partial<OpenAiQuirks>
}

export interface Retirement {
  /** Day, as people write it. */
  readonly since: string
  readonly successors: string
}

/** Settings of a provider that presets fill into their URLs and paths. */
export const SETTINGS = [
  'project',
  'location',
  'workspace',
  'organization',
  'region',
  'resource',
  'apiVersion',
] as const
export type SettingName = (typeof SETTINGS)[number]

/** How a preset uses a setting. */
export interface SettingUse {
  /** Where it is looked for when the configuration does not say it: the variables that the service's own tools read. */
  readonly variables?: readonly string[]
  readonly default?: string
  /** Nothing is missing without it. */
  readonly optional?: true
}

/** Where a credential is looked for when the configuration names none. */
export type DefaultCredential =
  | { readonly env: string; readonly header: CredentialHeader }
  /** Google Application Default Credentials. */
  | 'adc'
  | 'none'

interface PresetBase {
  /** As documents name it. */
  readonly title: string
  /** With `{setting}` places; undefined: the configuration must say it. */
  readonly baseUrl?: string
  /** Other base URLs by the value of a setting. */
  readonly baseUrlBy?: { readonly [K in SettingName]?: { readonly [value: string]: string } }
  /** The settings that it uses; any other is an error. */
  readonly settings?: { readonly [K in SettingName]?: SettingUse }
  readonly credential: DefaultCredential
  /** How Claude's names are spelled there. */
  readonly naming?: Naming
  /** What Claude Code asks for → what it is asked for, under what the configuration says. */
  readonly models?: { readonly [pattern: string]: string }
  /** Needs of requests that it cannot meet; see RequestAdmitted.needs. */
  readonly lacks?: readonly string[]
  /** Largest body that it takes, in bytes. */
  readonly maxBodyBytes?: number
  /** What the service itself allows; a server elsewhere that speaks the same may allow more. In tokens. */
  readonly limits?: { readonly maxInputTokens?: number; readonly maxOutputTokens?: number }
  readonly headers?: { readonly [name: string]: string }
  readonly lists?: 'claude'
  readonly requestsHeaderWindow?: 'day'
  readonly priceFeed?: true
  readonly retired?: Retirement
  /** What its user must know besides: sentences of docs/upstreams.md, in Markdown. */
  readonly notes?: readonly string[]
}

export interface AnthropicPreset extends PresetBase {
  readonly dialect: 'anthropic'
  readonly paths?: Paths
  readonly bodyForm?: AnthropicProfile['bodyForm']
  readonly without?: readonly string[]
  readonly errors?: AnthropicProfile['errors']
  readonly foreignThinking?: true
  readonly betaHeader?: string
  /** The same service in the other dialect. */
  readonly chat?: ChatPreset
}

export interface ChatPreset extends PresetBase {
  readonly dialect: 'openai'
  readonly paths?: Paths
  /** Paths when a setting is given. */
  readonly pathsWith?: { readonly [K in SettingName]?: Paths }
  readonly quirks?: Partial<OpenAiQuirks>
  readonly modelQuirks?: readonly ModelQuirks[]
}

export type Preset = AnthropicPreset | ChatPreset

/** Where the Messages API lies, unless a preset says otherwise. */
export const ANTHROPIC_PATHS: Paths = {
  call: '/v1/messages',
  countTokens: '/v1/messages/count_tokens',
  models: '/v1/models',
}

/** Base URLs of the chat dialect end in `/v1` or the like. */
export const CHAT_PATHS: Paths = { call: '/chat/completions', models: '/models' }

/** A server that speaks the Anthropic format and nothing special. */
export const plainAnthropic: AnthropicProfile = {
  dialect: 'anthropic',
  paths: ANTHROPIC_PATHS,
  headers: [],
  bodyForm: 'messages',
  without: [],
  errors: 'translate',
  foreignThinking: false,
}
