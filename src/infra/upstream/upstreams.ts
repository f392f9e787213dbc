/**
 * The upstreams of the configuration in force. A reload replaces them; exchanges under way keep the connections they have.
 */
import { Effect, type Scope } from 'effect'
import type { Upstream, Upstreams } from '#actors/ports.ts'
import type { ProviderId } from '#domain/ids.ts'
import type { ResolvedProvider } from '#infra/config/config.ts'
import { anthropicUpstream } from '#infra/upstream/anthropic.ts'
import { makeCredential } from '#infra/upstream/credential.ts'
import { makeTransport, type Transport } from '#infra/upstream/transport.ts'

export interface UpstreamSet {
  readonly service: Upstreams['Service']
  /** Uses these from now on; the pools of the old ones close when their last exchange ends. */
  readonly replace: (providers: readonly ResolvedProvider[]) => void
}

const build = (provider: ResolvedProvider): readonly [Upstream, Transport] => {
  const transport = makeTransport({
    origin: new URL(provider.baseUrl).origin,
    caFile: provider.tls.ca,
    proxy: provider.proxy,
    connectTimeoutMs: provider.policy.timeouts.connectMs,
  })
  const upstream = anthropicUpstream({
    id: provider.id,
    baseUrl: provider.baseUrl,
    credential: makeCredential(provider.credential),
    headers: provider.headers,
    transport,
  })
  return [upstream, transport]
}

/** Closes all pools with the scope. */
export const makeUpstreams = (providers: readonly ResolvedProvider[]): Effect.Effect<UpstreamSet, never, Scope.Scope> =>
  Effect.gen(function* () {
    let current = new Map<ProviderId, readonly [Upstream, Transport]>()
    const replace = (next: readonly ResolvedProvider[]): void => {
      const old = current
      current = new Map(next.map((provider) => [provider.id, build(provider)]))
      for (const [, transport] of old.values()) void transport.close()
    }
    replace(providers)
    yield* Effect.addFinalizer(() =>
      Effect.promise(() => Promise.all([...current.values()].map(([, transport]) => transport.destroy()))),
    )
    return { service: { get: (id) => current.get(id)?.[0] }, replace }
  })
