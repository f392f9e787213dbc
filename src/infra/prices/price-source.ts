/**
 * Keeps the prices of the operator's URL: fetched when it is named, once a day after that (an hour after a failure), and when it is asked
 * for. A URL that does not answer keeps what it said last.
 */
import { Effect, Equal, Result, type Scope } from 'effect'
import { fetchPrices, type PriceFetchError } from '#infra/prices/fetch-prices.ts'
import type { PriceBook } from '#infra/prices/price-book.ts'

const EVERY_MS = 24 * 3_600_000
const AFTER_FAILURE_MS = 3_600_000
/** How soon a URL that a changed configuration names is noticed. */
const LOOK_MS = 60_000

export interface PriceSource {
  /** Undefined as long as no URL is named, or none has answered. */
  readonly current: () => PriceBook | undefined
  /** Asks now. Succeeds with whether the prices changed; then `onChange` has run. Without a URL there is nothing to ask. */
  readonly refresh: Effect.Effect<boolean, PriceFetchError>
}

/**
 * @param url of the configuration in force
 * @param onChange after the URL told other prices than before
 */
export const startPriceSource = (options: {
  readonly url: () => string | undefined
  readonly onChange: Effect.Effect<void>
}): Effect.Effect<PriceSource, never, Scope.Scope> =>
  Effect.gen(function* () {
    let known: { readonly url: string; readonly book: PriceBook } | undefined
    const current = () => (known !== undefined && known.url === options.url() ? known.book : undefined)

    const refresh = Effect.gen(function* () {
      const url = options.url()
      if (url === undefined) return false
      const before = current()
      const book = yield* fetchPrices(url)
      known = { url, book }
      if (Equal.equals(before, book)) return false
      yield* options.onChange
      return true
    })

    let next: { readonly url: string; readonly at: number } | undefined
    const look = Effect.gen(function* () {
      const url = options.url()
      const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      if (url === undefined || (next?.url === url && now < next.at)) return
      const refreshed = yield* Effect.result(refresh)
      next = { url, at: now + (Result.isSuccess(refreshed) ? EVERY_MS : AFTER_FAILURE_MS) }
      if (Result.isFailure(refreshed)) {
        yield* Effect.logWarning('the prices of prices.url could not be had', refreshed.failure.why)
      }
    })

    yield* Effect.forkScoped(Effect.forever(Effect.andThen(look, Effect.sleep(LOOK_MS))))
    return { current, refresh }
  })
