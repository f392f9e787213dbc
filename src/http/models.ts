/**
 * GET /v1/models: what the enabled providers offer, under the names that a client can ask for, merged by id. Each provider's
 * list is kept and refreshed in the background when it grows old, so that Claude Code's discovery, which waits three seconds
 * and takes ids that contain `claude` or `anthropic`, is answered at once; a provider that is slow the first time is left out.
 */
import { Effect, Option, Result } from 'effect'
import { Ledger } from '#actors/ledger.ts'
import { type HeaderList, Upstreams } from '#actors/ports.ts'
import { sideCall } from '#actors/side-call.ts'
import { CURRENT_CLAUDE_MODELS, canonicalName } from '#domain/claude-models.ts'
import { modelId, type ProviderId } from '#domain/ids.ts'
import { resolveModel } from '#domain/model-map.ts'
import type { ProviderPolicy } from '#domain/policy.ts'

const FRESH_MS = 5 * 60_000
/** Older than this is not shown any more, whatever the provider says or does not say. */
const STALE_MS = 24 * 3_600_000
const TIMEOUT_MS = 2_000
/** Nobody waits for a refresh in the background. */
const BACKGROUND_TIMEOUT_MS = 30_000

export interface ListedModel {
  readonly id: string
  readonly type: 'model'
  readonly display_name: string
  readonly created_at: string
  readonly [key: string]: unknown
}

type Json = { readonly [key: string]: unknown }
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

const UNKNOWN_DATE = '1970-01-01T00:00:00Z'

const entry = (id: string, displayName: string): ListedModel => ({
  id,
  type: 'model',
  display_name: displayName,
  created_at: UNKNOWN_DATE,
})

/** Reads an Anthropic- or OpenAI-shaped list, or a bare one (GitHub's catalogue); entries without an id are left out. */
export const readModelList = (body: Uint8Array): readonly ListedModel[] => {
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder().decode(body))
  } catch {
    return []
  }
  const data: unknown = isObject(parsed) ? parsed.data : parsed
  if (!Array.isArray(data)) return []
  return data.flatMap((one: unknown) => {
    if (!isObject(one) || typeof one.id !== 'string') return []
    const name = [one.display_name, one.name].find((text) => typeof text === 'string')
    return [
      {
        ...one,
        ...entry(one.id, typeof name === 'string' ? name : one.id),
        created_at: typeof one.created_at === 'string' ? one.created_at : UNKNOWN_DATE,
      },
    ]
  })
}

/** What a provider lists, under the names by which a client gets it; what it would not be asked for is left out. */
export const offered = (provider: ProviderPolicy, listed: readonly ListedModel[]): readonly ListedModel[] => {
  const patterns = Object.keys(provider.models)
  const exact = patterns.filter((pattern) => !pattern.includes('*'))
  // It lists its own names; the client's names for the same models are known.
  const isMapped = provider.naming !== undefined || patterns.some((pattern) => pattern.includes('*'))
  const claude = isMapped ? CURRENT_CLAUDE_MODELS.filter((model) => !model.retired) : []
  const isListed = (id: string): boolean =>
    provider.naming === undefined || listed.some((model) => canonicalName(model.id) === id)
  return [
    ...listed.map((model) => ({ ...model, id: (provider.naming && canonicalName(model.id)) ?? model.id })),
    ...exact.map((id) => entry(id, id)),
    ...claude.filter(({ id }) => isListed(id)).map(({ id, displayName }) => entry(id, displayName)),
  ].filter(({ id }) => resolveModel(provider, modelId(id)) !== undefined)
}

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
      if (known !== undefined) return known.map(({ id, displayName }) => entry(id, displayName))
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
