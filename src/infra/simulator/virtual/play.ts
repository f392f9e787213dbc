/**
 * Plays a virtual world with a policy under test, from the first session to the last answer.
 */
import type { Fact } from '#domain/events.ts'
import { type ProviderId, providerId } from '#domain/ids.ts'
import type { Policy } from '#domain/policy.ts'
import { type Baseline, plainGateway } from './baseline.ts'
import { live } from './client.ts'
import type { Backend } from './exchange.ts'
import { foresee } from './foresight.ts'
import { type Core, type Gateway, signalbox, type Witness } from './gateway.ts'
import { policyFor } from './operator.ts'
import { oracle } from './oracle.ts'
import { type Figures, makeTally } from './tally.ts'
import { MOST_MOMENTS, makeTimeline } from './timeline.ts'
import type { Call } from './traffic.ts'
import { makeProvider } from './true-provider.ts'
import type { VirtualWorld } from './world.ts'

export type { Figures } from './tally.ts'

export type Contender =
  | {
      readonly _tag: 'Signalbox'
      readonly name: string
      readonly strategy: Policy['routing']['strategy']
      readonly routing?: Partial<Policy['routing']>
      readonly core?: Core
    }
  | { readonly _tag: 'Baseline'; readonly baseline: Baseline }
  | { readonly _tag: 'Oracle' }

export const nameOf = (contender: Contender): string => {
  switch (contender._tag) {
    case 'Signalbox':
      return contender.name
    case 'Baseline':
      return contender.baseline.name
    case 'Oracle':
      return 'oracle'
  }
}

export interface PlayOptions {
  readonly witness?: Witness
  /** Hears every end of an exchange. */
  readonly heard?: Backend<Call>['close']
  /** Of Signalbox; see GatewayOptions. */
  readonly instance?: string
}

/** A world on its way. */
export interface Run {
  /** At most so many moments; answers false when the last session has ended. */
  readonly advance: (moments: number) => boolean
  /** Virtual time, epoch ms. */
  readonly now: () => number
  /** Tells the gateway a fact of now. */
  readonly tell: (fact: Fact) => void
  readonly figures: () => Figures
}

/** From the first session to the last answer. */
export const playWorld = (world: VirtualWorld, contender: Contender, options: PlayOptions = {}): Figures => {
  const run = startWorld(world, contender, options)
  if (run.advance(MOST_MOMENTS)) throw new Error(`the world goes on after ${MOST_MOMENTS} moments`)
  return run.figures()
}

export const startWorld = (world: VirtualWorld, contender: Contender, options: PlayOptions = {}): Run => {
  const { seed, startsAt, lifetime, model } = world
  const timeline = makeTimeline(startsAt)
  const providers = world.providers.map((truth, index) => makeProvider(truth, { seed, index, startsAt, lifetime }))
  const byId = new Map(providers.map((provider) => [providerId(provider.truth.id), provider]))
  const tally = makeTally()
  const unwell = new Set<number>()
  let current: { call: Call; issued: number } | undefined

  const named = (id: ProviderId) => {
    const found = byId.get(id)
    if (found === undefined) throw new Error(`nobody is ${id}`)
    return found
  }
  const backend: Backend<Call> = {
    open: (asked) => named(asked.provider).open(asked),
    close: (asked, exchange, at) => {
      const { truth, close } = named(asked.provider)
      close(asked, exchange, at)
      tally.closed(truth, exchange, at)
      options.heard?.(asked, exchange, at)
    },
  }
  const gateway = ((): Gateway => {
    switch (contender._tag) {
      case 'Signalbox':
        return signalbox({
          name: contender.name,
          policy: policyFor(world, contender.strategy, contender.routing),
          timeline,
          ...(contender.core === undefined ? {} : { core: contender.core }),
          ...(options.witness === undefined ? {} : { witness: options.witness }),
          ...(options.instance === undefined ? {} : { instance: options.instance }),
        })
      case 'Baseline':
        return plainGateway(contender.baseline, policyFor(world, 'priority'))
      case 'Oracle':
        return oracle({
          policy: policyFor(world, 'priority'),
          providers,
          foresight: foresee(world),
          current: () => {
            if (current === undefined) throw new Error('nothing is being asked')
            return current
          },
        })
    }
  })()

  if (contender._tag === 'Signalbox') {
    for (const [index, at] of priceChangesOf(world).entries()) {
      const policy = policyFor(world, contender.strategy, contender.routing, at)
      timeline.at(at, () => void gateway.record({ _tag: 'PolicyChanged', version: 2 + index, policy }, at))
    }
  }
  for (const session of world.sessions) {
    timeline.start(
      live(
        {
          seed,
          model,
          gateway,
          backend,
          timeline,
          startedAt: startsAt,
          leavesShare: world.leavesShare,
          asking: (call, issued) => {
            current = { call, issued }
            if (!providers.some((one) => one.isWell(call, timeline.now()))) unwell.add(call.key)
          },
          ended: (turn) => tally.ended(turn, !unwell.has(turn.call.key)),
        },
        session,
      ),
    )
  }
  return {
    advance: timeline.advance,
    now: timeline.now,
    tell: (fact) => void gateway.record(fact, timeline.now()),
    figures: tally.figures,
  }
}

/** When the operator's prices change, epoch ms. */
const priceChangesOf = ({ providers }: VirtualWorld): readonly number[] =>
  [...new Set(providers.flatMap(({ priceChanges = [] }) => priceChanges.map(({ at }) => at)))].toSorted((a, b) => a - b)
