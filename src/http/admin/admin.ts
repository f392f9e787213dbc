/**
 * What the endpoints of the admin API need beside the ledger.
 */
import { Context, Effect } from 'effect'
import type { AdminActions, Books, Captures, EventLog, EventLogError } from '#actors/ports.ts'
import { adminError } from '#http/admin/admin-error.ts'
import type { AdminTokens } from '#http/admin/tokens.ts'
import type { MessagesOptions } from '#http/messages.ts'

/** From the composition root. */
export interface AdminOptions {
  readonly tokens: AdminTokens
  /** Other origins whose pages may call; none by default. */
  readonly corsOrigins: readonly string[]
  readonly log: EventLog['Service']
  /** Of the same log. */
  readonly books: Books['Service']
  readonly actions: AdminActions['Service']
  /** The configuration as running, without secrets; it becomes JSON as it is. */
  readonly config: () => object
}

export class Admin extends Context.Service<
  Admin,
  AdminOptions & {
    readonly version: string
    /** Absent: nothing is captured. */
    readonly captures?: Captures['Service']
    /** Bytes of a request that a dry run takes. */
    readonly bodyLimit: number
    /** Strategies that may be chosen, now. */
    readonly strategies: MessagesOptions['strategies']
  }
>()('signalbox/http/admin/Admin') {}

/** The name that every group's own part of the API bears, so that together they are one. */
export const ADMIN_API = 'signalbox'

/** A log that cannot be read now may be readable later; why it cannot is for the box's own log. */
export const orUnavailable = <A>(effect: Effect.Effect<A, EventLogError>) =>
  effect.pipe(
    Effect.tapError((error) => Effect.logError('the admin API cannot read the event log', { detail: error.message })),
    Effect.mapError(() => adminError.unavailable('The event log cannot be read at present.')),
  )
