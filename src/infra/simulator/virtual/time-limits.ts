/**
 * The time limits of an attempt (src/actors/attempt.ts), over an exchange whose course is known.
 */
import type { FailureReason } from '#domain/failure.ts'
import type { ProviderPolicy } from '#domain/policy.ts'
import type { Exchange } from './exchange.ts'
import { tickAfter } from './gateway.ts'

/** Times are epoch ms. */
export interface Limits {
  readonly at: number
  readonly deadlineAt: number
  readonly relayedAt: number
  readonly startedAt: number
}

export interface Over {
  readonly at: number
  readonly timeout?: Extract<FailureReason, { readonly _tag: 'Timeout' }>
}

/** When an exchange is over: at its own end, or at the tick after a time limit of attempt.ts that passes before. */
export const overAt = (
  exchange: Exchange,
  { timeouts }: ProviderPolicy,
  { at, deadlineAt, relayedAt, startedAt }: Limits,
): Over => {
  const limit = ((): readonly [number, 'connect' | 'headers' | 'firstContent' | 'idle'] => {
    if (exchange.connectedAt > at + timeouts.connectMs) return [at + timeouts.connectMs, 'connect']
    const headersBy = exchange.connectedAt + timeouts.headersMs
    if (exchange.headersAt > headersBy) return [headersBy, 'headers']
    const silentFrom = exchange.headersAt
    return timeouts.idleMs < timeouts.firstContentMs
      ? [silentFrom + timeouts.idleMs, 'idle']
      : [silentFrom + timeouts.firstContentMs, 'firstContent']
  })()
  const next = Math.min(exchange.firstContentAt, exchange.endsAt)
  const due = tickAfter(startedAt, relayedAt < deadlineAt ? limit[0] : Math.min(limit[0], deadlineAt))
  if (next <= due) return { at: exchange.endsAt }
  return { at: due, timeout: { _tag: 'Timeout', phase: limit[0] <= due ? limit[1] : 'deadline' } }
}
