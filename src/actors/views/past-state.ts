/**
 * The state as it was at a past moment: the log up to the last event that had occurred by then, folded through the functions
 * of the live path. It starts from the newest snapshot, if that is old enough, else from the beginning of the log.
 */
import { Effect } from 'effect'
import { applyRecorded, decodeState, type GatewayState, initialState, STATE_VERSION } from '#actors/gateway-state.ts'
import type { EventLog, EventLogError } from '#actors/ports.ts'

/** Some 5 ms of folding; between two pages whoever waits gets a turn. */
const PAGE = 500

export interface PastState {
  readonly state: GatewayState
  /** The last position that is folded in; 0 before the first event. */
  readonly position: number
}

/** The box at `at` (epoch ms). */
export const pastState = (log: EventLog['Service'], at: number): Effect.Effect<PastState, EventLogError> =>
  Effect.gen(function* () {
    const [last] = yield* log.read({ after: 0, limit: 1, descending: true, until: at })
    const end = last === undefined ? 0 : last._tag === 'Known' ? last.recorded.position : last.position
    const snapshot = yield* log.latestSnapshot(STATE_VERSION)
    const start = snapshot !== undefined && snapshot.position <= end ? snapshot : undefined
    const state = start === undefined ? initialState() : decodeState(start.state)
    let position = start?.position ?? 0
    while (position < end) {
      const page = yield* log.read({ after: position, limit: Math.min(PAGE, end - position) })
      if (page.length === 0) break
      for (const row of page) {
        if (row._tag === 'Known') applyRecorded(state, row.recorded)
        position = row._tag === 'Known' ? row.recorded.position : row.position
      }
      yield* Effect.yieldNow
    }
    return { state, position }
  })
