/**
 * Model names that may stand where the number of values must be bounded, as in the labels of metrics. A client can ask for any
 * name, so only names that somebody else has chosen count: those of Claude's models, and those that the policy spells out.
 */
import { type ClaudeModel, CURRENT_CLAUDE_MODELS, parseClaudeModel } from '#domain/claude-models.ts'
import type { Policy } from '#domain/policy.ts'

/** Any other model. */
export const OTHER_MODEL = 'other'

/** A feed's price list can name some hundreds. */
const NAMES_KEPT = 1_000
const LONGEST = 200
/** How Claude Code marks its models of a million tokens. */
const LONG_CONTEXT = /\[1m\]$/

/** What a policy names without wildcards: what may be asked for, what providers are asked for, what has a price. */
export const servedNames = ({ providers }: Policy): readonly string[] => {
  const mapped = providers.flatMap(({ models }) => [...Object.keys(models), ...Object.values(models)])
  const priced = providers.flatMap(({ prices = {} }) => Object.keys(prices))
  const names = [...mapped, ...priced].filter((name) => !name.includes('*') && name.length <= LONGEST)
  return [...new Set(names)].slice(0, NAMES_KEPT)
}

/** One name for all spellings of a Claude model, the name itself where it is served, else `OTHER_MODEL`. */
export const boundedModel = (served: readonly string[], name: string): string => {
  const claude = parseClaudeModel(name)
  const listed = claude === undefined ? undefined : LISTED.get(versionOf(claude))
  if (listed !== undefined) return listed
  const plain = name.replace(LONG_CONTEXT, '')
  return served.includes(plain) ? plain : OTHER_MODEL
}

const versionOf = ({ family, major, minor }: ClaudeModel): string => `${family}-${major}-${minor}`

const LISTED: ReadonlyMap<string, string> = new Map(
  CURRENT_CLAUDE_MODELS.flatMap(({ id }) => {
    const claude = parseClaudeModel(id)
    return claude === undefined ? [] : [[versionOf(claude), id] as const]
  }),
)
