/**
 * Whether a provider has what Claude Code's models are mapped to, by its own list where it has one. The list is also the
 * first thing that is asked with the credential.
 */
import { Effect, Result } from 'effect'
import type { HeaderList, Upstream } from '#actors/ports.ts'
import { sideCall } from '#actors/side-call.ts'
import { failure } from '#cli/doctor/advice.ts'
import { type Finding, limited } from '#cli/doctor/finding.ts'
import { type WantedModel, wantedModels } from '#cli/doctor/wanted-models.ts'
import { readModelList } from '#domain/model-list.ts'
import type { ProviderPolicy } from '#domain/policy.ts'
import type { ResolvedProvider } from '#infra/config/config.ts'

export interface ModelsChecked {
  readonly finding: Finding
  /** What Claude Code asks for and what becomes of it here. */
  readonly wanted: readonly WantedModel[]
}

export const checkModels = (
  provider: ResolvedProvider,
  policy: ProviderPolicy,
  upstream: Upstream,
  headers: HeaderList,
): Effect.Effect<ModelsChecked> =>
  Effect.gen(function* () {
    // A list that is known without being asked for is Claude Code's own, so comparing with it says nothing.
    if (upstream.models !== undefined) return withoutList(policy, 'it has no list of models')
    const now = yield* Effect.clockWith((clock) => Effect.succeed(() => clock.currentTimeMillisUnsafe()))
    const answer = yield* sideCall(
      upstream,
      { path: '/v1/models', query: '?limit=1000', method: 'GET', headers, body: null },
      now,
    ).pipe(
      Effect.mapError(({ reason }) => reason),
      limited,
      Effect.result,
    )
    if (Result.isFailure(answer)) {
      const reason = answer.failure
      // Many servers have no such path; what is said there of the API is told by `--live`.
      if (reason._tag === 'InvalidRequest' && (reason.status === 404 || reason.status === 405)) {
        return withoutList(policy, 'it has no list of models at its address')
      }
      return { finding: failure('models', reason, { provider }), wanted: wantedModels(policy, undefined) }
    }
    const listed = readModelList(answer.success.body).map(({ id }) => id)
    if (listed.length === 0) return withoutList(policy, 'its list of models is empty')
    const wanted = wantedModels(policy, listed)
    return { finding: compared(provider, wanted, listed), wanted }
  })

const withoutList = (policy: ProviderPolicy, why: string): ModelsChecked => {
  const wanted = wantedModels(policy, undefined)
  const mapped = wanted.filter(({ model }) => model !== undefined)
  return mapped.length === 0
    ? { finding: nothingMapped(policy.id), wanted }
    : {
        finding: {
          check: 'models',
          result: 'ok',
          found: `${why}; ${namesOf(mapped)}`,
          details: detailsOf(wanted, null),
        },
        wanted,
      }
}

const nothingMapped = (id: string): Finding => ({
  check: 'models',
  result: 'warning',
  found: "none of Claude Code's models goes there",
  advice: `Map them in providers.${id}.models, e.g. "claude-*": NAME.`,
})

const compared = (provider: ResolvedProvider, wanted: readonly WantedModel[], listed: readonly string[]): Finding => {
  const mapped = wanted.filter(({ model }) => model !== undefined)
  const missing = mapped.filter((one) => one.listed === false)
  if (mapped.length === 0) return nothingMapped(provider.id)
  const details = detailsOf(wanted, listed.length)
  if (missing.length === 0) return { check: 'models', result: 'ok', found: namesOf(mapped), details }
  const near = [...new Set(missing.flatMap((one) => one.nearest))]
  const instead = near.length > 0 ? `nearest ${near.join(', ')}` : `it lists ${someOf(listed)}`
  return {
    check: 'models',
    result: missing.length === mapped.length ? 'failed' : 'warning',
    found: `not in its list: ${namesOf(missing)}`,
    advice: `Map ${missing.map(({ asked }) => asked).join(', ')} in providers.${provider.id}.models to names that it has; ${instead}.`,
    details,
  }
}

/** `opus, sonnet → gpt-6-astra; haiku → gpt-6-luna` */
const namesOf = (wanted: readonly WantedModel[]): string => {
  const byModel = Map.groupBy(wanted, ({ model }) => model ?? '')
  return [...byModel].map(([model, of]) => `${of.map(({ alias }) => alias).join(', ')} → ${model}`).join('; ')
}

const SHOWN = 5

const someOf = (listed: readonly string[]): string =>
  `${listed.slice(0, SHOWN).join(', ')}${listed.length > SHOWN ? ` and ${listed.length - SHOWN} more` : ''}`

const detailsOf = (wanted: readonly WantedModel[], listed: number | null) => ({
  listed,
  models: wanted.map(({ alias, asked, model, listed: isListed, nearest }) => ({
    alias,
    asked,
    model: model ?? null,
    listed: isListed ?? null,
    nearest,
  })),
})
