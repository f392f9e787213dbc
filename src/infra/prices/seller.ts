/**
 * Who sells what a provider serves, and what its place adds to the price: both told by where it is asked, not by what the
 * operator calls it.
 */
import type { ResolvedProvider } from '#infra/config/config.ts'
import { REGIONAL_FACTOR } from '#infra/prices/own-prices.ts'
import { sellerAt } from '#infra/prices/price-data.ts'
import { PRESETS } from '#infra/upstream/presets/index.ts'

type Asked = Pick<ResolvedProvider, 'kind' | 'preset' | 'baseUrl' | 'profile'>

/** The seller's id in the price data; undefined for servers that nobody knows. Behind a proxy of the operator's own it is the preset's. */
export const sellerOf = ({ kind, preset, baseUrl }: Asked): string | undefined => {
  const { standard, named } = PRESETS[kind]
  const own = (preset === undefined ? standard : named[preset])?.baseUrl
  return sellerAt(baseUrl) ?? (own === undefined ? undefined : sellerAt(own))
}

/** Factor of the prices of Claude there (providers 7.1): 1, or that of a region or several of them. */
export const placeFactor = ({ baseUrl, profile }: Asked): number =>
  REGIONAL.some((place) => place.test(`${baseUrl}${profile.paths.call}`)) ? REGIONAL_FACTOR : 1

const REGIONAL: readonly RegExp[] = [
  // Google Cloud's paths name the location, whatever the host.
  /\/locations\/(?!global\/)[^/]+\/publishers\/anthropic\//,
  /^https:\/\/bedrock-(?:mantle|runtime)\./,
]
