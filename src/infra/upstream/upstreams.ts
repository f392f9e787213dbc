/**
 * The upstreams of the configuration in force. A reload replaces them; exchanges under way keep the connections they have.
 */
import { Effect, type Scope } from 'effect'
import type { Upstream, Upstreams } from '#actors/ports.ts'
import type { ProviderId } from '#domain/ids.ts'
import type { ResolvedProvider } from '#infra/config/config.ts'
import { makeCredential } from '#infra/upstream/credential.ts'
import { type HttpUpstreamOptions, httpUpstream } from '#infra/upstream/http-upstream.ts'
import { makeTransport, type Transport } from '#infra/upstream/transport.ts'

export interface UpstreamSet {
  readonly service: Upstreams['Service']
  /** Uses these from now on; the pools of the old ones close when their last exchange ends. */
  readonly replace: (providers: readonly ResolvedProvider[]) => void
}

type Time = Pick<HttpUpstreamOptions, 'now' | 'after'>

const build = (provider: ResolvedProvider, time: Time): readonly [Upstream, Transport] => {
  const transport = makeTransport({
    origin: new URL(provider.baseUrl).origin,
    caFile: provider.tls.ca,
    proxy: provider.proxy,
    connectTimeoutMs: provider.policy.timeouts.connectMs,
  })
  const upstream = httpUpstream({
    ...time,
    id: provider.id,
    profile: provider.profile,
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
    const clock = yield* Effect.clockWith(Effect.succeed)
    const runFork = Effect.runForkWith(yield* Effect.context<never>())
    const time: Time = {
      now: () => clock.currentTimeMillisUnsafe(),
      after: (ms, run) => {
        const waiting = runFork(Effect.andThen(Effect.sleep(ms), Effect.sync(run)))
        return () => waiting.interruptUnsafe()
      },
    }
    let current = new Map<ProviderId, readonly [Upstream, Transport]>()
    const replace = (next: readonly ResolvedProvider[]): void => {
      const old = current
      current = new Map(next.map((provider) => [provider.id, build(provider, time)]))
      for (const [, transport] of old.values()) void transport.close()
    }
    replace(providers)
    yield* Effect.addFinalizer(() =>
      Effect.promise(() => Promise.all([...current.values()].map(([, transport]) => transport.destroy()))),
    )
    return { service: { get: (id) => current.get(id)?.[0] }, replace }
  })
