/**
 * What the rest of a conversation will cost after a call, by who serves that call: by dynamic programming over the script, which
 * only an oracle knows. Later calls are taken to be served by whoever is cheapest; a cache is warm where the call before was served,
 * when the script's pause is shorter than its life. Prices are those of the beginning.
 */
import { costOf } from '#domain/pricing.ts'
import { type Call, type Conversation, conversationsOf } from './traffic.ts'
import { LIFETIME_MS } from './true-cache.ts'
import { billedBy, type TrueProvider } from './true-provider.ts'
import type { VirtualWorld } from './world.ts'

/** By `Call.key`: nano-USD per provider, in the order of the world's providers. */
export type Foresight = ReadonlyMap<number, readonly number[]>

export const foresee = (world: VirtualWorld): Foresight => {
  const after = new Map<number, readonly number[]>()
  for (const session of world.sessions)
    for (const conversation of conversationsOf(session)) book(after, conversation, world)
  return after
}

const book = (
  after: Map<number, readonly number[]>,
  conversation: Conversation,
  { providers, lifetime }: VirtualWorld,
): void => {
  const cost = (truth: TrueProvider, call: Call, warm: number): number =>
    costOf(truth.price, billedBy(truth, call, warm, call.outputTokens, lifetime)) ?? 0
  let rest: readonly number[] = providers.map(() => 0)
  for (let index = conversation.length - 1; index >= 0; index--) {
    const turn = conversation[index]
    const before = conversation[index - 1]?.call
    if (turn === undefined) break
    const { call, gapMs } = turn
    after.set(call.key, rest)
    const following = rest
    const cold = providers.map((truth, n) => cost(truth, call, 0) + (following[n] ?? 0))
    const cheapest = Math.min(...cold)
    const isAlive = before !== undefined && gapMs < LIFETIME_MS[lifetime]
    rest = providers.map((truth, n) =>
      isAlive && truth.hasCache
        ? Math.min(cheapest, cost(truth, call, warmOf(call, before)) + (following[n] ?? 0))
        : cheapest,
    )
  }
}

const warmOf = (call: Call, before: Call): number =>
  call.messages >= before.messages ? before.promptTokens : call.preambleTokens
