/**
 * Opening and closing the box, as facts: what a dead process left unfinished is closed as abandoned, the policy in force is
 * recorded when it differs from the one in the log.
 */
import { Effect, Schema } from 'effect'
import { Ledger } from '#actors/ledger.ts'
import { Policy } from '#domain/policy.ts'
import { toJson } from '#domain/snapshot-json.ts'

export interface Opened {
  /** Requests of earlier processes that were closed as abandoned. */
  readonly abandoned: number
  readonly policyChanged: boolean
}

/** The same policy with its members in the order of its schema, in which it also comes back from the log. */
const ordered = Schema.decodeSync(Policy)

/** Records a policy if it is not the one in force already. */
export const changePolicy = Effect.fnUntraced(function* (wanted: Policy) {
  const ledger = yield* Ledger
  const policy = ordered(wanted)
  if (ledger.state.policyVersion > 0 && toJson(ordered(ledger.state.policy)) === toJson(policy)) return false
  const at = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
  ledger.record({ _tag: 'PolicyChanged', version: ledger.state.policyVersion + 1, policy }, at)
  return true
})

/**
 * To be run once, before the first request is taken in. `policy` as it is to be in force. Durable when it returns. Who shares its log
 * has joined it already, and open requests of others may still be served by them: lost-instances.ts closes those that are not.
 */
export const openBox = Effect.fnUntraced(function* (options: { readonly policy: Policy; readonly version: string }) {
  const ledger = yield* Ledger
  const at = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
  if (!ledger.shared) ledger.record({ _tag: 'BoxStarted', instance: ledger.writer, version: options.version }, at)
  // Copied first: recording changes the map that is walked.
  const unfinished = ledger.shared ? [] : [...ledger.state.projections.requests.inFlight]
  for (const [requestId, request] of unfinished) {
    ledger.record(
      {
        _tag: 'RequestAbandoned',
        requestId,
        attempts: request.attempts,
        ...(request.provider === undefined ? {} : { provider: request.provider }),
        ...(request.expectedNanoUsd === undefined ? {} : { costNanoUsd: request.expectedNanoUsd }),
      },
      at,
    )
  }
  const policyChanged = yield* changePolicy(options.policy)
  yield* ledger.committed
  return { abandoned: unfinished.length, policyChanged } satisfies Opened
})

/** The last fact of a process that stops in good order. */
export const closeBox = Effect.fnUntraced(function* (signal: string | undefined) {
  const ledger = yield* Ledger
  const at = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
  ledger.record({ _tag: 'BoxStopped', instance: ledger.writer, ...(signal === undefined ? {} : { signal }) }, at)
  yield* ledger.committed
})
