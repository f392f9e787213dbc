/**
 * An event log in memory that notes every append, takes its time and fails when it is told to; for tests of the ledger.
 */
import { Effect, Layer, Scope } from 'effect'
import * as ledger from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { EventLog, EventLogError, type EventLogReason } from '#actors/ports.ts'
import { type DomainEvent, isFact } from '#domain/events.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import type { NewEvent } from '#domain/recorded-event.ts'
import { layerMemory } from '#infra/event-log/memory.ts'

export interface AppendNote {
  readonly at: number
  readonly events: readonly NewEvent[]
  /** Undefined while it is under way. */
  outcome: 'written' | 'failed' | undefined
}

export const recordingLog = Effect.gen(function* () {
  const clock = yield* Effect.clockWith(Effect.succeed)
  const now = () => clock.currentTimeMillisUnsafe()
  const shared = yield* Effect.provide(EventLog, layerMemory())
  const appends: AppendNote[] = []
  const control = {
    appendMs: 0,
    fail: (): EventLogReason | undefined => undefined,
    /** Writes, and then says that it failed. */
    loseAnswer: (): boolean => false,
  }
  const layer = Layer.succeed(
    EventLog,
    EventLog.of({
      ...shared,
      append: Effect.fnUntraced(function* (events) {
        const note: AppendNote = { at: now(), events, outcome: undefined }
        appends.push(note)
        if (control.appendMs > 0) yield* Effect.sleep(control.appendMs)
        const reason = control.fail()
        if (reason !== undefined) {
          note.outcome = 'failed'
          return yield* new EventLogError({ reason })
        }
        const last = yield* shared.append(events)
        if (control.loseAnswer()) {
          note.outcome = 'failed'
          return yield* new EventLogError({ reason: { _tag: 'Unavailable', detail: 'the answer was lost' } })
        }
        note.outcome = 'written'
        return last
      }),
    }),
  )
  const scope = yield* Scope.make()
  /** A ledger on this log; it closes with the returned scope. */
  const open = (writer: string) =>
    Effect.gen(function* () {
      const services = yield* Scope.provide(Layer.build(ledger.layer({ writer }).pipe(Layer.provide(layer))), scope)
      return yield* Effect.provideContext(Ledger, services)
    })
  return { shared, layer, appends, control, open, scope, now }
})

export const unavailable = (): EventLogReason => ({ _tag: 'Unavailable', detail: 'the disk is full' })

/** A fact that leads to no decision, told from others by its number. */
export const note = (n: number): Extract<DomainEvent, { _tag: 'ConfigChanged' }> => ({
  _tag: 'ConfigChanged',
  source: 'signal',
  changed: [`key${n}`],
})

/** A fact that leads to one decision, a route. */
export const admit = (n: number): Extract<DomainEvent, { _tag: 'RequestAdmitted' }> => ({
  _tag: 'RequestAdmitted',
  requestId: requestId(`req_${n}`),
  model: modelId('claude-sonnet-5-5'),
  stream: true,
  bodyBytes: 10,
  messages: 1,
  tools: 0,
  images: 0,
  draw: 0.5,
})

export const fail = (n: number, provider = 'a'): Extract<DomainEvent, { _tag: 'AttemptFailed' }> => ({
  _tag: 'AttemptFailed',
  requestId: requestId(`req_${n}`),
  attempt: 1,
  provider: providerId(provider),
  model: modelId('claude-sonnet-5-5'),
  reason: { _tag: 'RateLimited', status: 429 },
  stage: 'S0',
  durationMs: 1,
  draw: 0.5,
})

/** Labels, for comparing orders at a glance. */
export const labels = (events: readonly NewEvent[]): readonly string[] =>
  events.map(({ event }) =>
    event._tag === 'ConfigChanged' ? (event.changed[0] ?? '') : isFact(event) ? event._tag : `→${event._tag}`,
  )
