/**
 * A change that the box refused, as its caller hears of it.
 */
import { Effect } from 'effect'
import type { ChangeRefused } from '#actors/ports.ts'
import { adminError } from '#http/admin/admin-error.ts'

export const refusedAsError = <A>(change: Effect.Effect<A, ChangeRefused>) =>
  Effect.mapError(change, ({ reason, message }) => {
    switch (reason) {
      case 'notFound':
        return adminError.notFound(message)
      case 'invalid':
        return adminError.invalidRequest(message)
      case 'conflict':
        return adminError.conflict(message)
    }
  })
