/**
 * Prices that the operator keeps in a file or at a URL: JSON in the format of the package (`v2/data.json`), or in a short one
 * of our own, kind of provider (or `*`) → pattern of its model names → price as in the configuration.
 */
import { Result, Schema, SchemaIssue } from 'effect'
import { hasMoreValues, MOST_VALUES, parseTold } from '#domain/dialect/told-json.ts'
import type { ModelPrice } from '#domain/policy.ts'
import type { Rates } from '#domain/pricing.ts'
import { type PriceFile, PriceRecord } from '#infra/config/schema-provider.ts'
import { PriceData } from '#infra/prices/price-data.ts'
import { KINDS } from '#infra/upstream/presets/index.ts'

/** Tagged, so that a change of it is one change. */
export interface PriceBook {
  readonly _tag: 'PriceBook'
  /** By kind or `*`: these go before everything but a provider's own `prices`. */
  readonly told: { readonly [kind: string]: Readonly<Record<string, ModelPrice>> }
  /** Of the package's format: in the place of the built-in lists, where it has a model. */
  readonly data?: PriceData
}

const NAMES: ReadonlySet<string> = new Set(['*', ...KINDS])

/** What the text holds, or what is wrong with it: a sentence's end, such as “is no JSON”. */
export const readPriceBook = (text: string): Result.Result<PriceBook, string> => {
  const parsed = parseTold(text)
  if (parsed === undefined) {
    return Result.fail(hasMoreValues(text, MOST_VALUES) ? 'has more in it than any list of prices' : 'is no JSON')
  }
  return Array.isArray(parsed) ? readData(parsed) : readTold(parsed)
}

const readData = (value: unknown): Result.Result<PriceBook, string> =>
  Result.mapBoth(Schema.decodeUnknownResult(PriceData)(value), {
    onSuccess: (data): PriceBook => ({ _tag: 'PriceBook', told: {}, data }),
    onFailure: (error) => `is not in the format of v2/data.json${placeOf(error.issue)}`,
  })

const Told = Schema.Record(Schema.String, PriceRecord)

const readTold = (value: unknown): Result.Result<PriceBook, string> => {
  const decoded = Schema.decodeUnknownResult(Told)(value, { onExcessProperty: 'error' })
  if (Result.isFailure(decoded)) {
    return Result.fail(`is no map of kind → model → price${placeOf(decoded.failure.issue)}`)
  }
  const unknown = Object.keys(decoded.success).find((name) => !NAMES.has(name))
  if (unknown !== undefined) {
    return Result.fail(
      `names ${JSON.stringify(unknown)}, which is no kind of provider; expected ${[...NAMES].join(', ')}`,
    )
  }
  const told = Object.fromEntries(
    Object.entries(decoded.success).map(([kind, prices]) => [kind, resolvePrices(prices)] as const),
  )
  return Result.succeed({ _tag: 'PriceBook', told })
}

/** Where the first problem is; never what stands there. */
const placeOf = (issue: SchemaIssue.Issue): string => {
  const [first] = SchemaIssue.makeFormatterStandardSchemaV1()(issue).issues
  const path = first?.path?.map((part) => String(typeof part === 'object' ? part.key : part)) ?? []
  return path.length === 0 ? '' : ` (at ${path.join('.')})`
}

/** Prices as they are written → as decisions use them, every default filled in. */
export const resolvePrices = (file: PriceFile): Readonly<Record<string, ModelPrice>> =>
  Object.fromEntries(Object.entries(file).map(([pattern, price]) => [pattern, resolvePrice(price)]))

const resolvePrice = ({ tier, ...price }: PriceFile[string]): ModelPrice => ({
  ...price,
  ...withCache(price),
  ...(tier === undefined ? {} : { tier: { ...tier, ...withCache(tier) } }),
})

type Written = Pick<PriceFile[string], keyof Rates>

const withCache = ({ input, output, cacheRead = input, cacheWrite5m = input, cacheWrite1h }: Written): Rates => ({
  input,
  output,
  cacheRead,
  cacheWrite5m,
  cacheWrite1h: cacheWrite1h ?? cacheWrite5m,
})
