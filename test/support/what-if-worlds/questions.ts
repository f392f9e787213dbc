/**
 * What is asked of the log of a world: other routing, a provider less, a limit that is tighter. Each comes with the world in which it
 * is so.
 */
import type { Wanted } from '#cli/what-if/wanted-policy.ts'
import { providerId } from '#domain/ids.ts'
import type { Policy } from '#domain/policy.ts'
import type { LoggedCall } from '#domain/what-if/traffic.ts'
import { policyFor } from '#infra/simulator/virtual/operator.ts'
import type { TrueProvider } from '#infra/simulator/virtual/true-provider.ts'
import type { VirtualWorld } from '#infra/simulator/virtual/world.ts'

export interface Question {
  readonly name: string
  readonly wanted: Wanted
  readonly otherwise: VirtualWorld
}

type Routing = Partial<Policy['routing']> & Pick<Policy['routing'], 'strategy'>

const ROUTINGS: readonly (readonly [name: string, routing: Routing])[] = [
  ['strategy=cost', { strategy: 'cost', explorationShare: 0 }],
  ['strategy=performance', { strategy: 'performance', explorationShare: 0 }],
  [
    'weights of cost',
    {
      strategy: 'intelligent',
      weights: { headroom: 0.2, performance: 0.1, cost: 0.6, reliability: 0.1 },
      explorationShare: 0,
    },
  ],
  ['maxFallbacks=0', { strategy: 'intelligent', maxFallbacks: 0 }],
]

/** @param explorationShare of the policy that made the log */
export const questionsOf = (
  world: VirtualWorld,
  calls: readonly LoggedCall[],
  explorationShare: number,
): readonly Question[] => {
  const present: Routing = { strategy: 'intelligent', explorationShare }
  const of = (otherwise: VirtualWorld, routing: Routing): Policy => policyFor(otherwise, routing.strategy, routing)
  const wanted = (policy: Policy): Wanted => ({ policy, added: [], otherLimits: new Set() })
  const last = world.providers.at(-1)
  const tight = tightened(world, calls)
  const otherLimits = new Set(
    tight.providers.flatMap((one, index) => (one === world.providers[index] ? [] : [providerId(one.id)])),
  )
  return [
    ...ROUTINGS.map(([name, routing]) => ({
      name,
      wanted: wanted(of(world, { ...present, ...routing })),
      otherwise: world,
    })),
    {
      name: `without ${last?.id}`,
      wanted: wanted(withoutLast(of(world, present))),
      otherwise: { ...world, providers: world.providers.slice(0, -1) },
    },
    { name: 'tighter limit', wanted: { policy: of(tight, present), added: [], otherLimits }, otherwise: tight },
  ]
}

const withoutLast = (policy: Policy): Policy => ({
  ...policy,
  providers: policy.providers.map((one, index) =>
    index === policy.providers.length - 1 ? { ...one, enabled: false } : one,
  ),
})

/** Whoever served most, and lets in 0.7 of the requests of its busiest minute from now on, as the configuration tells. */
const tightened = (world: VirtualWorld, calls: readonly LoggedCall[]): VirtualWorld => {
  const attempts = calls.flatMap(({ requests }) => requests.flatMap((request) => request.attempts))
  const byProvider = Map.groupBy(attempts, ({ provider }) => provider)
  const [busiest] = [...byProvider].toSorted(([, a], [, b]) => b.length - a.length)
  const minutes = Map.groupBy(busiest?.[1] ?? [], ({ startedAt }) => Math.floor(startedAt / 60_000))
  const most = Math.max(...[...minutes.values()].map(({ length }) => length))
  const tighter = (one: TrueProvider): TrueProvider => ({
    ...one,
    told: 'configured',
    limits: { ...one.limits, requestsPerMinute: Math.max(1, Math.round(0.7 * most)) },
  })
  return {
    ...world,
    providers: world.providers.map((one) => (one.id === busiest?.[0] ? tighter(one) : one)),
  }
}
