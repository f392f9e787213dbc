/**
 * All checks of all providers: the providers side by side, the checks of each in the order in which one needs the other, the
 * tasks of Claude Code one after the other, so that they do not slow each other down.
 */
import { Effect } from 'effect'
import type { Upstream } from '#actors/ports.ts'
import { addressOf } from '#cli/doctor/advice.ts'
import { checkAccount } from '#cli/doctor/check-account.ts'
import { checkAddress } from '#cli/doctor/check-address.ts'
import { checkClaudeCode } from '#cli/doctor/check-claude-code.ts'
import { checkCredential, clientCredential } from '#cli/doctor/check-credential.ts'
import { checkLive } from '#cli/doctor/check-live.ts'
import { type Knowledge, logFinding, readKnowledge } from '#cli/doctor/check-log.ts'
import { checkModels } from '#cli/doctor/check-models.ts'
import { type CheckName, type Diagnosis, type Finding, skipped } from '#cli/doctor/finding.ts'
import type { WantedModel } from '#cli/doctor/wanted-models.ts'
import { modelId } from '#domain/ids.ts'
import type { ProviderPolicy } from '#domain/policy.ts'
import { refusedFeatures } from '#domain/projections/capabilities.ts'
import type { Config, ResolvedProvider } from '#infra/config/config.ts'
import { toPolicy } from '#infra/config/to-policy.ts'
import { describeReference } from '#infra/credentials/credential-reference.ts'
import { makeUpstreams } from '#infra/upstream/upstreams.ts'

export interface DiagnoseOptions {
  readonly config: Config
  /** Those of the configuration that are to be looked at. */
  readonly providers: readonly ResolvedProvider[]
  /** Real calls are made. */
  readonly live: boolean
  /** The client that does a task through each provider. */
  readonly claude: { readonly command: string; readonly version: string } | undefined
  /** Told the share that is done, 0 to 1. */
  readonly onProgress: (share: number) => void
}

export const diagnose = (options: DiagnoseOptions): Effect.Effect<readonly Diagnosis[]> =>
  Effect.gen(function* () {
    const { config, providers, claude, onProgress } = options
    const steps = providers.length * (claude === undefined ? 1 : 2)
    let done = 0
    const counted = <A>(step: Effect.Effect<A>) => Effect.tap(step, () => Effect.sync(() => onProgress(++done / steps)))
    const knowledge = yield* readKnowledge(config.database.url)
    const policies = toPolicy(config).providers
    const looked = yield* Effect.forEach(
      providers,
      (provider) =>
        counted(lookAtOne({ provider, policy: policyOf(policies, provider), knowledge, live: options.live })),
      { concurrency: 'unbounded' },
    )
    return yield* Effect.forEach(looked, ({ provider, wanted, findings }) =>
      Effect.gen(function* () {
        if (claude === undefined) return diagnosisOf(provider, findings)
        const isWell = !findings.some(({ result }) => result === 'failed') && wanted.length > 0
        const task = isWell
          ? yield* counted(checkClaudeCode({ config, provider, wanted, ...claude }))
          : yield* counted(Effect.succeed(skipped('claude-code', 'what comes before it is not well')))
        return diagnosisOf(provider, [...findings, task])
      }),
    )
  })

/** Policies are made of the same list. */
const policyOf = (policies: readonly ProviderPolicy[], { id, kind, policy }: ResolvedProvider): ProviderPolicy =>
  policies.find((one) => one.id === id) ?? { id, kind, ...policy }

interface Looking {
  readonly provider: ResolvedProvider
  readonly policy: ProviderPolicy
  readonly knowledge: Knowledge
  readonly live: boolean
}

interface Looked {
  readonly provider: ResolvedProvider
  /** Empty when the provider could not be asked. */
  readonly wanted: readonly WantedModel[]
  readonly findings: readonly Finding[]
}

const lookAtOne = ({ provider, policy, knowledge, live }: Looking): Effect.Effect<Looked> =>
  Effect.scoped(
    Effect.gen(function* () {
      const [credential, address] = yield* Effect.all([checkCredential(provider), checkAddress(provider)], {
        concurrency: 'unbounded',
      })
      const log = logFinding(knowledge, provider, policy)
      // A warning is told of a client's credential that is not here; there is nothing to ask with either.
      const missing =
        address.result !== 'ok'
          ? 'its address does not answer'
          : credential.result !== 'ok'
            ? 'no credential'
            : undefined
      const upstreams = missing === undefined ? yield* makeUpstreams([provider]) : undefined
      const upstream = upstreams?.service.get(provider.id)
      if (upstream === undefined) {
        const unasked: readonly CheckName[] = live ? LIVE : []
        const why = missing ?? 'it is not there'
        const rest = unasked.map((check) => skipped(check, why))
        return { provider, wanted: [], findings: [credential, address, skipped('models', why), log, ...rest] }
      }
      return yield* askOne({ provider, policy, knowledge, live }, upstream, [credential, address], log)
    }),
  )

const LIVE: readonly CheckName[] = ['stream', 'whole', 'count']

const askOne = (
  { provider, policy, knowledge, live }: Looking,
  upstream: Upstream,
  before: readonly Finding[],
  log: Finding,
): Effect.Effect<Looked> =>
  Effect.gen(function* () {
    const headers = provider.credential._tag === 'Client' ? clientCredential(process.env) : []
    const [account, models] = yield* Effect.all(
      [checkAccount(provider, upstream), checkModels(provider, policy, upstream, headers)],
      { concurrency: 'unbounded' },
    )
    const { wanted } = models
    const findings = [...before, ...(account === undefined ? [] : [account]), models.finding, log]
    if (!live) return { provider, wanted, findings }
    const without = (model: string) =>
      knowledge._tag === 'Known'
        ? refusedFeatures(knowledge.state.projections.capabilities, provider.id, modelId(model), knowledge.at)
        : []
    const calls = yield* checkLive({ provider, upstream, wanted, without, headers })
    return { provider, wanted, findings: [...findings, ...calls] }
  })

const diagnosisOf = (provider: ResolvedProvider, findings: readonly Finding[]): Diagnosis => ({
  provider: provider.id,
  kind: provider.kind,
  preset: provider.preset ?? null,
  address: addressOf(provider),
  credential: describeReference(provider.credential),
  findings,
})
