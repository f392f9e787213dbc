/**
 * The log that a virtual world leaves under a policy, as the commands would read it.
 */
import type { Policy } from '#domain/policy.ts'
import type { Happened } from '#domain/what-if/traffic.ts'
import { playWorld } from '#infra/simulator/virtual/play.ts'
import type { VirtualWorld } from '#infra/simulator/virtual/world.ts'

export const logOfWorld = (
  world: VirtualWorld,
  strategy: Policy['routing']['strategy'],
  routing: Partial<Policy['routing']>,
): readonly Happened[] => {
  const events: Happened[] = []
  const after = (
    fact: Happened['event'],
    occurredAt: number,
    _state: unknown,
    decisions: readonly Happened['event'][],
  ) => {
    events.push({ event: fact, occurredAt })
    for (const event of decisions) events.push({ event, occurredAt })
  }
  playWorld(world, { _tag: 'Signalbox', name: 'log', strategy, routing }, { witness: { after } })
  return events
}
