/**
 * The events that a what-if needs, from the log: what was asked, decided and tried, and the policy in force at the end.
 */
import { Effect } from 'effect'
import { EventLog } from '#actors/ports.ts'
import { progress } from '#cli/progress.ts'
import type { Policy } from '#domain/policy.ts'
import type { Happened } from '#domain/what-if/traffic.ts'

const TYPES = [
  'PolicyChanged',
  'RequestAdmitted',
  'RouteChosen',
  'AttemptStarted',
  'AttemptSucceeded',
  'AttemptFailed',
  'RequestFailed',
  'RequestCancelled',
  'RequestAbandoned',
] as const
const PAGE = 5_000
/** About 20,000 requests: some minutes of playing, some hundred megabytes of memory. What is older is left out. */
const MOST_EVENTS = 100_000

export interface ReadLog {
  readonly events: readonly Happened[]
  /** Null: the log has none. */
  readonly policy: Policy | null
  readonly isCut: boolean
}

/** @param since epoch ms; absent: from the beginning */
export const readLog = Effect.fnUntraced(function* (since: number | undefined, quiet: boolean) {
  const log = yield* EventLog
  const head = yield* log.head
  const bar = progress('reading', quiet)
  const events: Happened[] = []
  let policy: Policy | null = null
  let isCut = false
  for (let after = 0; ; ) {
    const page = yield* log.read({ after, limit: PAGE, types: TYPES })
    for (const row of page) {
      after = row._tag === 'Known' ? row.recorded.position : row.position
      if (row._tag !== 'Known') continue
      const { event, occurredAt } = row.recorded
      if (event._tag === 'PolicyChanged') policy = event.policy
      else if (since === undefined || occurredAt >= since) events.push({ event, occurredAt })
    }
    if (events.length > MOST_EVENTS) {
      events.splice(0, events.length - MOST_EVENTS)
      isCut = true
    }
    bar.update(head === 0 ? 1 : after / head)
    if (page.length < PAGE) break
  }
  bar.done()
  return { events, policy, isCut } satisfies ReadLog
})
