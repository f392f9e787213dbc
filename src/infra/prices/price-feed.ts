/**
 * Keeps the prices of providers that publish them: asked for at the start and twice a day, and told when they change. A
 * provider that does not answer keeps what it said last.
 */
import { Effect, Option, Result, type Scope } from 'effect'
import type { Upstreams } from '#actors/ports.ts'
import { sideCall } from '#actors/side-call.ts'
import { readOpenRouterPrices } from '#domain/dialect/openrouter-prices.ts'
import type { ProviderId } from '#domain/ids.ts'
import type { ModelPrice, Policy } from '#domain/policy.ts'
import type { ResolvedProvider } from '#infra/config/config.ts'

/** By provider, by its own names of models. */
export type FedPrices = ReadonlyMap<ProviderId, ReadonlyMap<string, ModelPrice>>

const EVERY_MS = 12 * 3_600_000
const TIMEOUT_MS = 30_000

export interface PriceFeed {
  readonly current: () => FedPrices
}

/**
 * What a policy has of the providers that publish their prices. A process that starts goes on with it until they have answered: its
 * policy is that of all who share the log.
 */
export const fedIn = (policy: Policy, providers: readonly ResolvedProvider[]): FedPrices =>
  new Map(
    providers.flatMap(({ id, profile }) => {
      const { prices } = policy.providers.find((one) => one.id === id) ?? {}
      return profile.priceFeed === true && prices !== undefined ? [[id, new Map(Object.entries(prices))] as const] : []
    }),
  )

/**
 * @param known until a provider has answered
 * @param providers of the configuration in force
 * @param onChange after any provider told other prices than before
 */
export const startPriceFeed = (options: {
  readonly known: FedPrices
  readonly upstreams: Upstreams['Service']
  readonly providers: () => readonly ResolvedProvider[]
  readonly onChange: Effect.Effect<void>
}): Effect.Effect<PriceFeed, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clockWith(Effect.succeed)
    const prices = new Map(options.known)

    const ask = (id: ProviderId) =>
      Effect.gen(function* () {
        const upstream = options.upstreams.get(id)
        if (upstream === undefined) return false
        const request = { path: '/v1/models', query: '', method: 'GET', headers: [], body: null } as const
        const answered = yield* sideCall(upstream, request, () => clock.currentTimeMillisUnsafe()).pipe(
          Effect.timeoutOption(TIMEOUT_MS),
          Effect.result,
        )
        if (Result.isFailure(answered) || Option.isNone(answered.success)) {
          yield* Effect.logDebug(`the price list of ${id} could not be had`)
          return false
        }
        const told = readOpenRouterPrices(answered.success.value.body)
        if (told.size === 0 || isSame(told, prices.get(id))) return false
        prices.set(id, told)
        return true
      })

    const round = Effect.gen(function* () {
      const asked = options.providers().filter(({ profile, policy }) => profile.priceFeed === true && policy.enabled)
      const changed = yield* Effect.forEach(asked, ({ id }) => ask(id), { concurrency: 'unbounded' })
      if (changed.includes(true)) yield* options.onChange
    })

    yield* Effect.forkScoped(Effect.forever(Effect.andThen(round, Effect.sleep(EVERY_MS))))
    return { current: () => prices }
  })

const isSame = (a: ReadonlyMap<string, ModelPrice>, b: ReadonlyMap<string, ModelPrice> | undefined): boolean =>
  b !== undefined && JSON.stringify([...a]) === JSON.stringify([...b])
