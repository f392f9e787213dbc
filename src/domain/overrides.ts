/**
 * Which settings can be changed while the box runs, which values they take, and the policy that comes of them. What does not
 * fit (any more, because a provider is gone) changes nothing.
 */
import { Option, Schema } from 'effect'
import { Budget, type Policy, type ProviderPolicy, type ShadowRouting, STRATEGIES } from '#domain/policy.ts'
import type { Overrides } from '#domain/projections/overrides.ts'

/** A setting that the policy does not have, or a value that it cannot take; the message says what would be right. */
export interface Misfit {
  readonly reason: 'notFound' | 'invalid'
  readonly message: string
}

/** The policy with one setting changed, or why not. */
export const override = (policy: Policy, path: string, value: Schema.Json): Policy | Misfit => {
  const [block = '', ...rest] = path.split('.')
  if (block === 'routing') return routingWith(policy, rest.join('.'), value)
  const name = rest[0] ?? ''
  if (block === 'providers' && rest.length === 2 && rest[1] === 'enabled') return providerWith(policy, name, value)
  if (block === 'budgets' && rest.length === 1) return budgetsWith(policy, name, value)
  return { reason: 'notFound', message: `${path} cannot be changed while the box runs.` }
}

export const isMisfit = (result: Policy | Misfit): result is Misfit => 'reason' in result

/** The configured policy under everything that operators have set. */
export const withOverrides = (configured: Policy, overrides: Overrides): Policy =>
  [...overrides].reduce((policy, [path, { value }]) => {
    const next = override(policy, path, value)
    return isMisfit(next) ? policy : next
  }, configured)

interface Rule {
  readonly isFit: (value: Schema.Json) => boolean
  readonly expected: string
  readonly set: (routing: Policy['routing'], value: Schema.Json) => Policy['routing']
}

const number =
  (minimum: number, maximum = Number.POSITIVE_INFINITY) =>
  (value: Schema.Json): boolean =>
    typeof value === 'number' && value >= minimum && value <= maximum
const whole = (value: Schema.Json): boolean => Number.isInteger(value) && number(0, 100)(value)
const oneOf =
  (values: readonly string[]) =>
  (value: Schema.Json): boolean =>
    typeof value === 'string' && values.includes(value)

/** A number or a word under its own name in the policy. */
const rule = (key: keyof Policy['routing'], isFit: Rule['isFit'], expected: string): Rule => ({
  isFit,
  expected,
  set: (routing, value) => ({ ...routing, [key]: value }),
})
const weight = (name: keyof Policy['routing']['weights']): Rule => ({
  isFit: number(0),
  expected: 'a number of at least 0',
  set: (routing, value) => ({ ...routing, weights: { ...routing.weights, [name]: Number(value) } }),
})

/** Of the shadow policy, which comes to be by the first of its settings. */
const shadowRule = (key: keyof ShadowRouting, isFit: Rule['isFit'], expected: string): Rule => ({
  isFit,
  expected,
  set: (routing, value) => ({ ...routing, shadow: { ...routing.shadow, [key]: value } }),
})
const shadowWeight = (name: keyof Policy['routing']['weights']): Rule => ({
  ...weight(name),
  set: (routing, value) => {
    const weights = { ...routing.shadow?.weights, [name]: Number(value) }
    return { ...routing, shadow: { ...routing.shadow, weights } }
  },
})
const withoutShadow = ({ shadow: _shadow, ...routing }: Policy['routing']): Policy['routing'] => routing

const SHARE = 'a share from 0 to 1'
const FALLBACKS = 'a whole number from 0 to 100'

const ROUTING: { readonly [setting: string]: Rule } = {
  strategy: rule('strategy', oneOf(STRATEGIES), STRATEGIES.join(', ')),
  'weights.headroom': weight('headroom'),
  'weights.performance': weight('performance'),
  'weights.cost': weight('cost'),
  'weights.reliability': weight('reliability'),
  limitThreshold: rule('limitThreshold', number(0, 1), SHARE),
  substitutes: rule('substitutes', oneOf(['last', 'equal']), 'last or equal'),
  exploration: rule('explorationShare', number(0, 1), SHARE),
  maxFallbacks: rule('maxFallbacks', whole, FALLBACKS),
  fallbackDelay: rule('fallbackDelayMs', number(0), 'milliseconds'),
  queue: rule('queueMs', number(0), 'milliseconds'),
  deadline: rule('deadlineMs', number(1), 'milliseconds, more than 0'),
  /** What is set after it makes a new one. */
  shadow: { isFit: (value) => value === false, expected: 'false, which takes it out', set: withoutShadow },
  'shadow.strategy': shadowRule('strategy', oneOf(STRATEGIES), STRATEGIES.join(', ')),
  'shadow.weights.headroom': shadowWeight('headroom'),
  'shadow.weights.performance': shadowWeight('performance'),
  'shadow.weights.cost': shadowWeight('cost'),
  'shadow.weights.reliability': shadowWeight('reliability'),
  'shadow.limitThreshold': shadowRule('limitThreshold', number(0, 1), SHARE),
  'shadow.substitutes': shadowRule('substitutes', oneOf(['last', 'equal']), 'last or equal'),
  'shadow.exploration': shadowRule('explorationShare', number(0, 1), SHARE),
  'shadow.maxFallbacks': shadowRule('maxFallbacks', whole, FALLBACKS),
}

const routingWith = (policy: Policy, setting: string, value: Schema.Json): Policy | Misfit => {
  const found = Object.hasOwn(ROUTING, setting) ? ROUTING[setting] : undefined
  if (found === undefined) {
    const names = Object.keys(ROUTING).join(', ')
    return { reason: 'notFound', message: `There is no routing.${setting}; there are ${names}.` }
  }
  if (!found.isFit(value)) return { reason: 'invalid', message: `routing.${setting}: expected ${found.expected}.` }
  return { ...policy, routing: found.set(policy.routing, value) }
}

const providerWith = (policy: Policy, id: string, value: Schema.Json): Policy | Misfit => {
  if (!policy.providers.some((provider) => provider.id === id)) {
    return { reason: 'notFound', message: `There is no provider ${id}.` }
  }
  if (typeof value !== 'boolean') {
    return { reason: 'invalid', message: `providers.${id}.enabled: expected true or false.` }
  }
  const changed = (provider: ProviderPolicy): ProviderPolicy =>
    provider.id === id ? { ...provider, enabled: value } : provider
  return { ...policy, providers: policy.providers.map(changed) }
}

const decodeBudget = Schema.decodeUnknownOption(Budget)

/** The whole budget but its name, as the policy has it; `false` takes a configured one out. */
const budgetsWith = (policy: Policy, name: string, value: Schema.Json): Policy | Misfit => {
  const others = (policy.budgets ?? []).filter((budget) => budget.name !== name)
  if (value === false) return { ...policy, budgets: others }
  const budget = Option.getOrUndefined(decodeBudget(typeof value === 'object' ? { ...value, name } : value))
  if (budget === undefined || budget.limitNanoUsd < 0 || !/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name)) {
    const form = '{ period: day | week | month, limitNanoUsd, key?, project?, model?, each?, hard? }'
    return { reason: 'invalid', message: `budgets.${name}: expected ${form}, and a name of letters and digits.` }
  }
  return { ...policy, budgets: [...others, budget] }
}
