/**
 * Claude's models: reading a name in any provider's spelling, writing it in another's, and what each generation accepts.
 * What is compiled in is what decides between generations; prices and lists that change monthly come from data.
 */
import { memo } from '#domain/memo.ts'

export interface ClaudeModel {
  readonly family: string
  readonly major: number
  readonly minor: number
  /** Of the snapshot, as `20251101`; absent where the name has none. */
  readonly date?: string
}

/** Undefined for names that are not those of a Claude model with a version. */
export const parseClaudeModel = (name: string): ClaudeModel | undefined =>
  // Names come from outside; none of a provider's is that long.
  name.length > 200 ? undefined : parsed(name)

/** Asked some ten times for every request. */
const NAMES_KEPT = 500

const parsed = memo(NAMES_KEPT, (name): ClaudeModel | undefined => {
  const core = PREFIX.test(name) ? name.replace(PREFIX, '').replace(LONG_CONTEXT, '').replace(VARIANT, '') : undefined
  if (core === undefined) return undefined
  const latest = LATEST.exec(core)
  if (latest !== null) return newestOf(latest[1])
  const [, family, major, minor, date] = MODERN.exec(core) ?? []
  if (family !== undefined && major !== undefined) return model(family, major, minor, date)
  const [, oldMajor, oldMinor, oldFamily, oldDate] = LEGACY.exec(core) ?? []
  return oldFamily !== undefined && oldMajor !== undefined ? model(oldFamily, oldMajor, oldMinor, oldDate) : undefined
})

/** OpenRouter's `anthropic/` and, for its moving names, `~anthropic/`; Bedrock's `anthropic.` behind a region or none. */
const PREFIX = /^(?:~?anthropic\/|(?:[a-z-]{2,8}\.)?anthropic\.)?claude-/
/** How Claude Code marks its models of a million tokens. */
const LONG_CONTEXT = /\[1m\]$/i
/** `:free`, `:batch`; Bedrock's `-v1:0`; OpenRouter's `-fast`, which is the same model at another speed. */
const VARIANT = /(?:-fast|-v\d+)?(?::[a-z0-9]+)*$/
const LATEST = /^([a-z]+)-latest$/
const MODERN = /^([a-z]+)-([4-9]|\d{2})(?:[-.](\d{1,2}))?(?:[-@](\d{8}))?$/
/** Up to 3.7 the version stood before the family. */
const LEGACY = /^(\d)(?:[-.](\d))?-([a-z]+)(?:[-@](\d{8}))?$/

const model = (family: string, major: string, minor: string | undefined, date: string | undefined): ClaudeModel => ({
  family,
  major: Number(major),
  minor: Number(minor ?? 0),
  ...(date === undefined ? {} : { date }),
})

/** Whether two names mean the same model: snapshot dates, spellings and variants aside. */
export const sameModel = (a: string, b: string): boolean => {
  const [one, other] = [parseClaudeModel(a), parseClaudeModel(b)]
  if (one === undefined || other === undefined) return a === b
  return one.family === other.family && one.major === other.major && one.minor === other.minor
}

/** The name at Anthropic's own API; undefined when it is no Claude model. */
export const canonicalName = (name: string): string | undefined => spellFor('api', name)

export type Spelling = 'api' | 'vertex' | 'openrouter' | 'bedrock-mantle'

/** A Claude model's name as a provider spells it. Undefined when it is no Claude model, or none the provider can name. */
export const spellFor = (spelling: Spelling, name: string): string | undefined => {
  const claude = parseClaudeModel(name)
  if (claude === undefined) return undefined
  switch (spelling) {
    case 'api': {
      // Names without a date begin with 4.5; of an older model only the snapshot is a name.
      const date = claude.date ?? (isAtLeast(claude, 4, 5) ? undefined : SNAPSHOTS.get(dashed(claude)))
      return `claude-${dashed(claude)}${date === undefined ? '' : `-${date}`}`
    }
    case 'vertex': {
      if (isAtLeast(claude, 4, 6)) return `claude-${dashed(claude)}`
      const date = claude.date ?? SNAPSHOTS.get(dashed(claude))
      return date === undefined ? undefined : `claude-${dashed(claude)}@${date}`
    }
    case 'openrouter':
      return `anthropic/claude-${dashed(claude).replace(/(\d)-(\d)/, '$1.$2')}`
    case 'bedrock-mantle':
      return isAtLeast(claude, 4, claude.family === 'haiku' ? 5 : 7) ? `anthropic.claude-${dashed(claude)}` : undefined
  }
}

/** `opus-5-5`, `opus-4`; up to generation 3 `3-5-haiku`. */
const dashed = ({ family, major, minor }: ClaudeModel): string => {
  const version = minor === 0 ? `${major}` : `${major}-${minor}`
  return major >= 4 ? `${family}-${version}` : `${version}-${family}`
}

