/**
 * GET /v1/models: what the enabled providers offer, under the names that a client can ask for, merged by id. Each provider's
 * list is kept and refreshed in the background when it grows old, so that Claude Code's discovery, which waits three seconds
 * and takes ids that contain `claude` or `anthropic`, is answered at once; a provider that is slow the first time is left out.
 */
import { Effect, Option, Result } from 'effect'
import { Ledger } from '#actors/ledger.ts'
import { type HeaderList, Upstreams } from '#actors/ports.ts'
import { sideCall } from '#actors/side-call.ts'
import type { ProviderId } from '#domain/ids.ts'
import { type ListedModel, listedModel, offered, readModelList } from '#domain/model-list.ts'
import type { ProviderPolicy } from '#domain/policy.ts'

const FRESH_MS = 5 * 60_000
/** Older than this is not shown any more, whatever the provider says or does not say. */
const STALE_MS = 24 * 3_600_000
const TIMEOUT_MS = 2_000
/** Nobody waits for a refresh in the background. */
const BACKGROUND_TIMEOUT_MS = 30_000

interface Kept {
  readonly at: number
  readonly policyVersion: number
  readonly models: readonly ListedModel[]
}

/** The merged list, kept per provider. */
export const makeModelLists = Effect.gen(function* () {
  const { state } = yield* Ledger
  const upstreams = yield* Upstreams
  const clock = yield* Effect.clockWith(Effect.succeed)
  const now = () => clock.currentTimeMillisUnsafe()
  const kept = new Map<ProviderId, Kept>()
  const refreshing = new Set<ProviderId>()

  const fetch = (id: ProviderId, headers: HeaderList, timeoutMs: number) =>
    Effect.gen(function* () {
      const upstream = upstreams.get(id)
      if (upstream === undefined) return []
      const result = yield* sideCall(
        upstream,
        { path: '/v1/models', query: '?limit=1000', method: 'GET', headers, body: null },
        now,
      ).pipe(Effect.timeoutOption(timeoutMs), Effect.result)
      const models =
        Result.isSuccess(result) && Option.isSome(result.success) ? readModelList(result.success.value.body) : []
      // A failure does not take away what was known.
      if (models.length > 0) kept.set(id, { at: now(), policyVersion: state.policyVersion, models })
      return models
    })

  const refresh = (id: ProviderId, headers: HeaderList) =>
    Effect.suspend(() => {
      if (refreshing.has(id)) return Effect.void
      refreshing.add(id)
      return fetch(id, headers, BACKGROUND_TIMEOUT_MS).pipe(
        Effect.ensuring(Effect.sync(() => refreshing.delete(id))),
        Effect.forkDetach,
        Effect.asVoid,
      )
    })

  const listOf = (provider: ProviderPolicy, headers: HeaderList) =>
    Effect.gen(function* () {
      const known = upstreams.get(provider.id)?.models
      if (known !== undefined) return known.map(({ id, displayName }) => listedModel(id, displayName))
      const have = kept.get(provider.id)
      const age = have === undefined ? Number.POSITIVE_INFINITY : now() - have.at
      if (have === undefined || have.policyVersion !== state.policyVersion || age >= STALE_MS) {
        return yield* fetch(provider.id, headers, TIMEOUT_MS)
      }
      if (age >= FRESH_MS) yield* refresh(provider.id, headers)
      return have.models
    })

  return {
    list: (headers: HeaderList): Effect.Effect<readonly ListedModel[]> =>
      Effect.gen(function* () {
        const enabled = state.policy.providers.filter((provider) => provider.enabled)
        const lists = yield* Effect.forEach(
          enabled,
          (provider) => Effect.map(listOf(provider, headers), (listed) => offered(provider, listed)),
          { concurrency: 'unbounded' },
        )
        const byId = new Map<string, ListedModel>()
        for (const model of lists.flat()) if (!byId.has(model.id)) byId.set(model.id, model)
        return [...byId.values()]
      }),
  }
})
