/**
 * What a provider is asked for when the client asks for a model. Patterns have `*` wildcards; the one with the most literal
 * characters wins, an exact name before a wildcard of the same length, then the first in the configuration. A `*` in the
 * target stands for what the pattern's `*` at the same place in the row matched. Matching is by plain search, not by
 * regular expressions: model names come from outside, and a pattern with several wildcards must not be a trap for time.
 */

import { spellFor } from '#domain/claude-models.ts'
import { type ModelId, modelId } from '#domain/ids.ts'
import type { Naming, ProviderPolicy } from '#domain/policy.ts'

/**
 * The provider's name of the model, or undefined when it does not offer it. Names that no pattern maps are spelled the
 * provider's way where it has one; without pattern and spelling every model is asked for under its own name.
 */
export const resolveModel = (provider: ProviderPolicy, asked: ModelId): ModelId | undefined => {
  const name = asked.endsWith(LONG_CONTEXT) ? asked.slice(0, -LONG_CONTEXT.length) : asked
  const rules = rulesOf(provider.models)
  for (const rule of rules) {
    const matched = match(rule.literals, name)
    if (matched !== undefined) return modelId(fill(rule.target, matched))
  }
  if (provider.naming !== undefined) return spelled(provider.naming, name)
  return rules.length === 0 ? modelId(name) : undefined
}

/** Names with a slash are a vendor's own, which only OpenRouter has. */
const spelled = (naming: Naming, name: string): ModelId | undefined => {
  const spelling = spellFor(naming, name)
  if (spelling !== undefined) return modelId(spelling)
  return naming === 'openrouter' && name.includes('/') ? modelId(name) : undefined
}

/** Whether a pattern with `*` wildcards stands for a name. */
export const matchesModel = (pattern: string, name: string): boolean => match(pattern.split('*'), name) !== undefined

/** Claude Code marks its models of a million tokens so; upstreams know the beta header instead. */
const LONG_CONTEXT = '[1m]'

interface Rule {
  /** What lies between the wildcards of the pattern: one more than there are wildcards. */
  readonly literals: readonly string[]
  readonly target: readonly string[]
}

type Models = ProviderPolicy['models']
const compiled = new WeakMap<Models, readonly Rule[]>()

const rulesOf = (models: Models): readonly Rule[] => {
  const known = compiled.get(models)
  if (known !== undefined) return known
  const rules = Object.entries(models)
    .map(([pattern, target]) => ({ literals: pattern.split('*'), target: target.split('*') }))
    .toSorted((a, b) => literalLength(b) - literalLength(a) || a.literals.length - b.literals.length)
  compiled.set(models, rules)
  return rules
}

const literalLength = (rule: Rule): number => rule.literals.reduce((sum, literal) => sum + literal.length, 0)

/** What each wildcard stands for, every one but the last as short as possible; undefined when the name does not match. */
const match = (literals: readonly string[], name: string): readonly string[] | undefined => {
  const head = literals[0] ?? ''
  if (literals.length === 1) return name === head ? [] : undefined
  const tail = literals.at(-1) ?? ''
  if (!name.startsWith(head)) return undefined
  const matched: string[] = []
  let from = head.length
  for (const literal of literals.slice(1, -1)) {
    const found = name.indexOf(literal, from)
    if (found < 0) return undefined
    matched.push(name.slice(from, found))
    from = found + literal.length
  }
  const end = name.length - tail.length
  if (end < from || !name.endsWith(tail)) return undefined
  matched.push(name.slice(from, end))
  return matched
}

/** A wildcard of the target for which the pattern has none stays a `*`. */
const fill = (target: readonly string[], matched: readonly string[]): string =>
  target.reduce((text, literal, index) => `${text}${matched[index - 1] ?? '*'}${literal}`)