/** The one snapshot of each model that Google Cloud names by date. */
const SNAPSHOTS: ReadonlyMap<string, string> = new Map([
  ['opus-4-5', '20251101'],
  ['sonnet-4-5', '20250929'],
  ['haiku-4-5', '20251001'],
  ['opus-4-1', '20250805'],
  ['opus-4', '20250514'],
  ['sonnet-4', '20250514'],
  ['3-5-haiku', '20241022'],
])

const isAtLeast = (claude: ClaudeModel, major: number, minor: number): boolean =>
  claude.major > major || (claude.major === major && claude.minor >= minor)

export interface ThinkingRules {
  /** Which types of `thinking` it accepts. */
  readonly adaptive: boolean
  readonly enabled: boolean
  readonly disabled: boolean
  /** The values of `output_config.effort` that it knows; none when it refuses the field. */
  readonly efforts: readonly string[]
  /** Whether it knows `system` messages, and with them an effort of a message's own. */
  readonly messageEffort: boolean
  readonly maxOutputTokens: number
}

/** What a model accepts of the fields that changed between the generations. */
export const thinkingRules = (claude: ClaudeModel): ThinkingRules => ({
  adaptive: isAtLeast(claude, 4, 6),
  enabled: isAtLeast(claude, 3, 7) && !isAtLeast(claude, 4, 7),
  disabled: isAtLeast(claude, 3, 7) && !alwaysThinks(claude),
  // `xhigh` came with 4.7. Opus 4.5 knows some efforts, but Claude Code sends it none.
  efforts: isAtLeast(claude, 4, 7)
    ? EFFORTS
    : EFFORTS.filter((effort) => isAtLeast(claude, 4, 6) && effort !== 'xhigh'),
  messageEffort: isAtLeast(claude, 4, 7),
  maxOutputTokens: maxOutputTokens(claude),
})

/** Ascending. */
export const EFFORTS: readonly string[] = ['low', 'medium', 'high', 'xhigh', 'max']

const alwaysThinks = (claude: ClaudeModel): boolean =>
  claude.family === 'fable' || claude.family === 'mythos' || (claude.family === 'opus' && isAtLeast(claude, 5, 5))

/** From the pages of the models in Anthropic's documentation, 2026-11. */
const maxOutputTokens = (claude: ClaudeModel): number => {
  if (isAtLeast(claude, 4, 6)) return 128_000
  if (claude.family === 'opus' && claude.major === 4 && claude.minor < 5) return 32_000
  if (isAtLeast(claude, 3, 7)) return 64_000
  return isAtLeast(claude, 3, 5) ? 8_192 : 4_096
}

export interface ListedClaudeModel {
  /** At Anthropic's own API. */
  readonly id: string
  readonly displayName: string
  readonly maxInputTokens: number
  readonly maxOutputTokens: number
  /** At Anthropic's own API; Google Cloud and Bedrock serve some of these still. */
  readonly retired: boolean
}

const listed = (id: string, retired = false): ListedClaudeModel => {
  const claude = parseClaudeModel(id) ?? { family: id, major: 0, minor: 0 }
  const version = claude.minor === 0 ? `${claude.major}` : `${claude.major}.${claude.minor}`
  return {
    id,
    displayName: `Claude ${claude.family.charAt(0).toUpperCase()}${claude.family.slice(1)} ${version}`,
    maxInputTokens: isAtLeast(claude, 4, 6) ? 1_000_000 : 200_000,
    maxOutputTokens: maxOutputTokens(claude),
    retired,
  }
}

/** For lists of models where a provider has none of its own; of a family the newest first. State of 2026-11. */
export const CURRENT_CLAUDE_MODELS: readonly ListedClaudeModel[] = [
  listed('claude-fable-5-2'),
  listed('claude-fable-5-1'),
  listed('claude-fable-5'),
  listed('claude-mythos-5-2'),
  listed('claude-mythos-5-1'),
  listed('claude-mythos-5'),
  listed('claude-opus-5-5'),
  listed('claude-opus-5'),
  listed('claude-opus-4-8'),
  listed('claude-opus-4-7'),
  listed('claude-opus-4-6'),
  listed('claude-opus-4-5-20251101'),
  listed('claude-opus-4-1-20250805', true),
  listed('claude-opus-4-20250514', true),
  listed('claude-sonnet-5-5'),
  listed('claude-sonnet-5'),
  listed('claude-sonnet-4-6'),
  listed('claude-sonnet-4-5-20250929'),
  listed('claude-sonnet-4-20250514', true),
  listed('claude-haiku-5-5'),
  listed('claude-haiku-4-5-20251001'),
  listed('claude-3-5-haiku-20241022', true),
]

/** What a moving name stands for; one that is newer than the table is of the newest generation all the same. */
const newestOf = (family: string | undefined): ClaudeModel | undefined => NEWEST.get(family ?? '')

const NEWEST: ReadonlyMap<string, ClaudeModel> = new Map(
  CURRENT_CLAUDE_MODELS.toReversed().flatMap(({ id }) => {
    const claude = parseClaudeModel(id)
    return claude === undefined ? [] : [[claude.family, claude] as const]
  }),
)
