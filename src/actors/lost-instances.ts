/**
 * Closing what an instance left open that fell silent: its requests become abandoned, with what they may have cost, exactly once.
 *
 * Whoever finds it may be wrong about being alone in that: a leader that was paused goes on where it was. So the log decides.
 * The instance's own stream has one `InstanceLost` for each time that it was lost, and whoever appends the next says how many it knows;
 * of two that append it the second is refused, with all that it brought along.
 */
import { Effect } from 'effect'
import type { GatewayState } from '#actors/gateway-state.ts'
import { poolKey } from '#actors/pool-key.ts'
import type { EventLog, EventLogError } from '#actors/ports.ts'
import type { Fact } from '#domain/events.ts'
import { spentByInstance } from '#domain/projections/budgets.ts'
import { type NewEvent, streamOf } from '#domain/recorded-event.ts'

/** Requests of an instance that are open, as far as this state knows. */
export const openRequestsOf = (state: GatewayState, instance: string): readonly Fact[] =>
  [...state.projections.requests.inFlight].flatMap(([requestId, request]) =>
    request.writer === instance
      ? [
          {
            _tag: 'RequestAbandoned',
            requestId,
            attempts: request.attempts,
            ...(request.provider === undefined ? {} : { provider: request.provider }),
            ...(request.expectedNanoUsd === undefined ? {} : { costNanoUsd: request.expectedNanoUsd }),
          } as const,
        ]
      : [],
  )

/**
 * Closes the requests of a lost instance; answers how many, or undefined when another has done it, or there is nothing to close. The
 * state must have heard everything that the instance has appended.
 *
 * @param by who closes
 */
export const closeLost = (
  log: EventLog['Service'],
  state: GatewayState,
  instance: string,
  by: string,
): Effect.Effect<number | undefined, EventLogError> =>
  Effect.gen(function* () {
    const occurredAt = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
    const requests = openRequestsOf(state, instance)
    if (requests.length === 0 && !state.projections.budgets.sharing.has(instance)) return undefined
    const lost = { _tag: 'InstanceLost', instance } as const
    const times = (state.streams.get(streamOf(lost)) ?? 0) + 1
    const event = (fact: Fact, index: number): NewEvent => ({
      event: fact,
      stream: streamOf(fact),
      occurredAt,
      // A writer for this alone: a refusal, or an answer that was lost, takes nothing else along.
      writer: `${by}.closing.${instance}.${times}`,
      writerSeq: 1 + index,
      ...('requestId' in fact ? { correlation: fact.requestId } : {}),
      ...(fact._tag === 'InstanceLost' ? { streamVersion: times } : {}),
    })
    return yield* log.append([lost, ...requests].map(event)).pipe(
      Effect.as(requests.length),
      Effect.catch((error) => (error.reason._tag === 'Conflict' ? Effect.undefined : Effect.fail(error))),
    )
  })

/** How much of each pool stays with a lost instance: what it has spent, and what its open attempts held back. */
export const grantsUsedBy = (
  { projections: { budgets, requests } }: GatewayState,
  instance: string,
): ((key: string) => number) => {
  const used = new Map(
    spentByInstance(budgets, instance).map(([budget, subject, start, nano]) => [poolKey(budget, subject, start), nano]),
  )
  let held = 0
  for (const [requestId, { writer }] of requests.inFlight) {
    if (writer === instance) held += budgets.open.get(requestId)?.reservedNanoUsd ?? 0
  }
  return (key) => (used.get(key) ?? 0) + held
}
