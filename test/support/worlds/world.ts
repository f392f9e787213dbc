/**
 * A world: everything that happens around a box for some minutes, as plain data drawn by fast-check. The same world always
 * leads to the same run, and a failing one shrinks to a small one.
 */
import fc from 'fast-check'
import { providerId } from '#domain/ids.ts'
import { defaultBreaker, defaultPolicy, defaultTimeouts, type Policy, type ProviderPolicy } from '#domain/policy.ts'
import { type Behaviour, bad, good } from './behaviour.ts'

/** For `forMs` the provider answers its exchanges with these in turn. After the last epoch the first comes again. */
export interface Epoch {
  readonly forMs: number
  readonly behaviours: readonly Behaviour[]
}

export interface WorldProvider {
  readonly priority: number
  readonly epochs: readonly Epoch[]
}

export interface Arrival {
  /** After the request before. */
  readonly afterMs: number
  readonly stream: boolean
  readonly leavesAfterMs: number | null
  /** Reads slower than we write. */
  readonly slow: boolean
}

export type PolicyChange =
  | { readonly _tag: 'disable' | 'enable' | 'remove' | 'add'; readonly provider: number }
  | { readonly _tag: 'priorities'; readonly values: readonly number[] }
  | { readonly _tag: 'maxFallbacks'; readonly value: number }
  | { readonly _tag: 'retryBudget'; readonly tokens: number }

export type Disturbance = {
  readonly atMs: number
} /** `lost`: the events are written, but the writer is told that they are not. */ & (
  | { readonly _tag: 'logFails'; readonly forMs: number; readonly lost: boolean }
  | { readonly _tag: 'policy'; readonly change: PolicyChange }
  /** The process dies at once; another starts on the same log. */
  | { readonly _tag: 'kill' }
  /** An orderly stop that waits so long, then the next start. */
  | { readonly _tag: 'shutdown'; readonly drainMs: number }
)

export interface World {
  readonly dice: number
  /** The first `active` of them are in the first policy. */
  readonly providers: readonly WorldProvider[]
  readonly active: number
  readonly temper: 'default' | 'quick'
  readonly maxFallbacks: number
  readonly fallbackDelayMs: number
  readonly queueMs: number
  /** Of an append, before and after it takes effect. */
  readonly logMs: readonly [number, number]
  /** How long the ledger gathers events for a commit: for those who wait, and when nobody waits. */
  readonly commits: { readonly groupMs: number; readonly lingerMs: number }
  readonly arrivals: readonly Arrival[]
  readonly disturbances: readonly Disturbance[]
  /** After so many recorded facts the live state is noted, again and again. */
  readonly noteEvery: number
}

const epoch: fc.Arbitrary<Epoch> = fc.record({
  forMs: fc.integer({ min: 1_000, max: 120_000 }),
  behaviours: fc.oneof(
    { weight: 2, arbitrary: fc.array(good, { minLength: 1, maxLength: 2 }) },
    { weight: 2, arbitrary: fc.array(bad, { minLength: 1, maxLength: 3 }) },
    { weight: 3, arbitrary: fc.array(fc.oneof(good, bad), { minLength: 2, maxLength: 4 }) },
  ),
})

const worldProvider: fc.Arbitrary<WorldProvider> = fc.record({
  priority: fc.nat(3),
  epochs: fc.array(epoch, { minLength: 1, maxLength: 3 }),
})

const arrival: fc.Arbitrary<Arrival> = fc.record({
  afterMs: fc.oneof(
    { weight: 2, arbitrary: fc.constant(0) },
    { weight: 4, arbitrary: fc.nat(2_000) },
    { weight: 1, arbitrary: fc.nat(40_000) },
  ),
  stream: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  leavesAfterMs: fc.oneof(
    { weight: 4, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.oneof(fc.nat(1_000), fc.nat(60_000)) },
  ),
  slow: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
})

const someProvider = fc.nat(4)
const change: fc.Arbitrary<PolicyChange> = fc.oneof(
  fc.record({ _tag: fc.constantFrom('disable' as const, 'enable', 'remove', 'add'), provider: someProvider }),
  fc.record({
    _tag: fc.constant('priorities' as const),
    values: fc.array(fc.nat(3), { minLength: 5, maxLength: 5 }),
  }),
  fc.record({ _tag: fc.constant('maxFallbacks' as const), value: fc.nat(3) }),
  fc.record({ _tag: fc.constant('retryBudget' as const), tokens: fc.integer({ min: 5, max: 20 }) }),
)

const atMs = fc.nat(120_000)
const disturbance: fc.Arbitrary<Disturbance> = fc.oneof(
  fc.record({
    _tag: fc.constant('logFails' as const),
    atMs,
    forMs: fc.oneof(fc.nat(300), fc.nat(20_000)),
    lost: fc.boolean(),
  }),
  fc.record({ _tag: fc.constant('policy' as const), atMs, change }),
  fc.record({ _tag: fc.constant('policy' as const), atMs, change }),
  fc.record({ _tag: fc.constant('kill' as const), atMs }),
  fc.record({
    _tag: fc.constant('shutdown' as const),
    atMs,
    drainMs: fc.oneof(fc.constant(0), fc.nat(5_000)),
  }),
)

