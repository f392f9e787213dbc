/**
 * GET /v1/models: what the enabled providers list, merged by id, remembered for a few minutes. Claude Code's discovery waits
 * three seconds and takes ids that contain `claude` or `anthropic`, so a slow provider is left out.
 */
import { Effect, Option, Result } from 'effect'
import { Ledger } from '#actors/ledger.ts'
import { type HeaderList, Upstreams } from '#actors/ports.ts'
import { sideCall } from '#actors/side-call.ts'
import type { ProviderPolicy } from '#domain/policy.ts'

const FRESH_MS = 5 * 60_000
const TIMEOUT_MS = 2_000

export interface ListedModel {
  readonly id: string
  readonly type: 'model'
  readonly display_name: string
  readonly created_at: string
  readonly [key: string]: unknown
}

type Json = { readonly [key: string]: unknown }
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Reads an Anthropic- or OpenAI-shaped list; entries without an id are left out. */
export const readModelList = (body: Uint8Array): readonly ListedModel[] => {
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder().decode(body))
  } catch {
    return []
  }
  if (!isObject(parsed) || !Array.isArray(parsed.data)) return []
  return parsed.data.flatMap((entry: unknown) => {
    if (!isObject(entry) || typeof entry.id !== 'string') return []
    return [
      {
        ...entry,
        id: entry.id,
        type: 'model' as const,
        display_name: typeof entry.display_name === 'string' ? entry.display_name : entry.id,
        created_at: typeof entry.created_at === 'string' ? entry.created_at : '1970-01-01T00:00:00Z',
      },
    ]
  })
}

/** Names without wildcards that the configuration maps: they can be asked for although no provider lists them. */
const mappedNames = (providers: readonly ProviderPolicy[]): readonly ListedModel[] =>
  [...new Set(providers.flatMap((provider) => Object.keys(provider.models)))]
    .filter((pattern) => !pattern.includes('*'))
    .map((id) => ({ id, type: 'model', display_name: id, created_at: '1970-01-01T00:00:00Z' }))

/** A cache of the merged list; asks again when it is older than five minutes or the policy changed. */
export const makeModelLists = Effect.gen(function* () {
  const { state } = yield* Ledger
  const upstreams = yield* Upstreams
  const clock = yield* Effect.clockWith(Effect.succeed)
  const now = () => clock.currentTimeMillisUnsafe()
  let cached:
    | { readonly at: number; readonly policyVersion: number; readonly models: readonly ListedModel[] }
    | undefined

  const fetch = (headers: HeaderList) =>
    Effect.gen(function* () {
      const enabled = state.policy.providers.filter((provider) => provider.enabled)
      const lists = yield* Effect.forEach(
        enabled,
        (provider) => {
          const upstream = upstreams.get(provider.id)
          if (upstream === undefined) return Effect.succeed([])
          return sideCall(
            upstream,
            { path: '/v1/models', query: '?limit=1000', method: 'GET', headers, body: null },
            now,
          ).pipe(
            Effect.timeoutOption(TIMEOUT_MS),
            Effect.result,
            Effect.map((result) =>
              Result.isSuccess(result) && Option.isSome(result.success) ? readModelList(result.success.value.body) : [],
            ),
          )
        },
        { concurrency: 'unbounded' },
      )
      const byId = new Map<string, ListedModel>()
      for (const model of [...lists.flat(), ...mappedNames(enabled)]) if (!byId.has(model.id)) byId.set(model.id, model)
      const complete = lists.every((list) => list.length > 0)
      const models = [...byId.values()]
      // An incomplete list is shown, but not kept.
      if (complete) cached = { at: now(), policyVersion: state.policyVersion, models }
      return models
    })

  return {
    list: (headers: HeaderList): Effect.Effect<readonly ListedModel[]> =>
      Effect.suspend(() =>
        cached !== undefined && cached.policyVersion === state.policyVersion && now() - cached.at < FRESH_MS
          ? Effect.succeed(cached.models)
          : fetch(headers),
      ),
  }
})
