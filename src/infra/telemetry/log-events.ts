/**
 * Log lines from committed events: one a request, at its end, and one for what changed a state. An observer like any other:
 * never in a request's way.
 */
import { Effect, References, type Scope } from 'effect'
import type { Ledger } from '#actors/ledger.ts'
import type { EventLog, EventLogError } from '#actors/ports.ts'
import { isTerminal } from '#domain/events.ts'
import type { CommittedEvent } from '#domain/recorded-event.ts'
import { eventFields, type Level, line } from '#infra/telemetry/event-line.ts'
import { eventsOfOpenRequests, hearCommits } from '#infra/telemetry/hear-commits.ts'
import type { LineFields } from '#infra/telemetry/log-line.ts'
import { type Gathered, gather, requestLine } from '#infra/telemetry/request-line.ts'

const ORDER = { Debug: 0, Info: 1, Warn: 2 } as const
const MINIMUM = { All: 0, Trace: 0, Debug: 0, Info: 1, Warn: 2, Error: 3, Fatal: 3, None: 3 } as const

/**
 * Subscribes until the scope closes. To be started before the box is opened, which ends the requests of an earlier process; what
 * it holds is bounded by the requests that are open at once.
 */
export const logEvents: Effect.Effect<void, EventLogError, Ledger | EventLog | Scope.Scope> = Effect.gen(function* () {
  const context = yield* Effect.context<never>()
  const minimum = MINIMUM[yield* References.MinimumLogLevel]
  const write = { Debug: Effect.logDebug, Info: Effect.logInfo, Warn: Effect.logWarning }
  const open = new Map<string, Gathered>()

  const isSaid = (level: Level): boolean => ORDER[level] >= minimum
  const say = (level: Level, message: string, fields: LineFields): void => {
    Effect.runForkWith(context)(write[level](message, fields))
  }
  const follow = (recorded: CommittedEvent): void => {
    const { event, occurredAt } = recorded
    if (!('requestId' in event)) return
    const known = gather(open.get(event.requestId), recorded)
    if (known === undefined) return
    if (!isTerminal(event)) {
      open.set(event.requestId, known)
      return
    }
    open.delete(event.requestId)
    if (!isSaid('Info')) return
    const { message, fields } = requestLine(known, occurredAt)
    say('Info', message, fields)
  }

  for (const recorded of yield* eventsOfOpenRequests) follow(recorded)
  yield* hearCommits((events) => {
    for (const recorded of events) {
      const said = line(recorded.event)
      if (said !== undefined && isSaid(said[0])) say(said[0], said[1], eventFields(recorded.event, recorded.occurredAt))
      follow(recorded)
    }
  })
})
