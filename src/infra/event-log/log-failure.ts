/** A failure whose reason is known already, in the port's words, on its way out of code that throws. */
import type { EventLogReason } from '#actors/ports.ts'

export class LogFailure extends Error {
  readonly reason: EventLogReason
  constructor(reason: EventLogReason) {
    super(reason.detail)
    this.reason = reason
  }
}

export const unusable = (detail: string): LogFailure => new LogFailure({ _tag: 'Unusable', detail })

export const conflict = (detail: string): LogFailure => new LogFailure({ _tag: 'Conflict', detail })
