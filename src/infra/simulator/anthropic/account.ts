/**
 * The organization and the workspace of a simulated Anthropic account, made from the provider's seed.
 */
import { letters } from '#infra/simulator/draws.ts'

export const organizationOf = (seed: number): string =>
  `00000000-0000-4000-8000-${(seed >>> 0).toString(16).padStart(12, '0')}`

export const workspaceOf = (seed: number): string => `wrkspc_01${letters(22, seed, 1)}`