/** Everything is down, for everybody, all the time. */
export const outages: fc.Arbitrary<World> = fc
  .record({
    failure: fc.constantFrom<Behaviour>(
      { _tag: 'refused' },
      { _tag: 'status', afterMs: 20, status: 500, type: 'api_error', retryAfterS: null },
      { _tag: 'status', afterMs: 900, status: 529, type: 'overloaded_error', retryAfterS: null },
      { _tag: 'resetBeforeHeaders', afterMs: 300 },
      { _tag: 'silent' },
    ),
    providers: fc.integer({ min: 2, max: 5 }),
    requests: fc.integer({ min: 1, max: 120 }),
    everyMs: fc.oneof(fc.constant(0), fc.nat(3_000)),
    fallbackDelayMs: fc.oneof(fc.constant(0), fc.nat(5_000)),
    temper: fc.constantFrom('default' as const, 'quick'),
    stream: fc.boolean(),
  })
  .map(({ failure, providers, requests, everyMs, fallbackDelayMs, temper, stream }) => ({
    dice: 1,
    providers: Array.from({ length: providers }, (_, n) => ({
      priority: n,
      epochs: [{ forMs: 1_000_000, behaviours: [failure] }],
    })),
    active: providers,
    temper,
    maxFallbacks: 3,
    fallbackDelayMs,
    queueMs: 0,
    logMs: [0, 0],
    commits: { groupMs: 0, lingerMs: 20 },
    arrivals: Array.from({ length: requests }, () => ({ afterMs: everyMs, stream, leavesAfterMs: null, slow: false })),
    disturbances: [],
    noteEvery: 100,
  }))

export const worlds: fc.Arbitrary<World> = fc.record({
  dice: fc.nat(1_000_000),
  providers: fc.array(worldProvider, { minLength: 1, maxLength: 5 }),
  active: fc.integer({ min: 1, max: 5 }),
  temper: fc.constantFrom('default', 'quick', 'quick'),
  maxFallbacks: fc.oneof({ weight: 3, arbitrary: fc.constant(3) }, { weight: 1, arbitrary: fc.nat(3) }),
  fallbackDelayMs: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 3_000 }) },
  ),
  queueMs: fc.oneof(fc.constant(0), fc.constantFrom(300, 10_000)),
  logMs: fc.oneof(fc.constant([0, 0] as const), fc.tuple(fc.nat(30), fc.nat(30))),
  commits: fc.constantFrom({ groupMs: 0, lingerMs: 20 }, { groupMs: 5, lingerMs: 50 }),
  arrivals: fc.array(arrival, { minLength: 1, maxLength: 24, size: 'max' }),
  disturbances: fc.array(disturbance, { maxLength: 4, size: 'max' }),
  noteEvery: fc.integer({ min: 1, max: 5 }),
})

/** Breakers that open and probe within a small world. */
const QUICK = {
  breaker: {
    ...defaultBreaker,
    consecutiveFailures: 2,
    consecutiveConnectFailures: 2,
    openBaseMs: 1_000,
    openCapMs: 8_000,
    probeLeaseMs: 5_000,
    rampMs: 5_000,
    throttleCapMs: 5_000,
    credentialRetryMs: 8_000,
    quotaRetryMs: 12_000,
  },
  timeouts: { connectMs: 1_000, headersMs: 25_000, firstContentMs: 35_000, idleMs: 20_000, progressMs: 40_000 },
}

const policyProvider = (world: World, index: number): ProviderPolicy => ({
  id: providerId(`p${index}`),
  kind: 'anthropic',
  enabled: true,
  priority: world.providers[index]?.priority ?? 0,
  models: {},
  ...(world.temper === 'quick' ? QUICK : { breaker: defaultBreaker, timeouts: defaultTimeouts }),
})

export const firstPolicy = (world: World): Policy => ({
  ...defaultPolicy,
  providers: world.providers.slice(0, world.active).map((_, index) => policyProvider(world, index)),
  routing: {
    ...defaultPolicy.routing,
    strategy: 'priority',
    maxFallbacks: world.maxFallbacks,
    fallbackDelayMs: world.fallbackDelayMs,
    queueMs: world.queueMs,
    ...(world.temper === 'quick' ? { deadlineMs: 60_000 } : {}),
  },
})

export const changed = (world: World, policy: Policy, what: PolicyChange): Policy => {
  const { providers } = policy
  const setEnabled = (id: string, enabled: boolean) =>
    providers.map((provider) => (provider.id === id ? { ...provider, enabled } : provider))
  switch (what._tag) {
    case 'disable':
      return { ...policy, providers: setEnabled(`p${what.provider}`, false) }
    case 'enable':
      return { ...policy, providers: setEnabled(`p${what.provider}`, true) }
    case 'remove':
      return { ...policy, providers: providers.filter(({ id }) => id !== `p${what.provider}`) }
    case 'add': {
      const index = what.provider % world.providers.length
      return providers.some(({ id }) => id === `p${index}`)
        ? policy
        : { ...policy, providers: [...providers, policyProvider(world, index)] }
    }
    case 'priorities':
      return {
        ...policy,
        providers: providers.map((provider, index) => ({ ...provider, priority: what.values[index] ?? 0 })),
      }
    case 'maxFallbacks':
      return { ...policy, routing: { ...policy.routing, maxFallbacks: what.value } }
    case 'retryBudget':
      return { ...policy, retryBudget: { ...policy.retryBudget, tokens: what.tokens } }
  }
}
