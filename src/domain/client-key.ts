/**
 * Client keys as rules: what a key that a client came with is worth, and which models it may ask for.
 */
import { matchesModel } from '#domain/model-map.ts'
import type { ClientKey, ClientKeys } from '#domain/projections/client-keys.ts'

/** Not looked at; recognised where there is one; no request without one. */
export const KEY_MODES = ['off', 'optional', 'required'] as const
export type KeyMode = (typeof KEY_MODES)[number]

export type KeyVerdict =
  | { readonly _tag: 'Known'; readonly key: ClientKey }
  | { readonly _tag: 'Unknown' }
  | { readonly _tag: 'Revoked'; readonly key: ClientKey }
  | { readonly _tag: 'Expired'; readonly key: ClientKey }
  | { readonly _tag: 'ModelNotAllowed'; readonly key: ClientKey; readonly models: readonly string[] }

/**
 * Looked up by digest, so nothing is compared with what a client sent, and how long it takes tells nothing of any key.
 *
 * @param model the asked one; undefined: no model is asked for (yet)
 * @param at epoch ms
 */
export const verdict = (keys: ClientKeys, digest: string, model: string | undefined, at: number): KeyVerdict => {
  const key = keys.byId.get(keys.byDigest.get(digest) ?? '')
  if (key === undefined) return { _tag: 'Unknown' }
  if (key.revokedAt !== undefined) return { _tag: 'Revoked', key }
  if (hasExpired(key, at)) return { _tag: 'Expired', key }
  if (model !== undefined && !mayAskFor(key, model)) {
    return { _tag: 'ModelNotAllowed', key, models: key.models ?? [] }
  }
  return { _tag: 'Known', key }
}

export const hasExpired = ({ expiresAt }: ClientKey, at: number): boolean => expiresAt !== undefined && at >= expiresAt

/** Claude Code marks its models of a million tokens so; they are the same models. */
const LONG_CONTEXT = /\[1m\]$/

export const mayAskFor = ({ models }: Pick<ClientKey, 'models'>, model: string): boolean =>
  models === undefined || models.some((pattern) => matchesModel(pattern, model.replace(LONG_CONTEXT, '')))

/** The key that an operator means: by its id, or the one of this name that is not revoked. */
export const findKey = <
  K extends { readonly keyId: string; readonly name: string; readonly revokedAt?: number | null },
>(
  keys: readonly K[],
  nameOrId: string,
): K | undefined =>
  keys.find(({ keyId }) => keyId === nameOrId) ??
  keys.find(({ name, revokedAt }) => name === nameOrId && typeof revokedAt !== 'number')

/** What an operator asks for. `expiresAt`: epoch ms. */
export interface WantedKey {
  readonly name: string
  readonly models?: readonly string[]
  readonly requestsPerMinute?: number
  readonly expiresAt?: number
}

/** Names stand in configurations, metrics and URLs; what looks like an id or a key is none. */
const NAME = /^(?!key_|sbx_)[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/
const MOST_MODELS = 100
const LONGEST_PATTERN = 200
const MOST_PER_MINUTE = 1_000_000

/** What is wrong with a wanted key at `at` (epoch ms), in words; undefined: nothing. */
export const misfitOf = (wanted: WantedKey, at: number): string | undefined => {
  const { name, models, requestsPerMinute, expiresAt } = wanted
  // Not repeated: it may be a key, given in the wrong place.
  if (!NAME.test(name)) return NAME_RULE
  if (models !== undefined && (models.length === 0 || models.length > MOST_MODELS || !models.every(isPattern))) {
    return `models: expected 1 to ${MOST_MODELS} names of models, with * for any text.`
  }
  if (requestsPerMinute !== undefined && !isRate(requestsPerMinute)) {
    return `requestsPerMinute: expected a whole number from 1 to ${MOST_PER_MINUTE}.`
  }
  if (expiresAt !== undefined && !(expiresAt > at)) return 'expiresAt: this time is over.'
  return undefined
}

const NAME_RULE =
  'name: expected letters, digits and . _ @ - (at most 64 characters, a letter or digit first), not beginning with key_ or sbx_.'

const isPattern = (text: string): boolean => text !== '' && text.length <= LONGEST_PATTERN
const isRate = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= MOST_PER_MINUTE
