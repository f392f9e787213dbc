/**
 * Closing what an instance left open that fell silent: its requests become abandoned, with what they may have cost, exactly once.
 *
 * Whoever finds it may be wrong about being alone in that: a leader that was paused goes on where it was. So the log decides.
 * `InstanceLost` is the first event of the instance's own stream; of two that append it the second is refused, with all that it
 * brought along.
 */
import { Effect } from 'effect'
import type { GatewayState } from '#actors/gateway-state.ts'
import { poolKey } from '#actors/pool-key.ts'
import type { EventLog, EventLogError } from '#actors/ports.ts'
import type { Fact } from '#domain/events.ts'
import { spentByInstance } from '#domain/projections/budgets.ts'
import { type NewEvent, streamOf } from '#domain/recorded-event.ts'

export interface Closing {
  /** Who closes; numbers of its own, so that a refusal takes nothing else along. */
  readonly writer: string
  /** Of its last event. */
  seq: number
}

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
 * Closes the requests of a lost instance; answers how many, or undefined when another has done it. The state must have heard
 * everything that the instance has appended.
 */
export const closeLost = (
  log: EventLog['Service'],
  state: GatewayState,
  instance: string,
  closing: Closing,
): Effect.Effect<number | undefined, EventLogError> =>
  Effect.gen(function* () {
    const occurredAt = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
    const requests = openRequestsOf(state, instance)
    const event = (fact: Fact, index: number): NewEvent => ({
      event: fact,
      stream: streamOf(fact),
      occurredAt,
      writer: closing.writer,
      writerSeq: closing.seq + 1 + index,
      ...('requestId' in fact ? { correlation: fact.requestId } : {}),
      ...(fact._tag === 'InstanceLost' ? { streamVersion: 1 } : {}),
    })
    const batch = [{ _tag: 'InstanceLost', instance } as const, ...requests].map(event)
    const isFirst = yield* log.append(batch).pipe(
      Effect.as(true),
      Effect.catch((error) => (error.reason._tag === 'Conflict' ? Effect.succeed(false) : Effect.fail(error))),
    )
    if (!isFirst) return undefined
    closing.seq += batch.length
    return requests.length
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
