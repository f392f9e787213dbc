/**
 * Boot: the newest snapshot of this fold plus the tail of the log, through the same functions as the live path.
 */
import { Effect } from 'effect'
import { applyRecorded, decodeState, type GatewayState, initialState, STATE_VERSION } from '#actors/gateway-state.ts'
import type { EventLog, EventLogError } from '#actors/ports.ts'

const PAGE = 5_000

export interface Restored {
  readonly state: GatewayState
  /** The last position that is folded in. */
  readonly position: number
  readonly snapshotPosition: number
  /** Events of a newer release, which this one cannot fold. */
  readonly foreign: number
}

/** Folds the whole log, starting from the newest usable snapshot. */
export const restore = (log: EventLog['Service']): Effect.Effect<Restored, EventLogError> =>
  Effect.gen(function* () {
    const snapshot = yield* log.latestSnapshot(STATE_VERSION)
    const state = snapshot === undefined ? initialState() : decodeState(snapshot.state)
    const snapshotPosition = snapshot?.position ?? 0
    let position = snapshotPosition
    let foreign = 0
    for (;;) {
      const page = yield* log.read({ after: position, limit: PAGE })
      for (const row of page) {
        if (row._tag === 'Known') {
          applyRecorded(state, row.recorded)
          position = row.recorded.position
        } else {
          foreign++
          position = row.position
        }
      }
      if (page.length < PAGE) break
    }
    if (foreign > 0) yield* Effect.logWarning('the log holds events of a newer release; they were skipped', { foreign })
    return { state, position, snapshotPosition, foreign }
  })
