import { expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { EventLog, type EventLogReason } from '#actors/ports.ts'
import { type EventLogOperation, layerMemory } from '#infra/event-log/memory.ts'
import { eventLogContract } from '#test/event-log-contract.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'

eventLogContract('memory', () => layerMemory())

it.effect('fails as it is told, by operation, and goes on afterwards', () => {
  const full: EventLogReason = { _tag: 'Unavailable', detail: 'the disk is full' }
  let failing: EventLogOperation | undefined = 'append'
  return Effect.gen(function* () {
    const log = yield* EventLog
    const events = envelopes()(servedRequest(1))
    expect((yield* Effect.flip(log.append(events))).reason).toEqual(full)
    expect(yield* log.head).toBe(0)
    failing = 'read'
    expect(yield* log.append(events)).toBe(4)
    expect((yield* Effect.flip(log.read({ after: 0, limit: 1 }))).reason).toEqual(full)
    failing = undefined
    expect(yield* log.read({ after: 0, limit: 1 })).toHaveLength(1)
  }).pipe(Effect.provide(layerMemory({ fail: (operation) => (operation === failing ? full : undefined) })))
})
