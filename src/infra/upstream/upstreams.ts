/**
 * The upstreams of the configuration in force. A reload replaces them; exchanges under way keep the connections they have.
 */
import { Effect, type Scope } from 'effect'
import type { Upstream, Upstreams } from '#actors/ports.ts'
import type { ProviderId } from '#domain/ids.ts'
import type { ResolvedProvider } from '#infra/config/config.ts'
import type { AddressKind } from '#infra/upstream/address-kind.ts'
import { makeCredential } from '#infra/upstream/credential.ts'
import { type HttpUpstreamOptions, httpUpstream } from '#infra/upstream/http-upstream.ts'
import { makeTransport, type Transport, type TransportOptions } from '#infra/upstream/transport.ts'

export interface UpstreamSet {
  readonly service: Upstreams['Service']
  /** Uses these from now on; the pools of the old ones close when their last exchange ends. */
  readonly replace: (providers: readonly ResolvedProvider[]) => void
}

type Time = Pick<HttpUpstreamOptions, 'now' | 'after'>

/** How a provider is connected to. */
export const transportOptions = (provider: ResolvedProvider): TransportOptions => ({
  origin: new URL(provider.baseUrl).origin,
  caFile: provider.tls.ca,
  identity: provider.tls.identity,
  proxy: provider.proxy,
  connectTimeoutMs: provider.policy.timeouts.connectMs,
  allowPrivate: provider.allowPrivate,
})

interface Surroundings {
  readonly time: Time
  readonly log: (line: Effect.Effect<void>) => void
}

const build = (provider: ResolvedProvider, { time, log }: Surroundings): readonly [Upstream, Transport] => {
  let told = false
  const transport = makeTransport({
    ...transportOptions(provider),
    // Every attempt would say it again.
    onRefused: ({ host, address, kind }) => {
      if (!told) log(addressRefused(provider, host, address, kind))
      told = true
    },
    onUnusableFiles: (error) =>
      log(
        Effect.logError('changed files of certificates cannot be used; the old certificates stay in use', {
          provider: provider.id,
          code: errorCode(error),
        }),
      ),
  })
  const upstream = httpUpstream({
    ...time,
    id: provider.id,
    profile: provider.profile,
    baseUrl: provider.baseUrl,
    credential: makeCredential(provider.credential),
    headers: provider.headers,
    transport,
    onBug: (error) =>
      log(
        Effect.logError('a request could not be prepared for a provider, because of a bug', {
          provider: provider.id,
          error: placeOf(error),
        }),
      ),
  })
  return [upstream, transport]
}

/** Never the text, which may hold what was in the file. */
const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'

/** Kind and place, without the text, which may quote the request. */
const placeOf = (error: unknown): string =>
  error instanceof Error
    ? [error.name, ...(error.stack?.match(/^ +at .*$/gm) ?? []).slice(0, 3)].join('')
    : 'unknown error'

const addressRefused = ({ id }: ResolvedProvider, host: string, address: string, kind: AddressKind) =>
  Effect.logError(
    kind === 'forbidden'
      ? 'a provider leads to a link-local address or a metadata service, and is not connected to'
      : 'a provider leads into a private network, and is not connected to; if it is yours, set its allowPrivate to true',
    { provider: id, host, address },
  )

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
      current = new Map(
        next.map((provider) => [provider.id, build(provider, { time, log: (line) => void runFork(line) })]),
      )
      for (const [, transport] of old.values()) void transport.close()
    }
    replace(providers)
    yield* Effect.addFinalizer(() =>
      Effect.promise(() => Promise.all([...current.values()].map(([, transport]) => transport.destroy()))),
    )
    return { service: { get: (id) => current.get(id)?.[0] }, replace }
  })
