/**
 * The other policy that a command line asks about.
 */
import { type Policy, STRATEGIES } from '#domain/policy.ts'
import type { Weights } from '#domain/what-if/simplex.ts'

export interface Wish {
  /** `strategy=cost`. */
  readonly whatIf: string | undefined
  /** `headroom=0.2,cost=0.8`; what is not named is 0. */
  readonly weights: string | undefined
  readonly limitThreshold: number | undefined
  readonly maxFallbacks: number | undefined
  readonly without: readonly string[]
}

export const isWish = (wish: Wish): boolean =>
  wish.whatIf !== undefined ||
  wish.weights !== undefined ||
  wish.limitThreshold !== undefined ||
  wish.maxFallbacks !== undefined ||
  wish.without.length > 0

/** @throws Error with a message for the user */
export const wantedPolicy = (policy: Policy, wish: Wish): Policy => {
  const { limitThreshold, maxFallbacks } = wish
  const strategy = wish.whatIf === undefined ? undefined : parseStrategy(wish.whatIf)
  const unknown = wish.without.find((name) => !policy.providers.some(({ id }) => id === name))
  if (unknown !== undefined)
    throw new Error(`No provider is named ${unknown}: ${policy.providers.map(({ id }) => id).join(', ')}`)
  if (limitThreshold !== undefined && !(limitThreshold >= 0 && limitThreshold <= 1))
    throw new Error('--limit-threshold is a share, from 0 to 1.')
  if (maxFallbacks !== undefined && maxFallbacks < 0) throw new Error('--max-fallbacks is at least 0.')
  return {
    ...policy,
    providers: policy.providers.map((one) => (wish.without.includes(one.id) ? { ...one, enabled: false } : one)),
    routing: {
      ...policy.routing,
      ...(strategy === undefined ? {} : { strategy }),
      ...(wish.weights === undefined ? {} : { strategy: 'intelligent' as const, weights: parseWeights(wish.weights) }),
      ...(limitThreshold === undefined ? {} : { limitThreshold }),
      ...(maxFallbacks === undefined ? {} : { maxFallbacks }),
    },
  }
}

const parseStrategy = (text: string): Policy['routing']['strategy'] => {
  const name = text.startsWith('strategy=') ? text.slice('strategy='.length) : text
  const found = STRATEGIES.find((one) => one === name)
  if (found === undefined)
    throw new Error(`"${text}" is not a strategy. Use strategy=${STRATEGIES.join(', strategy=')}.`)
  return found
}

const NAMES = ['headroom', 'performance', 'cost', 'reliability'] as const

export const parseWeights = (text: string): Weights => {
  const weights = { headroom: 0, performance: 0, cost: 0, reliability: 0 }
  for (const part of text.split(',')) {
    const [key = '', value = ''] = part.split('=').map((one) => one.trim())
    const name = NAMES.find((one) => one === key)
    const weight = Number(value)
    if (name === undefined || value === '' || !(weight >= 0) || !Number.isFinite(weight))
      throw new Error(
        `"${part}" is not a weight. Use for example headroom=0.2,performance=0.1,cost=0.6,reliability=0.1.`,
      )
    weights[name] = weight
  }
  return weights
}
